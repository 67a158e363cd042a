"""Channels by the name of the stain or of the filter in which it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIASES: tuple[frozenset[str], ...] = (
    frozenset({"hoechst", "hoechst33342", "dapi"}),
    frozenset({"draq7", "cy5"}),
    frozenset({"pi", "propidiumiodide"}),
    frozenset({"brightfield", "bf", "transmittedlight", "tl"}),
    frozenset({"phase", "ph", "phasecontrast"}),
)
"""Names of one thing. In the live/dead assay Hoechst is seen in the DAPI filter, DRAQ7 in Cy5."""


def find_channel(channels: Sequence[str], wanted: str) -> str:
    """Return the channel that is called ``wanted``, or is the same stain under another name.

    The exact name wins, then the same letters in any case, then an alias.

    Raises
    ------
    InputError
        If no channel fits, or two aliases do.

    Examples
    --------
    >>> find_channel(("DAPI", "Cy5"), "Hoechst")
    'DAPI'
    """
    if wanted in channels:
        return wanted
    key = _key(wanted)
    same = next((names for names in ALIASES if key in names), frozenset({key}))
    found = [c for c in channels if _key(c) == key] or [c for c in channels if _key(c) in same]
    if len(found) != 1:
        what = "is more than one channel" if found else "is no channel"
        raise InputError(f"{wanted!r} {what} of {', '.join(channels)}. Give one of these names.")
    return found[0]


def _key(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
