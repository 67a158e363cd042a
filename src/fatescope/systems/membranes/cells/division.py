"""Cells of a plane: pieces are put together in a tree, from which the best division is chosen."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.systems.membranes.cells.agglomerate import faces_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import LabelImage

_HIGHEST = 4.0
"""Pieces are put together over walls up to so many times the least wall."""
_BY_SIZE = (0.67, 1.25)
_AREAS = (0.0, 9.0)
"""Logarithm of areas, in squares of a wall's width, among which the weights were fitted; smaller
and larger ones count as these."""
_HALF = 0.5
_WEIGHTS = (
    -12.448,
    1.720,
    -5.482,
    -1.638,
    -4.010,
    1.286,
    4.037,
    17.766,
    -0.445,
    1.141,
    0.284,
    0.310,
    1.058,
    -0.945,
    0.541,
    -0.313,
    -1.173,
    -1.125,
    -0.432,
    0.530,
    -0.199,
    -1.115,
    1.946,
    0.042,
    -0.354,
    1.545,
    -0.646,
    -3.535,
)
"""By the column of `features_of`: log-odds that a node is a cell, fitted by
`benchmarks/membrane_division.py`."""

# What is summed when two nodes become one: of a node's pixels, of the sides that it shares with
# other pieces, with the outside, and of the sides that have come to lie within it.
_AREA, _WALL, _Y, _X, _YY, _XX, _XY = range(7)
_SIDES, _SIDE_WALL, _CLOSED, _FREE, _WITHIN, _WITHIN_WALL = range(7, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeTree:
    """Pieces, and what is made of two nodes at a time.

    Parameters
    ----------
    sums : ndarray of float, shape (n, 13)
        Areas, walls, moments and sides of each node: first the pieces, then the merged ones.
    last, highest : ndarray of float, shape (n,)
        Mean wall at which a node was merged, and the highest within it; 0 for pieces.
    children : tuple of tuple of int
        Two nodes, or none for a piece.
    roots : tuple of int
    """

    sums: NDArray[np.float64]
    last: NDArray[np.float64]
    highest: NDArray[np.float64]
    children: tuple[tuple[int, ...], ...]
    roots: tuple[int, ...]

    def pieces_of(self, node: int) -> list[int]:
        """Return the pieces, from 0, of which a node is made."""
        open_nodes, found = [node], []
        while open_nodes:
            one = open_nodes.pop()
            if self.children[one]:
                open_nodes += self.children[one]
            else:
                found.append(one)
        return found


def divide_plane(
    pieces: LabelImage,
    walls: NDArray[np.float32],
    spacing: Sequence[float],
    *,
    least: float,
    wall_um: float,
) -> NDArray[np.int32]:
    """Put pieces of a plane together so that each is as likely as can be a whole cell.

    Parameters
    ----------
    pieces : ndarray of int, shape (Y, X)
        From a watershed with a start in every cell, and in many more places; numbered from 1.
    walls : ndarray of float32, shape (Y, X)
    spacing : sequence of float
        In µm.
    least : float
        From this strength on there is a wall.
    wall_um : float
        Standard deviation of a wall's profile, the unit of sizes.

    Returns
    -------
    ndarray of int32

    Notes
    -----
    Pieces are merged over their weakest walls until one is left. Every node of this tree may be a
    cell; how likely it is follows from its outline, its inside and its shape (`features_of`). Of
    all divisions that the tree allows that with the highest sum of these probabilities is taken,
    less a half for each cell.

    References
    ----------
    Liu, Jones, Seyedhosseini and Tasdizen, "A modular hierarchical approach to 3D electron
    microscopy image segmentation", J. Neurosci. Methods 226, 2014.
    """
    tree = grow_tree(pieces, walls, least=least)
    odds = features_of(tree, spacing, least=least, wall_um=wall_um) @ np.array(_WEIGHTS)
    number = np.zeros(int(pieces.max(initial=0)) + 1, dtype=np.int32)
    for label, node in enumerate(best_division(tree, 1 / (1 + np.exp(-odds))), start=1):
        number[np.array(tree.pieces_of(node)) + 1] = label
    return np.asarray(number[pieces])


def grow_tree(pieces: LabelImage, walls: NDArray[np.float32], *, least: float) -> MergeTree:
    """Merge the two pieces with the weakest mean wall between them, again and again."""
    wall_of = faces_between(pieces, walls)
    closed_of = faces_between(pieces, (walls >= least).astype(np.float32))
    # Of each face: number of sides, sum of walls, number of sides with a wall.
    faces = {
        i - 1: {j - 1: np.array([n, s, closed_of[i][j][0]]) for j, (s, n) in js.items()}
        for i, js in wall_of.items()
    }
    sums = list(_sums_of_pieces(pieces, walls))
    for i, mine in faces.items():
        sums[i][_SIDES : _CLOSED + 1] = sum(mine.values())
    n = len(sums)
    last, highest = [0.0] * n, [0.0] * n
    children: list[tuple[int, ...]] = [()] * n
    middle = float(np.median([s[_AREA] for s in sums])) if n else 1.0

    def counted(i: int, j: int) -> tuple[float, int, int]:
        ratio = np.sqrt(min(sums[i][_AREA], sums[j][_AREA]) / middle)
        strength = faces[i][j][1] / faces[i][j][0]
        return float(strength * np.clip(ratio, *_BY_SIZE)), min(i, j), max(i, j)

    heap = [counted(i, j) for i, js in faces.items() for j in js if i < j]
    heapq.heapify(heap)
    roots = set(range(n))
    while heap and heap[0][0] <= _HIGHEST * least:
        _, i, j = heapq.heappop(heap)
        if i not in roots or j not in roots:
            continue
        face, both = faces[i][j], sums[i] + sums[j]
        both[_SIDES : _CLOSED + 1] -= 2 * face
        both[_WITHIN : _WITHIN_WALL + 1] += face[:2]
        new, strength = len(sums), face[1] / face[0]
        sums.append(both)
        children.append((i, j))
        last.append(strength)
        highest.append(max(strength, highest[i], highest[j]))
        roots = roots - {i, j} | {new}
        faces[new] = {}
        for old in (i, j):
            for other, shared in faces.pop(old).items():
                if other not in (i, j):
                    del faces[other][old]
                    faces[new][other] = faces[new].get(other, 0) + shared
        for other, shared in faces[new].items():
            faces[other][new] = shared
            heapq.heappush(heap, counted(new, other))
    return MergeTree(
        sums=np.reshape(sums, (len(sums), _WITHIN_WALL + 1)),
        last=np.array(last),
        highest=np.array(highest),
        children=tuple(children),
        roots=tuple(sorted(roots)),
    )


def _sums_of_pieces(pieces: LabelImage, walls: NDArray[np.float32]) -> NDArray[np.float64]:
    n, at = int(pieces.max(initial=0)) + 1, pieces.ravel()
    y, x = (axis.ravel().astype(np.float64) for axis in np.indices(pieces.shape))
    out = np.zeros((n, _WITHIN_WALL + 1))
    parts = (None, walls.ravel(), y, x, y * y, x * x, x * y)
    for column, weight in enumerate(parts):
        out[:, column] = np.bincount(at, weight, minlength=n)
    around = np.pad(pieces, 1)
    for axis in (0, 1):
        along = np.moveaxis(around, axis, 0)
        here, there = along[:-1], along[1:]
        free = (here != there) & ((here == 0) | (there == 0))
        out[:, _FREE] += np.bincount(np.maximum(here[free], there[free]), minlength=n)
    return out[1:]


def features_of(
    tree: MergeTree, spacing: Sequence[float], *, least: float, wall_um: float
) -> NDArray[np.float64]:
    """Describe each node of a tree by what tells cells from pieces and from several.

    Returns
    -------
    ndarray of float, shape (n, 28)
        One; the mean wall of the outline, the share of it without a wall, the mean wall inside, the
        mean of sides within, the last and the highest wall merged over, how much its ellipse is
        larger, the logarithm of the ratio of its axes, the share of the outline that is free, the
        sides within by the root of the area; squares and products of these; the logarithm of the
        area, and products with it. Walls count in units of ``least``.
    """
    s = tree.sums
    area, sides, within = s[:, _AREA], s[:, _SIDES], s[:, _WITHIN]
    y, x = s[:, _Y] / area, s[:, _X] / area
    yy, xx = s[:, _YY] / area - y * y + 1 / 12, s[:, _XX] / area - x * x + 1 / 12
    xy = s[:, _XY] / area - x * y
    product = np.maximum(yy * xx - xy * xy, 1e-3)
    half = (yy + xx) / 2
    long = half + np.sqrt(np.maximum(half * half - product, 0))
    ellipse = np.log(4 * np.pi * np.sqrt(product) / area)
    axes = 0.5 * np.log(long / np.maximum(product / long, 0.05))
    shares = sides > 0
    outline = np.where(shares, s[:, _SIDE_WALL] / np.maximum(sides, 1) / least, 1.4)
    gaps = np.where(shares, 1 - s[:, _CLOSED] / np.maximum(sides, 1), 0)
    inside = s[:, _WALL] / area / least
    merged = s[:, _WITHIN_WALL] / np.maximum(within, 1) / least
    last, highest = tree.last / least, tree.highest / least
    free = s[:, _FREE] / np.maximum(sides + s[:, _FREE], 1)
    cut = within / np.sqrt(area)
    size = np.clip(np.log(area * np.prod(spacing) / wall_um**2), *_AREAS)
    plain = [np.ones_like(area), outline, gaps, inside, merged, last, highest, ellipse, axes]
    squares = [f * f for f in (outline, gaps, inside, highest, last, ellipse, axes)]
    products = [outline * inside, highest * outline, last * outline, cut * highest]
    sized = [f * size for f in (np.ones_like(size), size, outline, inside, highest, ellipse)]
    return np.stack([*plain, free, cut, *squares, *products, *sized], axis=1)


def best_division(tree: MergeTree, probability: NDArray[np.float64]) -> list[int]:
    """Return the nodes, none within another, whose probabilities less a half sum up highest.

    Every piece is in one of them: where nothing is likely, the fewest nodes are taken.
    """
    best, divided = probability - _HALF, np.zeros(len(probability), dtype=bool)
    for node, children in enumerate(tree.children):
        if children and best[list(children)].sum() > best[node]:
            best[node], divided[node] = best[list(children)].sum(), True
    open_nodes, chosen = list(tree.roots), []
    while open_nodes:
        node = open_nodes.pop()
        if divided[node]:
            open_nodes += tree.children[node]
        else:
            chosen.append(node)
    return sorted(chosen)
