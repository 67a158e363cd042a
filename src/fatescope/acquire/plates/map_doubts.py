"""What a plate map leaves open: merged cells, names written in two ways, columns that are not read.

A spreadsheet that merges cells leaves all but the first of them empty, so that wells which were
treated alike are compared with each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from fatescope.base import Finding, Treatment, escape

_FEW = 6  # wells or columns that a sentence names


def map_doubts(
    treatments: Mapping[str, Treatment], unread: Sequence[str], *, file: str
) -> Iterator[Finding]:
    """Return findings about a map.

    Parameters
    ----------
    treatments : dict of str to Treatment
        By well.
    unread : sequence of str
        Columns with values that are none of ours.
    file : str
    """
    if unread:
        names = ", ".join(map(escape, unread[:_FEW]))
        yield _finding(
            file,
            "left-out",
            len(unread),
            f"Columns of the plate map are not read ({names}). If wells differ in them, say so in "
            "treatment, or give a map for each kind of well.",
            severe=False,
        )
    named = {w: t for w, t in treatments.items() if t.treatment}
    free = {w: t for w, t in named.items() if not t.control}
    yield from _partly(
        file, free, "a dose", lambda t: t.treatment.casefold(), lambda t: t.dose is not None
    )
    dosed = {w: t for w, t in named.items() if t.dose}
    yield from _partly(
        file, dosed, "a dose unit", lambda t: t.treatment.casefold(), lambda t: bool(t.dose_unit)
    )
    yield from _partly(file, named, "a control", lambda t: t.identity, lambda t: bool(t.control))
    spelt: dict[str, set[str]] = {}
    for t in named.values():
        spelt.setdefault(t.treatment.casefold(), set()).add(t.treatment)
    twice = [" and ".join(sorted(names)) for names in spelt.values() if len(names) > 1]
    if twice:
        yield _finding(
            file,
            "no-treatment",
            len(twice),
            f"Names of treatments differ in small and capital letters alone ({twice[0]}): they are "
            "two treatments. Write them in one way if they are one.",
        )


def _partly(
    file: str,
    treatments: Mapping[str, Treatment],
    what: str,
    alike: Callable[[Treatment], object],
    has: Callable[[Treatment], bool],
) -> Iterator[Finding]:
    """Say where some wells of one treatment have something that others lack."""
    groups: dict[object, list[str]] = {}
    for well, treatment in treatments.items():
        groups.setdefault(alike(treatment), []).append(well)
    for wells in groups.values():
        without = [w for w in wells if not has(treatments[w])]
        if not without or len(without) == len(wells):
            continue
        more = f" and {len(without) - _FEW} more" if len(without) > _FEW else ""
        yield _finding(
            file,
            "no-treatment",
            len(without),
            f"{len(without)} wells of {escape(treatments[wells[0]].treatment)} "
            f"({', '.join(without[:_FEW])}{more}) have no {what.split(' ', 1)[1]} and "
            f"{len(wells) - len(without)} have one, so they are compared as two treatments. If "
            "cells of the spreadsheet were merged, repeat their content in each row.",
        )


def _finding(file: str, rule: str, n: int, reason: str, *, severe: bool = True) -> Finding:
    return Finding(
        file=file,
        rule=rule,
        severity="warning" if severe else "info",
        value=float(n),
        limit=0.0,
        reason=reason,
    )
