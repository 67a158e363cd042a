"""The order of axes: always a subset of ``TCZYX``, in this order, inside fatescope."""

from __future__ import annotations

from fatescope.base.errors import InputError

AXES = "TCZYX"


def parse_axes(text: str) -> str:
    """Read axes as a user writes them, in the order in which the file stores them.

    Parameters
    ----------
    text : str
        Letters out of ``TCZYX`` (``S``, samples, is read as ``C``), any case, any order.

    Returns
    -------
    str
        The letters in upper case, in the given order.

    Raises
    ------
    InputError
        If a letter is unknown or occurs twice, or if Y or X is missing.

    Examples
    --------
    >>> parse_axes("tyx")
    'TYX'
    """
    axes = text.strip().upper().replace("S", "C")
    unknown = sorted(set(axes) - set(AXES))
    if unknown:
        raise InputError(
            f"axes {text!r} contain {', '.join(unknown)}, which fatescope does not know. "
            "Use letters out of TCZYX (time, channel, plane, row, column)."
        )
    if len(set(axes)) != len(axes):
        raise InputError(f"axes {text!r} name an axis twice. Name each axis once.")
    if not {"Y", "X"} <= set(axes):
        raise InputError(f"axes {text!r} lack Y or X. An image has rows (Y) and columns (X).")
    return axes


def check_axes(axes: str, shape: tuple[int, ...]) -> None:
    """Raise `InputError` unless ``axes`` is in canonical order and fits ``shape``."""
    if axes != "".join(a for a in AXES if a in axes) or not axes.endswith("YX"):
        raise InputError(f"axes {axes!r} are not in the order {AXES}. Sort them first.")
    if len(axes) != len(shape):
        raise InputError(
            f"axes {axes!r} name {len(axes)} axes, but the data have shape {shape}. "
            "Give one letter for each axis."
        )
