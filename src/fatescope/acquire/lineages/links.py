"""Who came from whom: links from names, from ids, and what becomes of impossible ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import is_cell_name, mother_of

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, IntArray


def repeated_rows(frame: IntArray, name: np.ndarray) -> BoolArray:
    """Return which rows repeat the name and frame of an earlier row; unnamed rows never do."""
    code = name_codes(name)
    order = np.lexsort((frame, code))
    again = np.zeros(len(frame), dtype=bool)
    same = (code[order][1:] == code[order][:-1]) & (frame[order][1:] == frame[order][:-1])
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


def links_by_id(ids: np.ndarray, parent_ids: np.ndarray, frame: IntArray) -> IntArray:
    """Link rows through ids; ids that are empty, unknown or repeated give no link (-1).

    Links to the same or a later frame are returned as they stand: see `impossible_links`.
    """
    row_of: dict[object, int] = {}
    for row, key in enumerate(ids.tolist()):
        row_of.setdefault(key, row)
    missing = {None, "", -1, "-1"}
    rows = [
        -1 if (key in missing or key != key) else row_of.get(key, -1) for key in parent_ids.tolist()
    ]
    return np.asarray(rows, dtype=np.int64).reshape(len(frame))


def impossible_links(frame: IntArray, parent: IntArray) -> BoolArray:
    """Return which rows name a parent in the same or a later frame; every cycle holds one."""
    linked = parent >= 0
    bad = np.zeros(len(frame), dtype=bool)
    bad[linked] = frame[parent[linked]] >= frame[linked]
    return bad
