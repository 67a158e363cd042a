"""Fit the weights of `fatescope.systems.membranes.cells.division`, which divides a plane.

    fatescope simulate embryo --cells 28,100,160 --seed 22 --photons 8 --out RENDERED
    python -m benchmarks.membrane_division --data DATA --rendered RENDERED --model twin/package

A node of the tree of merges is a cell where it overlaps a true one with an IoU of at least 0.5.
Logistic regression on planes of frames of the one embryo, each by itself, and of rendered
embryos; a node of the real one counts twice. The model is the twin of the shipped one, which has
not seen the last three frames: features of walls that a network knows by heart mislead. The test
frame is not opened.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.membranes import SPACING, real, rendered

from fatescope.prepare import close_gaps, labels_on_grid
from fatescope.systems.membranes.cells import MembraneSettings, open_membrane_model, wall_network
from fatescope.systems.membranes.cells.division import features_of, grow_tree
from fatescope.systems.membranes.cells.frame import pieces_of_plane
from fatescope.systems.membranes.cells.grid import bounding_box
from fatescope.systems.membranes.cells.walls import find_walls
from fatescope.systems.membranes.sides import without_small

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAMES = "1,8,16,24,34,40,44,49,54,60,64"
EVERY_REAL, EVERY_RENDERED = 4, 6
REAL_COUNTS = 2.0
RIDGE = 1e-4


def nodes_of(
    plane: NDArray[np.uint8], truth: NDArray[np.int32], settings: MembraneSettings, network: object
) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
    """Return features of all nodes of a plane, and which are cells."""
    seen = find_walls(plane, SPACING[1:], settings, network=network)
    box = None if seen is None else bounding_box(seen.depth > 0)
    if box is None:
        return None
    grid, least = seen.grid, settings.least(2)
    inside, walls = seen.depth[box] > 0, seen.walls[box]
    pieces = pieces_of_plane(walls, inside, grid.coarse_spacing, least=least)
    tree = grow_tree(pieces, walls, least=least)
    features = features_of(tree, grid.coarse_spacing, least=least, wall_um=settings.wall_um)
    coarse = coarse_labels(without_small(truth), grid)
    n = int(coarse.max()) + 1
    both = np.bincount(pieces.ravel() * n + coarse[box].ravel(), minlength=(pieces.max() + 1) * n)
    overlap = list(both.reshape(-1, n)[1:])
    for children in tree.children[len(overlap) :]:
        overlap.append(overlap[children[0]] + overlap[children[1]])
    overlap = np.array(overlap)
    union = overlap.sum(1)[:, None] + np.bincount(coarse.ravel(), minlength=n) - overlap
    return features, (overlap / np.maximum(union, 1))[:, 1:].max(axis=1, initial=0) >= 0.5


def coarse_labels(labels: NDArray[np.int32], grid: object) -> NDArray[np.int32]:
    """Return the label in the middle of each block."""
    at = [
        np.minimum(np.arange(n) * f + f // 2, m - 1)
        for n, f, m in zip(grid.coarse_shape, grid.factor, grid.shape, strict=True)
    ]
    return labels[np.ix_(*at)]


def fitted(
    x: NDArray[np.float64], y: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weights of a logistic regression, by Newton's method on standardised columns."""
    mean, sd = x[:, 1:].mean(0), x[:, 1:].std(0) + 1e-9
    z = np.c_[np.ones(len(x)), (x[:, 1:] - mean) / sd]
    b = np.zeros(z.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-z @ b))
        bend = (z * (counts * p * (1 - p))[:, None]).T @ z + RIDGE * len(y) * np.eye(len(b))
        b += np.linalg.solve(bend, z.T @ (counts * (y - p)) - RIDGE * len(y) * b)
    out = np.concatenate([b[:1] - (b[1:] * mean / sd).sum(), b[1:] / sd])
    return np.asarray(out)


def main() -> None:
    """Print the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rendered", type=Path, required=True)
    parser.add_argument("--model", default="membrane")
    given = parser.parse_args()
    settings = MembraneSettings(model=given.model)
    network = wall_network(open_membrane_model(settings.model, precision=settings.precision))
    sources = (
        (real(given.data, FRAMES), EVERY_REAL, REAL_COUNTS),
        (rendered(given.rendered), EVERY_RENDERED, 1.0),
    )
    found: list[tuple[NDArray[np.float64], NDArray[np.bool_], float]] = []
    for volumes, every, counts in sources:
        for _, volume, labels, _ in volumes:
            truth = close_gaps(labels_on_grid(labels, volume.shape), SPACING)
            seen = [z for z in range(len(truth)) if truth[z].any()]
            for z in seen[3:-3:every]:
                nodes = nodes_of(volume[z], truth[z], settings, network)
                if nodes is not None:
                    found.append((*nodes, counts))
    x = np.concatenate([f for f, _, _ in found])
    y = np.concatenate([c for _, c, _ in found]).astype(float)
    counts = np.concatenate([np.full(len(c), n) for _, c, n in found])
    size = x[:, 22]
    print(f"{len(found)} planes, {len(y)} nodes, of which {y.mean():.2f} are cells")
    print("logarithm of area, 1 to 99 %:", np.percentile(size, (1, 99)).round(2))
    print("_WEIGHTS = (" + ", ".join(f"{v:.3f}" for v in fitted(x, y, counts)) + ")")


if __name__ == "__main__":
    main()
