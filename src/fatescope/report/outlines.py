"""Outlines of labelled objects: as compact SVG paths, and painted into small pictures."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import check_label_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import BoolArray, IntArray, LabelImage

Polygon = list[tuple[int, int]]

# Okabe and Ito's colours that stand out from a grey picture on black; their dark blue does not.
PALETTE = ("#e69f00", "#56b4e9", "#00b98a", "#f0e442", "#ff7a3d", "#e08ab8")
GREEN = (0, 230, 118)
MAGENTA = (255, 64, 255)

_STEP = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])  # right, down, left, up as (y, x)


def colour_of(number: int) -> str:
    """Return the colour of an object or track; the same number always has the same one.

    Examples
    --------
    >>> colour_of(1) == colour_of(7)
    True
    """
    return PALETTE[(number - 1) % len(PALETTE)]


def outline_polygons(labels: LabelImage) -> dict[int, list[Polygon]]:
    """Trace every object along the middles of its pixel sides.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 is background.

    Returns
    -------
    dict of int to list
        For each label, in rising order, closed polygons as lists of (x, y) in *half pixels* from
        the upper left corner of the picture; holes are walked the other way round.

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
    >>> outline_polygons(np.array([[0, 0], [0, 5]]))
    {5: [[(3, 2), (4, 3), (3, 4), (2, 3)]]}
    """
    check_label_image(labels, name="labels")
    value, start, direction = _edges(labels)
    if not len(value):
        return {}
    follower = _follow(value, start, direction, width=labels.shape[1] + 2)
    middle = 2 * start + _STEP[direction]
    move = middle[follower] - middle
    before = np.empty_like(follower)
    before[follower] = np.arange(len(follower))
    corner = (move != move[before]).any(axis=1)
    return _walk(value, middle, follower, corner)


def outline_paths(labels: LabelImage) -> dict[int, str]:
    """Write the outlines of `outline_polygons` as the data of SVG paths with relative moves.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 is background.

    Returns
    -------
    dict of int to str
        In half pixels, one path for each label.

    Examples
    --------
    >>> outline_paths(np.array([[0, 0], [0, 5]]))
    {5: 'm3 2 1 1-1 1-1-1z'}
    """
    return {label: _path(pieces) for label, pieces in outline_polygons(labels).items()}


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
    picture: NDArray[np.uint8], labels: LabelImage, *, marked: int = 0
) -> NDArray[np.uint8]:
    """Paint outlines into a grey picture: green, and magenta for the marked object.

    Parameters
    ----------
    picture : ndarray of uint8, shape (Y, X)
    labels : ndarray of int, shape (Y, X)
    marked : int
        Label to paint in magenta; 0 for none.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
    """
    rgb = np.repeat(picture[:, :, None], 3, axis=2)
    edge = outline_pixels(labels)
    rgb[edge] = GREEN
    if marked:
        rgb[edge & (labels == marked)] = MAGENTA
    return rgb


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
    rank = np.unique(value, return_inverse=True)[1]
    n_vertices = width * (int(start[:, 0].max()) + 2)

    def key(vertex: IntArray, heading: IntArray) -> IntArray:
        position = vertex[:, 0] * width + vertex[:, 1]
        return np.asarray((rank * n_vertices + position) * 4 + heading)

    own = key(start, direction)
    order = np.argsort(own, kind="stable")
    end = start + _STEP[direction]
    follower = np.full(len(value), -1)
    for turn in (3, 0, 1):  # the last that exists wins: right, then straight on, then left
        wanted = key(end, (direction + turn) % 4)
        at = np.minimum(np.searchsorted(own[order], wanted), len(own) - 1)
        found = own[order][at] == wanted
        follower[found] = order[at[found]]
    return follower


def _walk(
    value: IntArray, middle: IntArray, follower: IntArray, corner: BoolArray
) -> dict[int, list[Polygon]]:
    at = np.flatnonzero(corner)
    rank = np.cumsum(corner) - 1
    following = rank[_next_corner(follower, corner)[at]].tolist()
    y, x, of = middle[at, 0], middle[at, 1], value[at]
    # Reading order, so that a polygon begins at the upper left and the result never varies.
    first = np.lexsort((x, y, of)).tolist()
    points, labels = list(zip(x.tolist(), y.tolist(), strict=True)), of.tolist()
    seen = bytearray(len(points))
    polygons: dict[int, list[Polygon]] = {}
    for begin in first:
        if seen[begin]:
            continue
        polygon, here = [], begin
        while not seen[here]:
            seen[here] = 1
            polygon.append(points[here])
            here = following[here]
        polygons.setdefault(labels[begin], []).append(polygon)
    return polygons


def _next_corner(follower: IntArray, corner: BoolArray) -> IntArray:
    """Return for each edge the first corner after it; straight runs are jumped over, doubling."""
    target = follower.copy()
    open_ends = np.flatnonzero(~corner[target])
    while len(open_ends):
        target[open_ends] = target[target[open_ends]]
        open_ends = open_ends[~corner[target[open_ends]]]
    return target


def _path(polygons: list[Polygon]) -> str:
    text = []
    from_x, from_y = 0, 0
    for points in polygons:
        # After "z" the pen is back at the begin of the last piece; moves are relative to it.
        text.append("m" + _pair(points[0][0] - from_x, points[0][1] - from_y).lstrip())
        from_x, from_y = points[0]
        text += [_pair(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
        text.append("z")
    return "".join(text)


@cache
def _pair(dx: int, dy: int) -> str:
    """Write one relative move; a minus sign needs no space before it."""
    return f"{dx if dx < 0 else f' {dx}'}{dy if dy < 0 else f' {dy}'}"
