"""Names: outside the tree, divided beyond the tree, out of file order, daughters exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.base.sulston import daughter_names, is_cell_name, mother_of, sister_of, sort_key
from fatescope.base.sulston_tree import is_canonical, is_terminal
from fatescope.lineage.division_axes import AxisFit, DivisionAxes, division_axes, fit_axes

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.lineage.lint.settings import LintSettings
    from fatescope.numeric import Tracks


def outside_names(tracks: Tracks) -> list[str]:
    """Return the distinct names that are not cells of the embryo, in file order."""
    return [n for n in dict.fromkeys(tracks.name.tolist()) if n and not is_canonical(n)]


def outside_tree(tracks: Tracks, *, file: str) -> list[Finding]:
    """Report names that no cell of the embryo bears, except those of over-split cells."""
    by_name = tracks.by_name()
    outside = outside_names(tracks)
    found = []
    for name in outside:
        if _divided_terminal(name) is not None:
            continue
        track = by_name[name]
        kind = (
            "follows the rules but is no cell of the embryo"
            if is_cell_name(name)
            else ("is not a Sulston name")
        )
        found.append(
            Finding(
                file=file,
                rule="outside-tree",
                frame=int(tracks.first[track]),
                object=name,
                value=float(tracks.n_rows[track]),
                severity="warning" if is_cell_name(name) else "info",
                reason=f"{name} {kind} ({tracks.n_rows[track]} rows).",
            )
        )
    named = len(by_name)
    if outside:
        found.append(
            Finding(
                file=file,
                rule="outside-tree",
                value=float(len(outside)),
                limit=0.0,
                severity="warning",
                reason=f"{len(outside)} of {named} names are outside the tree of the embryo.",
            )
        )
    return found


def oversplit(tracks: Tracks, *, file: str) -> list[Finding]:
    """Report cells of the embryo that are terminal but have descendants here."""
    below: dict[str, list[str]] = {}
    for name in outside_names(tracks):
        terminal = _divided_terminal(name)
        if terminal is not None:
            below.setdefault(terminal, []).append(name)
    by_name = tracks.by_name()
    return [
        Finding(
            file=file,
            rule="oversplit",
            frame=min(int(tracks.first[by_name[n]]) for n in names),
            object=terminal,
            value=float(len(names)),
            limit=0.0,
            severity="warning",
            reason=(
                f"{terminal} does not divide in the embryo of C. elegans but has {len(names)} "
                f"descendants here ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})."
            ),
        )
        for terminal, names in below.items()
    ]


def _divided_terminal(name: str) -> str | None:
    """Return the terminal cell of the embryo that a name descends from, if there is one."""
    above = mother_of(name) if is_cell_name(name) else None
    while above is not None and not is_canonical(above):
        above = mother_of(above)
    return above if above is not None and is_terminal(above) else None


def file_order(lineage: Lineage, tracks: Tracks, *, file: str) -> list[Finding]:
    """Report sisters whose trees stand in the wrong order in a file of depth-first order.

    Tables of the EPIC collection are written in that order by the tool that named the cells, so
    two families in reverse order were exchanged by hand later.
    """
    if lineage.metadata.get("format") != "epic":
        return []
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(lineage.name.tolist()):
        rows.setdefault(name, []).append(row)
    # A cell whose rows lie apart bears another cell's name in some: its place says nothing.
    place = {n: r[0] for n, r in rows.items() if is_cell_name(n) and r[-1] - r[0] + 1 == len(r)}
    names = list(place)
    reversed_pairs = []
    for name in names:
        sister = sister_of(name)
        if (
            sister is not None
            and sister in place
            and sort_key(name) < sort_key(sister)
            and place[name] > place[sister]
        ):
            reversed_pairs.append((name, sister))
    # A table sorted by time or at random has no order that could betray anything.
    if len(reversed_pairs) > max(4, 0.02 * len(names)):
        return []
    by_name = tracks.by_name()
    return [
        Finding(
            file=file,
            rule="exchanged",
            frame=int(tracks.first[by_name[first]]),
            object=f"{first}|{second}",
            severity="warning",
            reason=(
                f"{first} stands after {second} in a table that is otherwise in the order of the "
                "tree: their names were probably exchanged."
            ),
        )
        for first, second in reversed_pairs
        if first in by_name
    ]


def axis_fit(lineage: Lineage, tracks: Tracks, reference: DivisionAxes) -> AxisFit | None:
    """Lay an embryo over the reference; ``None`` if it shares too few divisions."""
    return fit_axes(division_axes(lineage, tracks), reference)


def swapped_daughters(
    tracks: Tracks,
    fit: AxisFit,
    reference: DivisionAxes,
    *,
    file: str,
    settings: LintSettings,
    known: set[str],
) -> list[Finding]:
    """Report divisions whose axis points against the mean of other embryos.

    ``reference``: what it was fitted to; ``known``: pairs ``first|second`` that are reported
    already.
    """
    by_name = tracks.by_name()
    found = []
    for mother, cosine in fit.cosine.items():
        first, second = daughter_names(mother)
        pair = f"{first}|{second}"
        life = min(int(tracks.n_rows[by_name[n]]) for n in (first, second))
        if cosine >= settings.swap_cosine or life < settings.swap_frames or pair in known:
            continue
        agree = float(np.linalg.norm(reference.mean[mother]))
        angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
        found.append(
            Finding(
                file=file,
                rule="swap",
                frame=int(tracks.first[by_name[first]]),
                object=pair,
                value=round(cosine, 3),
                limit=settings.swap_cosine,
                severity="error",
                reason=(
                    f"{mother} divides at {angle:.0f}° to the mean axis of "
                    f"{reference.embryos[mother]} embryos, which agree to {agree:.2f}: {first} and "
                    f"{second} are probably swapped."
                ),
            )
        )
    return found


def misfit(fit: AxisFit, *, file: str, settings: LintSettings) -> list[Finding]:
    """Report an embryo whose divisions as a whole do not point as in the reference."""
    if fit.agreement >= settings.axis_agreement:
        return []
    return [
        Finding(
            file=file,
            rule="atypical",
            value=round(fit.agreement, 3),
            limit=settings.axis_agreement,
            severity="warning",
            reason=(
                f"the division axes agree with the reference to {fit.agreement:.2f} only (typical "
                "embryos 0.95 to 0.98): wrong names, wrong spacing, or an embryo unlike the others."
            ),
        )
    ]
