"""Who came from whom: links from names, from ids, and what becomes of impossible ones."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.lineages.text import MISSING
from fatescope.base.finding import Finding, Severity
from fatescope.base.sulston import is_cell_name, mother_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fatescope.base.types import BoolArray, IntArray


def repeated_rows(frame: IntArray, name: np.ndarray, movie: IntArray | None = None) -> BoolArray:
    """Return which rows repeat the name and frame of an earlier row; unnamed rows never do.

    With ``movie``, a number for the movie of each row, rows of other movies do not count.
    """
    code = name_codes(name)
    group = np.zeros_like(code) if movie is None else movie
    order = np.lexsort((frame, code, group))
    again = np.zeros(len(frame), dtype=bool)
    same = np.ones(max(len(frame) - 1, 0), dtype=bool)
    for column in (frame, code, group):
        same &= column[order][1:] == column[order][:-1]
    again[order[1:]] = same & (code[order][1:] >= 0)
    return again


def name_codes(name: np.ndarray) -> IntArray:
    """Return a number for each row's name, in order of appearance; -1 where unnamed."""
    codes: dict[str, int] = {}
    given = [codes.setdefault(n, len(codes)) if n else -1 for n in name.tolist()]
    return np.asarray(given, dtype=np.int64)


def links_by_name(frame: IntArray, name: np.ndarray) -> IntArray:
    """Link each row to the same cell, else to its mother, in the latest earlier frame.

    A row that repeats a name and frame stays unlinked, and a mother that is still there when her
    daughter appears is not linked to.

    Parameters
    ----------
    frame : ndarray of int, shape (n,)
    name : ndarray of str (object), shape (n,)
        Sulston names or others; other names are followed in time but have no mother.

    Returns
    -------
    ndarray of int, shape (n,)
        Row of the parent, or -1.
    """
    parent = np.full(len(frame), -1, dtype=np.int64)
    code = name_codes(name)
    usable = (code >= 0) & ~repeated_rows(frame, name)
    rows = np.flatnonzero(usable)
    if not len(rows):
        return parent
    rows = rows[np.lexsort((frame[rows], code[rows]))]
    same = code[rows][1:] == code[rows][:-1]
    parent[rows[1:][same]] = rows[:-1][same]
    starts = np.concatenate([[0], np.flatnonzero(~same) + 1])
    ends = np.concatenate([starts[1:], [len(rows)]]) - 1
    last_row = {str(name[rows[e]]): int(rows[e]) for e in ends}
    for start in rows[starts].tolist():
        cell = str(name[start])
        mother = mother_of(cell) if is_cell_name(cell) else None
        row = -1 if mother is None else last_row.get(mother, -1)
        if row >= 0 and frame[row] < frame[start]:
            parent[start] = row
    return parent


def links_by_edges(
    file: str, ids: Sequence[Hashable], edges: Iterable[tuple[Hashable, Hashable]], frame: IntArray
) -> tuple[IntArray, list[Finding]]:
    """Link the spots at the two ends of each edge, the earlier as parent of the later.

    Returns
    -------
    parent : ndarray of int, shape (n,)
        Row of the parent, or -1.
    findings : list of Finding
        Ids in several rows, edges to no spot, and spots with two parents, of which the first is
        kept.
    """
    row_of, twice = _rows_of_ids(ids)
    parent = np.full(len(ids), -1, dtype=np.int64)
    lost, found = [], []
    for source, target in edges:
        if source not in row_of or target not in row_of or {source, target} & twice:
            lost.append((source, target))
            continue
        a, b = row_of[source], row_of[target]
        early, late = (a, b) if frame[a] <= frame[b] else (b, a)
        if parent[late] not in (-1, early):
            reason = f"spot {ids[late]} has two parents; only the first edge is kept."
            found.append(
                _finding(file, "orphan", reason, severity="error", object=f"spot {ids[late]}")
            )
        else:
            parent[late] = early
    if twice:
        found.append(_repeated_ids(file, ids, twice))
    if lost:
        first = " to ".join(str(end) if end not in (None, "") else "nothing" for end in lost[0])
        reason = (
            f"{len(lost)} links name no spot, or one of several with one id, and are left out; "
        )
        found.append(
            _finding(
                file, "unknown-parent", f"{reason}the first goes from {first}.", value=len(lost)
            )
        )
    return parent, found


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkColumns:
    """The columns of a table that say who came from whom; each may be missing (``None``).

    Values are keys as `keys_of` returns them. ``parent`` names an id, and ``mother`` a track.
    """

    id: list[Hashable] | None
    parent: list[Hashable] | None
    track: list[Hashable] | None
    mother: list[Hashable] | None
    cell: list[Hashable] | None

    def understood(self, frame: IntArray) -> LinkColumns:
        """Return the same where ids that are numbers of tracks are tracks.

        ``id`` and ``parent`` may name tracks (as in btrack), and so may ``parent`` beside a
        column of tracks, or beside the names of cells alone.
        """
        parent, track = self.parent, self.track
        if parent is None or self.mother is not None:
            return self
        if self.id is not None and track is None and _are_tracks(self.id, parent, frame):
            return replace(self, id=None, parent=None, track=self.id, mother=parent)
        if track is not None and (self.id is None or _name_tracks(track, parent, self.id)):
            return replace(self, parent=None, mother=parent)
        if self.id is None and track is None and self.cell is not None:
            return replace(self, parent=None, track=self.cell, mother=parent)
        return self


def keys_of(values: np.ndarray, movie: IntArray) -> list[Hashable]:
    """Return ids that are equal where the ids are, within each movie; ``None`` where missing.

    ``12``, ``12.0`` and ``1.2e1`` are one id, whole numbers of any size are exact.
    """
    memo: dict[object, Hashable] = {}
    keys = [memo[v] if v in memo else memo.setdefault(v, _key(v)) for v in values.tolist()]
    return [None if k is None else (m, k) for m, k in zip(movie.tolist(), keys, strict=True)]


def _key(value: object) -> Hashable:
    text = str(value).strip()
    if text.lower() in MISSING:
        return None
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return text
    whole = number.is_finite() and number.adjusted() < 40 and number == number.to_integral_value()
    return int(number) if whole else text


def links_by_columns(
    file: str, columns: LinkColumns, frame: IntArray, by_name: IntArray
) -> tuple[IntArray, list[Finding]]:
    """Link the rows of a table by their ids, by their tracks, else by their names.

    Parameters
    ----------
    columns : LinkColumns
    frame : ndarray of int, shape (n,)
    by_name : ndarray of int, shape (n,)
        The parents that follow from names; used where no column names a parent.

    Returns
    -------
    parent : ndarray of int, shape (n,)
        Row of the parent, or -1. Parents in the same or a later frame are returned as they
        stand: see `impossible_links`.
    findings : list of Finding
        What the columns name and the rows do not hold, and what could mean several things.
    """
    columns = columns.understood(frame)
    parent = by_name.copy()
    found: list[Finding] = []
    free = parent < 0
    if columns.parent is not None or columns.mother is not None:
        parent[:], free[:] = -1, True
    if columns.parent is not None and columns.id is not None:
        parent, found = _links_of_ids(file, columns.id, columns.parent)
        free = np.array([p is None for p in columns.parent], dtype=bool)
    elif columns.parent is not None:
        reason = (
            "a column names parents, and no column says which row has which id; give a column id."
        )
        found.append(_finding(file, "links-not-read", reason))
    elif columns.id is not None and columns.track is None and columns.cell is None:
        twice = _rows_of_ids(columns.id)[1]
        found += [_repeated_ids(file, columns.id, twice)] if twice else []
    if columns.track is not None:
        along, more = _links_of_tracks(file, columns.track, columns.mother, frame)
        parent = np.where(free, along, parent)
        found += more
    return parent, found


def _links_of_ids(
    file: str, ids: list[Hashable], parents: list[Hashable]
) -> tuple[IntArray, list[Finding]]:
    row_of, twice = _rows_of_ids(ids)
    parent = np.full(len(ids), -1, dtype=np.int64)
    unknown = []
    for row, key in enumerate(parents):
        if key is None or key in twice:
            continue
        parent[row] = row_of.get(key, -1)
        if parent[row] < 0 and not _means_none(key):
            unknown.append((row, key))
    found = [_repeated_ids(file, ids, twice)] if twice else []
    return parent, [*found, *_unknown(file, unknown)]


def _links_of_tracks(
    file: str, track: list[Hashable], mother: list[Hashable] | None, frame: IntArray
) -> tuple[IntArray, list[Finding]]:
    """Link each row to the one before in its track, the first to the last of its mother."""
    parent = np.full(len(frame), -1, dtype=np.int64)
    rows: dict[Hashable, list[int]] = {}
    for row in np.argsort(frame, kind="stable").tolist():
        if track[row] is not None and not _means_untracked(track[row]):
            rows.setdefault(track[row], []).append(row)
    branched = {t for t, r in rows.items() if len(set(frame[r].tolist())) < len(r)}
    unknown, torn = [], []
    for key, mine in rows.items():
        if key in branched:
            continue
        parent[mine[1:]] = mine[:-1]
        names = {mother[r] for r in mine} - {None, key} if mother is not None else set()
        names = {m for m in names if m in rows or not _means_none(m)}
        if len(names) > 1:
            torn.append(key)
        for above in names if len(names) == 1 else ():
            before = [r for r in rows.get(above, ()) if frame[r] < frame[mine[0]]]
            if not before:
                unknown.append((mine[0], above))
            elif above not in branched:
                parent[mine[0]] = before[-1]
    found = _unknown(file, unknown)
    if branched:
        found.append(_branched(file, branched, repeated=mother is not None))
    if torn:
        reason = f"{len(torn)} tracks name several mothers (the first is {_shown(torn[0])}); "
        found.append(_finding(file, "links-not-read", f"{reason}they are left without."))
    return parent, found


def _rows_of_ids(ids: Sequence[Hashable]) -> tuple[dict[Hashable, int], set[Hashable]]:
    """Return the first row of each id, and the ids of several rows."""
    row_of: dict[Hashable, int] = {}
    twice: set[Hashable] = set()
    for row, key in enumerate(ids):
        if key is not None and row_of.setdefault(key, row) != row:
            twice.add(key)
    return row_of, twice


def _are_tracks(ids: list[Hashable], parents: list[Hashable], frame: IntArray) -> bool:
    """Say whether ids are those of tracks: long ones, (nearly) one row a frame, one mother each."""
    rows = [(k, f) for k, f in zip(ids, frame.tolist(), strict=True) if k is not None]
    long = 2 * len({k for k, _ in rows}) <= len(rows)
    return long and len(rows) - len(set(rows)) <= 0.1 * len(rows) and _one_mother_each(ids, parents)


def _name_tracks(track: list[Hashable], parents: list[Hashable], ids: list[Hashable]) -> bool:
    """Say whether parents beside ids and tracks name tracks: each row of a track the same."""
    named = _mothers(track, parents)
    again = len(named) > len({t for t, _ in named})
    return _one_mother_each(track, parents) and (again or not {p for _, p in named} <= {*ids})


def _one_mother_each(track: list[Hashable], parents: list[Hashable]) -> bool:
    """Say whether all rows of each track that name a parent name the same one."""
    named = set(_mothers(track, parents))
    return len(named) == len({t for t, _ in named})


def _mothers(track: list[Hashable], parents: list[Hashable]) -> list[tuple[Hashable, Hashable]]:
    """Return the track and the parent of each row that names another track than its own."""
    tracks = set(track)
    pairs = zip(track, parents, strict=True)
    return [(t, p) for t, p in pairs if p not in (None, t) and (p in tracks or not _means_none(p))]


def _means_none(key: Hashable) -> bool:
    """Say whether an id that no row has is a program's way to write none."""
    return isinstance(key, tuple) and key[1] in (-1, 0, 2**32 - 1, 2**64 - 1)


def _means_untracked(key: Hashable) -> bool:
    """Say whether a number of a track is a program's way to write that there is none."""
    return isinstance(key, tuple) and key[1] in (-1, 2**32 - 1, 2**64 - 1)


def _shown(key: Hashable) -> str:
    return str(key[1]) if isinstance(key, tuple) else str(key)


def _unknown(file: str, unknown: list[tuple[int, Hashable]]) -> list[Finding]:
    if not unknown:
        return []
    row, key = unknown[0]
    reason = (
        f"{len(unknown)} rows name a parent that is in no row before them, and are kept without a "
        f"link; the first is row {row + 1}, with parent {_shown(key)}."
    )
    return [_finding(file, "unknown-parent", reason, value=len(unknown))]


def _repeated_ids(file: str, ids: Sequence[Hashable], twice: set[Hashable]) -> Finding:
    first = next(k for k in ids if k in twice)
    rows = [row + 1 for row, k in enumerate(ids) if k == first]
    reason = (
        f"{len(twice)} ids stand in several rows (the first is {_shown(first)}, in rows {rows[0]} "
        f"and {rows[1]}); which of them a link means cannot be told, so no row is linked to them."
    )
    return _finding(file, "duplicate-id", reason, severity="error", value=len(twice))


def _branched(file: str, branched: set[Hashable], *, repeated: bool) -> Finding:
    first = _shown(min(branched, key=str))
    reason = (
        f"{len(branched)} tracks stand in several rows of a frame (one is {first}): they are whole "
        "trees, or hold rows twice, and are not linked. Give a table with the id and the parent of "
        "each row, or the XML or GEFF of the same program."
    )
    rule = "duplicate-id" if repeated else "links-not-read"
    return _finding(file, rule, reason, value=len(branched))


def trees_not_read(
    file: str, column: str, tree: Sequence[Hashable], track: Sequence[Hashable]
) -> list[Finding]:
    """Say that several tracks are of one tree, where no column says which came from which."""
    tracks: dict[Hashable, set[Hashable]] = {}
    for one, other in zip(tree, track, strict=True):
        if one is not None and other is not None and not _means_untracked(other):
            tracks.setdefault(one, set()).add(other)
    several = sum(len(found) > 1 for found in tracks.values())
    if not several:
        return []
    reason = (
        f"{several} trees of {column} hold several tracks, and no column names the mother of a "
        "track, so their divisions are not read. Give a column parent_track_id."
    )
    return [_finding(file, "links-not-read", reason, value=several)]


def links_not_read(file: str, columns: Sequence[str]) -> list[Finding]:
    """Say that columns seem to hold links and are not understood; nothing where there are none."""
    if not columns:
        return []
    reason = (
        f"who came from whom seems to stand in {', '.join(columns)}, and was not read. Call the "
        "columns id and parent (the id of the row before), or track_id and parent_track_id."
    )
    return [_finding(file, "links-not-read", reason)]


def _finding(
    file: str,
    rule: str,
    reason: str,
    *,
    severity: Severity = "warning",
    value: int | None = None,
    object: str | None = None,
) -> Finding:
    number = None if value is None else float(value)
    return Finding(
        file=file, rule=rule, severity=severity, value=number, object=object, reason=reason
    )


def impossible_links(frame: IntArray, parent: IntArray) -> BoolArray:
    """Return which rows name a parent in the same or a later frame; every cycle holds one."""
    linked = parent >= 0
    bad = np.zeros(len(frame), dtype=bool)
    bad[linked] = frame[parent[linked]] >= frame[linked]
    return bad
