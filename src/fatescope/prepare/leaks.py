"""The leak audit: whether anything that learns is also among what judges.

Pure functions on images and their splits. Five ways in which a sample can stand on two sides:
its unit is on both, its pixels are identical, it is nearly the same image, it continues into
the other (tiles of one field), or part of it is part of the other (overlapping crops).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.base import InputError
from fatescope.prepare.signatures import Signature, poses, sign_image, unit_vector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray, FloatArray

Kind = Literal["unit", "identical", "near-duplicate", "adjoining", "overlapping"]
Pairs = dict[tuple[int, int], float]
NEAR = 0.95
"""Correlation of thumbnails above which two images are nearly the same."""
BORDER = 0.9
"""Correlation of borders above which one image may continue in another."""
BORDER_MARGIN = 0.1
"""By how much a border must beat every other border, and every mirrored one."""
SHORTEST_BORDER = 128
"""Borders with fewer pixels agree by chance too often."""
LEAST_ANCHORS = 4
"""Common windows at one offset that make an overlap."""
COMMON_PATTERN = 8
"""A window in more images than this belongs to the camera or the format, not to a place."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Leak:
    """Two samples that stand on two sides of a split and should not."""

    kind: Kind
    first: str
    second: str
    value: float  # correlation, or number of common places

    def __str__(self) -> str:
        return f"{self.first} and {self.second} ({self.kind}, {self.value:.2f})"


def audit_leaks(
    images: Iterable[NDArray[Any]],
    names: Sequence[str],
    splits: Sequence[str],
    *,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Leak]:
    """Look for images that share content across a split.

    Parameters
    ----------
    images : iterable of ndarray, shape (Y, X)
        All samples, read one at a time; shapes may differ.
    names : sequence of str
        What the pairs are called in the result.
    splits : sequence of str
        Split of each image; those marked ``unused`` are left out.
    progress : callable, optional
        Called with what is being compared.

    Returns
    -------
    list of Leak
        Each pair once, by the strongest kind; sorted. Empty for a clean set.

    Notes
    -----
    Identical: equal bytes. Near-duplicate: correlation of thumbnails without their coarse
    brightness, also mirrored and rotated, confirmed at twice the resolution. Adjoining: last row
    or column against first, better than every rival by a margin; borders of at least 128 pixels.
    Overlapping: common windows of 8 x 8 pixels, sampled by their content, at one offset. Memory
    holds a signature of at most 100 kB for each image; time grows with pixels, and with the
    square of the number of images only for products of thumbnails and borders.
    """
    signed, used = [], []
    for i, (plane, split) in enumerate(zip(images, splits, strict=True)):
        if split != "unused":
            signed.append(sign_image(np.asarray(plane)))
            used.append(i)
            if progress:
                progress(i + 1, len(splits), "looking for leaks")
    if len(signed) < 2:
        return []
    side = np.array([splits[i] for i in used])
    across = side[:, None] != side[None, :]
    found: dict[tuple[int, int], Leak] = {}
    for kind, look in _KINDS:
        for (i, j), value in look(signed, across).items():
            pair = names[used[i]], names[used[j]]
            leak = Leak(kind=kind, first=min(pair), second=max(pair), value=round(value, 3))
            found.setdefault((min(i, j), max(i, j)), leak)
    return sorted(found.values())


def audit_units(
    units: Sequence[str],
    frames: Sequence[int | None],
    splits: Sequence[str],
    names: Sequence[str],
    *,
    guard_frames: int,
) -> list[Leak]:
    """Look for units that stand on two sides without a guard band in time between them.

    Parameters
    ----------
    units, frames, splits, names : sequences of equal length
        One entry per sample. A unit on two sides is allowed only where frames are known and at
        least ``guard_frames`` unused frames lie between the sides.
    guard_frames : int
        Width of the band.

    Returns
    -------
    list of Leak
        One for each unit at fault, with the number of frames between the closest two samples.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for i, unit in enumerate(units):
        if splits[i] != "unused":
            members[unit].append(i)
    leaks = []
    for inside in members.values():
        order = sorted(inside, key=lambda i: (frames[i] is not None, frames[i] or 0, splits[i]))
        for i, j in pairwise(order):
            if splits[i] == splits[j]:
                continue
            a, b = frames[i], frames[j]
            between = -1 if a is None or b is None else b - a - 1
            if between < guard_frames:
                leaks.append(
                    Leak(kind="unit", first=names[i], second=names[j], value=float(between))
                )
                break
    return sorted(leaks)


_LISTED = 5  # pairs that the error names


def check_leaks(leaks: Sequence[Leak]) -> None:
    """Raise `InputError` that names the pairs, if there are any."""
    if leaks:
        listed = "; ".join(str(leak) for leak in leaks[:_LISTED])
        more = f"; and {len(leaks) - _LISTED} more" if len(leaks) > _LISTED else ""
        raise InputError(
            f"{len(leaks)} pairs of samples stand on two sides of the split: {listed}{more}. "
            "Give both samples of a pair one unit (--unit), or leave one out."
        )


def _identical(signed: list[Signature], across: BoolArray) -> Pairs:
    same: dict[bytes, list[int]] = defaultdict(list)
    for i, s in enumerate(signed):
        same[s.digest].append(i)
    return {
        (i, j): 1.0
        for group in same.values()
        for k, i in enumerate(group)
        for j in group[k + 1 :]
        if across[i, j]
    }


def _near_duplicate(signed: list[Signature], across: BoolArray) -> Pairs:
    thumbs = np.stack([s.coarse for s in signed])
    found: Pairs = {}
    for k, rotated in enumerate(zip(*[poses(t) for t in thumbs], strict=True)):
        for i, j in np.argwhere(np.triu((np.stack(rotated) @ thumbs.T > NEAR) & across)).tolist():
            value = float(poses(signed[i].fine)[k] @ signed[j].fine)
            if value > NEAR - 0.05:
                found[i, j] = max(value, found.get((i, j), 0.0))
    return found


def _overlapping(signed: list[Signature], across: BoolArray) -> Pairs:
    places: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for i, s in enumerate(signed):
        for value, y, x in s.anchors.tolist():
            places[value].append((i, y, x))
    votes: dict[tuple[int, int, int, int], int] = defaultdict(int)
    for where in places.values():
        if len(where) > COMMON_PATTERN:
            continue
        for k, (i, y, x) in enumerate(where):
            for j, v, u in where[k + 1 :]:
                if across[i, j]:
                    votes[i, j, v - y, u - x] += 1
    found: Pairs = {}
    for (i, j, _, _), n in votes.items():
        if n >= LEAST_ANCHORS:
            found[i, j] = max(float(n), found.get((i, j), 0.0))
    return found


def _adjoining(signed: list[Signature], across: BoolArray) -> Pairs:
    """Compare the last rows with the first ones, then the same for columns."""
    found: Pairs = {}
    for axis in (0, 1):
        lengths = np.array([s.shape[1 - axis] for s in signed])
        for length in np.unique(lengths[lengths >= SHORTEST_BORDER]):
            group = np.flatnonzero(lengths == length).tolist()
            starts = np.stack([signed[i].borders[2 * axis] for i in group])
            ends = np.stack([signed[i].borders[2 * axis + 1] for i in group])
            for (i, j), value in _continuing(ends, starts).items():
                a, b = group[i], group[j]
                if across[a, b]:
                    found[min(a, b), max(a, b)] = value
    return found


def _continuing(ends: FloatArray, starts: FloatArray) -> Pairs:
    """Return which end goes on in which start: better than any rival, and than mirrored ones."""
    match = ends @ starts.T
    np.fill_diagonal(match, -1)
    mirrored = ends @ starts[:, ::-1].T
    found: Pairs = {}
    for i, j in np.argwhere(match > BORDER).tolist():
        rivals = (np.delete(match[i], j), np.delete(match[:, j], i), mirrored[i], mirrored[:, j])
        chance = max(float(r.max(initial=0)) for r in rivals)
        clear = match[i, j] > chance + BORDER_MARGIN
        if clear and _without_strongest(ends[i], starts[j]) > BORDER - 0.3:
            found[i, j] = float(match[i, j])
    return found


def _without_strongest(end: FloatArray, start: FloatArray) -> float:
    """Return the correlation of two borders beside the place that speaks loudest for it.

    A single bright spot at one place is chance; a field continues along its whole border.
    """
    at = int(np.argmax(end * start))
    kept = np.abs(np.arange(len(end)) - at) > 6
    return float(unit_vector(end[kept]) @ unit_vector(start[kept]))


_KINDS: tuple[tuple[Kind, Callable[[list[Signature], BoolArray], Pairs]], ...] = (
    ("identical", _identical),
    ("near-duplicate", _near_duplicate),
    ("overlapping", _overlapping),
    ("adjoining", _adjoining),
)
