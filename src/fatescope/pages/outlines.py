"""Outlines of labelled objects: as compact SVG paths, and painted into small images."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import check_label_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import BoolArray, IntArray, LabelImage


# Okabe and Ito's colours that stand out from a grey image on black; their dark blue does not.
PALETTE = ("#e69f00", "#56b4e9", "#00b98a", "#f0e442", "#ff7a3d", "#e08ab8")
GREEN = (0, 230, 118)  # of all outlines, on grey
MAGENTA = (255, 64, 255)  # of the marked one: unlike green to colour-blind eyes

_STEP = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])  # right, down, left, up as (y, x)


def colour_of(number: int) -> str:
    """Return the colour of an object or track; the same number always has the same one.

    Examples
    --------
    >>> colour_of(1) == colour_of(7)
    True
    """
    return PALETTE[(number - 1) % len(PALETTE)]


def outline_paths(labels: LabelImage) -> dict[int, str]:
    """Trace every object along the middles of its pixel sides, as the data of SVG paths.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 is background.

    Returns
    -------
    dict of int to str
        For each label, in rising order, one path with relative moves, in *half pixels* from the
        upper left corner of the image; holes are walked the other way round.

    Raises
    ------
    InputError
        If ``labels`` is not a label image.

    Notes
    -----
    Each side of a pixel that faces another label is an edge walked with the object on its right;
    joining the middles of following edges cuts the corners of the staircase by a quarter of a
    pixel, which is what the marching squares algorithm draws at one half. Two objects that touch
    share one line. Pixels that meet at a corner alone are drawn apart.

    Examples
    --------
    >>> outline_paths(np.array([[0, 0], [0, 5]]))
    {5: 'm3 2 1 1-1 1-1-1z'}
    """
    value, middle, begin = _corners(labels)
    move = np.diff(middle, axis=0, prepend=0)
    # After "z" the pen is back at the begin of the last piece; moves are relative to it.
    move[begin] = np.diff(middle[begin], axis=0, prepend=0)
    starts = np.flatnonzero(np.diff(value, prepend=0))
    move[starts] = middle[starts]
    text = list(map(_pair, *move.T.tolist()))
    for i in begin.tolist():
        text[i] = "zm" + text[i].lstrip()
    pieces = zip(value[starts].tolist(), *_ends(starts, len(value)), strict=True)
    return {label: "".join(text[first:stop])[1:] + "z" for label, first, stop in pieces}


def outline_pixels(labels: LabelImage) -> BoolArray:
    """Return the pixels of objects that have another label beside, above or below them.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)

    Returns
    -------
    ndarray of bool, shape (Y, X)
    """
    check_label_image(labels, name="labels")
    padded = np.pad(labels, 1, mode="edge")
    inner = padded[1:-1, 1:-1]
    others = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    at_edge = np.logical_or.reduce([inner != other for other in others])
    return np.asarray((inner != 0) & at_edge, dtype=np.bool_)


def paint_outlines(
    image: NDArray[np.uint8], labels: LabelImage, *, marked: int = 0
) -> NDArray[np.uint8]:
    """Paint outlines into a grey image: green, and magenta for the marked object.

    Parameters
    ----------
    image : ndarray of uint8, shape (Y, X)
    labels : ndarray of int, shape (Y, X)
    marked : int
        Label to paint in magenta; 0 for none.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
    """
    rgb = np.repeat(image[:, :, None], 3, axis=2)
    edge = outline_pixels(labels)
    rgb[edge] = GREEN
    if marked:
        rgb[edge & (labels == marked)] = MAGENTA
    return rgb


def _corners(labels: LabelImage) -> tuple[IntArray, IntArray, IntArray]:
    """Return label and place (x, y) of every corner in walking order, and the first of each piece.

    Pieces are in the order of their labels, and of one label in reading order.
    """
    check_label_image(labels, name="labels")
    value, start, direction = _edges(labels)
    if not len(value):
        return value, start, np.zeros(0, np.intp)
    follower = _follow(value, start, direction, width=labels.shape[1] + 2)
    middle = 2 * start + _STEP[direction]
    move = middle[follower] - middle
    before = np.empty_like(follower)
    before[follower] = np.arange(len(follower))
    corner = (move != move[before]).any(axis=1)
    at = np.flatnonzero(corner)
    following = (np.cumsum(corner) - 1)[_next_corner(follower, corner)[at]]
    value, middle = value[at], middle[at, ::-1]
    order, begin = _walk(middle, value, following)
    return value[order], middle[order], begin


def _ends(first: IntArray, n: int) -> tuple[list[int], list[int]]:
    """Return where each stretch of ``n`` items begins, and where the next one does."""
    return first.tolist(), np.append(first, n)[1:].tolist()


def _edges(labels: LabelImage) -> tuple[IntArray, IntArray, IntArray]:
    """Return label, start (y, x in vertices) and direction of each side of an object."""
    padded = np.pad(labels, 1)
    inner = padded[1:-1, 1:-1]
    # side of the pixel: neighbour across it, where the walk along it begins
    sides = (
        (padded[:-2, 1:-1], (0, 0)),
        (padded[1:-1, 2:], (0, 1)),
        (padded[2:, 1:-1], (1, 1)),
        (padded[1:-1, :-2], (1, 0)),
    )
    parts: list[tuple[Any, Any, Any]] = []
    for direction, (beyond, corner) in enumerate(sides):
        y, x = np.nonzero((inner != 0) & (inner != beyond))
        start = np.stack([y, x], axis=1) + corner
        parts.append((inner[y, x].astype(np.int64), start, np.full(len(y), direction)))
    value, start, direction_of = (np.concatenate(p) for p in zip(*parts, strict=True))
    return value, start, direction_of


def _follow(value: IntArray, start: IntArray, direction: IntArray, *, width: int) -> IntArray:
    """Return for each edge the index of the one that continues it."""
    # One edge at most leaves a vertex in a direction: the side of one pixel.
    leaving = np.full((int(start[:, 0].max()) + 2) * width * 4, -1, np.int32)
    leaving[(start[:, 0] * width + start[:, 1]) * 4 + direction] = np.arange(len(value))
    end = start + _STEP[direction]
    place = (end[:, 0] * width + end[:, 1]) * 4
    follower = np.full(len(value), -1)
    for turn in (3, 0, 1):  # the last that exists wins: right, then straight on, then left
        edge = leaving[place + (direction + turn) % 4]
        found = (edge >= 0) & (value[edge] == value)
        follower[found] = edge[found]
    return follower


def _walk(middle: IntArray, value: IntArray, following: IntArray) -> tuple[IntArray, IntArray]:
    """Return the corners polygon by polygon, and where in that order each polygon begins.

    A polygon begins at its first corner in reading order, and polygons come by label and then
    by that corner, so that the result never varies.
    """
    first = np.lexsort((middle[:, 1] * (middle[:, 0].max() + 1) + middle[:, 0], value))
    rank = np.empty(len(first), np.int64)
    rank[first] = np.arange(len(first))
    begin, jump = rank, following
    while (begin != begin[following]).any():  # over twice as many corners each time
        begin = np.minimum(begin, begin[jump])
        jump = jump[jump]
    last = rank[following] == begin
    left = np.where(last, 0, 1)
    jump = np.where(last, np.arange(len(following)), following)
    while (ahead := left[jump]).any():
        left = left + ahead
        jump = jump[jump]
    order = np.argsort(begin * len(begin) - left)
    return order, np.flatnonzero(rank[order] == begin[order])


def _next_corner(follower: IntArray, corner: BoolArray) -> IntArray:
    """Return for each edge the first corner after it; straight runs are jumped over, doubling."""
    target = follower.copy()
    open_ends = np.flatnonzero(~corner[target])
    while len(open_ends):
        target[open_ends] = target[target[open_ends]]
        open_ends = open_ends[~corner[target[open_ends]]]
    return target


@cache
def _pair(dx: int, dy: int) -> str:
    """Write one relative move; a minus sign needs no space before it."""
    return f"{dx if dx < 0 else f' {dx}'}{dy if dy < 0 else f' {dy}'}"
