"""How well membranes are segmented, scored as a referee would: cells, count, surface, walls.

    python -m benchmarks.membranes --frames 24,40,50          # training block: to tune with
    python -m benchmarks.membranes --frames 60                # validation: to choose by
    python -m benchmarks.membranes --frames 70                # test: to report
    python -m benchmarks.membranes --frames 60 model=classical
    python -m benchmarks.membranes --frames 60 --ways planes  # single planes, cells alone
    python -m benchmarks.membranes --rendered DIR --ways alone,nuclei    # of `simulate embryo`

One embryo (3DMMS), whose labels another program made: what is scored is agreement with it. Walls
of the reference, which it leaves at 0, go to their nearest cell inside the closed surface; cells
whose nuclei it still has in one label are merged; labels under 500 voxels, and what lies there, do
not count. Intervals are over cells, so within one embryo. Settings are given as ``name=value``.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_image, read_labels, read_recorded_nuclei
from fatescope.evaluate import (
    borders_of,
    pool_membranes,
    pool_scores,
    score_labels,
    score_membranes,
)
from fatescope.numeric import BootstrapSettings, bootstrap_interval
from fatescope.prepare import close_gaps, labels_on_grid
from fatescope.systems.membranes.cells import (
    MembraneSettings,
    cells_in_frame,
    find_centres,
    open_membrane_model,
    wall_network,
)
from fatescope.systems.membranes.sides import without_small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.systems.membranes.cells import WallNetwork

    Network = WallNetwork | None
    Volume = tuple[str, NDArray[np.uint8], NDArray[np.int32], NDArray[np.float64]]

SPACING = (0.43, 0.18, 0.18)
REFERENCE_UM = 0.225
CLOSING_VOXELS = 4
IGNORED_VOXELS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The labels of a frame with walls given to cells, and where nuclei lie in them."""

    labels: NDArray[np.int32]
    surface: NDArray[np.bool_]
    nuclei: tuple[NDArray[np.intp], ...]
    label_of_nucleus: NDArray[np.int32]
    ignored: frozenset[int]
    spacing: tuple[float, ...] = (REFERENCE_UM,) * 3


def exact(labels: NDArray[np.int32]) -> Reference:
    """Return the truth of a rendered volume, which needs no mending."""
    none = np.zeros(0, np.intp)
    return Reference(
        labels=labels,
        surface=closed(labels > 0, CLOSING_VOXELS),
        nuclei=(none,) * labels.ndim,
        label_of_nucleus=none.astype(np.int32),
        ignored=frozenset(),
        spacing=SPACING,
    )


def load(
    data: Path, frame: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float64]]:
    """Read the volume, its labels and its nuclei."""
    folder = data / "membrane_3dmms"
    volume = read_image(folder / "raw" / f"membt{frame:03d}.mat").read()
    labels = read_labels(folder / "labels" / f"T{frame:03d}_membSeg.mat").read().astype(np.int32)
    nuclei = read_recorded_nuclei(folder / "nuclei" / "nuclei.csv", pixels_per_recorded=0.5)
    mine = nuclei.rows(nuclei["time"] == frame)
    return volume, labels, np.stack([mine[a] for a in "zyx"], axis=1)


def referee(
    labels: NDArray[np.int32], nuclei: NDArray[np.float64], shape: tuple[int, ...]
) -> Reference:
    """Prepare a reference: small labels out, closed surface, walls to their nearest cell."""
    from scipy.ndimage import distance_transform_edt

    size = np.bincount(labels.ravel())
    ignored = np.flatnonzero((size > 0) & (size < IGNORED_VOXELS) & (np.arange(len(size)) > 0))
    kept = np.where(np.isin(labels, ignored), 0, labels)
    surface = closed(kept > 0, CLOSING_VOXELS)
    nearest = distance_transform_edt(kept == 0, return_distances=False, return_indices=True)
    ratio = np.array(labels.shape) / np.array(shape)
    at = np.rint((nuclei + 0.5) * ratio - 0.5).astype(np.intp)
    at = tuple(np.clip(at, 0, np.array(labels.shape) - 1).T)
    return Reference(
        labels=np.where(surface, kept[tuple(nearest)], 0),
        surface=surface,
        nuclei=at,
        label_of_nucleus=labels[at],
        ignored=frozenset(ignored.tolist()),
    )


def closed(inside: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Close gaps with a ball and fill holes."""
    import edt
    from scipy.ndimage import binary_fill_holes

    padded = np.pad(inside, radius + 2)
    near = edt.edt(~padded) <= radius
    whole = binary_fill_holes((edt.edt(near) > radius) | padded)
    return whole[(slice(radius + 2, -radius - 2),) * inside.ndim]


def score(found: NDArray[np.int32], reference: Reference) -> dict[str, float]:
    """Score cells on the grid of the reference."""
    from scipy.optimize import linear_sum_assignment

    cells = _agreed(labels_on_grid(found, reference.labels.shape), reference)
    n = int(cells.max()) + 1
    _, true = np.unique(reference.labels, return_inverse=True)
    overlap = np.bincount((true.ravel() * n + cells.ravel()), minlength=(true.max() + 1) * n)
    overlap = overlap.reshape(-1, n)
    a, b = overlap.sum(axis=1)[:, None], overlap.sum(axis=0)[None]
    present = np.flatnonzero(b[0] > 0)[1:] if b[0, 0] else np.flatnonzero(b[0])
    both, a, b = overlap[1:, present], a[1:], b[:, present]
    iou, dice = both / (a + b - both), 2 * both / (a + b)
    row, column = linear_sum_assignment(-iou)
    matched = iou[row, column] > 0
    of_cells = dice[row, column][matched]
    low, high = _over_cells(of_cells)
    hits = int((iou[row, column] >= 0.5).sum())
    surface = closed(labels_on_grid(found, reference.labels.shape) > 0, CLOSING_VOXELS)
    return {
        "cells": float(iou.shape[1]),
        "reference": float(iou.shape[0]),
        "count_error": abs(iou.shape[1] - iou.shape[0]) / iou.shape[0],
        "f1": 2 * hits / sum(iou.shape),
        "dice": float(of_cells.mean()) if len(of_cells) else 0.0,
        "dice_low": low,
        "dice_high": high,
        "surface_dice": _dice(surface, reference.surface),
        "surface_hd95_um": _hd95(surface, reference.surface, reference.spacing),
        "wall_f1": _wall_f1(
            labels_on_grid(found, reference.labels.shape), reference.labels, reference.spacing[-1]
        ),
    }


def _over_cells(dice: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of a mean over cells, which is one within this embryo."""
    found = bootstrap_interval(
        np.stack([dice, np.ones_like(dice)], axis=1),
        lambda sums: sums[:, 0] / sums[:, 1],
        BootstrapSettings(),
    )
    return (float("nan"),) * 2 if found is None else found


def _agreed(cells: NDArray[np.int32], reference: Reference) -> NDArray[np.int64]:
    """Merge cells of sisters that the reference has in one label; drop those it ignores."""
    number = np.arange(int(cells.max()) + 1)
    mine = cells[reference.nuclei]
    ignored = reference.ignored
    kept = {
        int(c) for c, r in zip(mine, reference.label_of_nucleus, strict=True) if r not in ignored
    }
    for label in np.unique(reference.label_of_nucleus):
        own = np.unique(mine[reference.label_of_nucleus == label])
        own = own[own > 0]
        if int(label) in ignored:
            number[[c for c in own.tolist() if c not in kept]] = 0
        elif label > 0 and len(own) > 1:
            number[own] = own[0]
    return number[cells]


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    total = int(a.sum() + b.sum())
    return 2 * int((a & b).sum()) / total if total else 0.0


def _hd95(a: NDArray[np.bool_], b: NDArray[np.bool_], spacing: tuple[float, ...]) -> float:
    import edt
    from scipy.ndimage import binary_erosion

    shells = [x & ~binary_erosion(x) for x in (a, b)]
    if not all(s.any() for s in shells):
        return float("inf")
    away = [edt.edt(~shell, anisotropy=spacing) for shell in shells]
    there, back = away[1][shells[0]], away[0][shells[1]]
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def _wall_f1(found: NDArray[np.int32], true: NDArray[np.int32], pixel_um: float) -> float:
    """Compare borders in planes, with a tolerance of 0.36 µm."""
    import edt

    tolerance = 0.36 / pixel_um + 1e-6
    hits, n_found, n_true, back = 0, 0, 0, 0
    for a, b in zip(found, true, strict=True):
        x, y = borders_of(a), borders_of(b)
        n_found, n_true = n_found + int(x.sum()), n_true + int(y.sum())
        if x.any() and y.any():
            hits += int((edt.edt(~y)[x] <= tolerance).sum())
            back += int((edt.edt(~x)[y] <= tolerance).sum())
    precision, recall = hits / max(n_found, 1), back / max(n_true, 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def score_planes(
    volume: NDArray[np.uint8],
    truth: NDArray[np.int32],
    settings: MembraneSettings,
    network: Network,
    *,
    every: int,
) -> str:
    """Segment single planes, cells alone, and score them."""
    seen = [z for z in range(len(truth)) if truth[z].any()]
    chosen = seen[3:-3:every]
    found = {
        z: cells_in_frame(volume[z], SPACING[1:], settings, network=network).labels for z in chosen
    }
    cells = pool_scores(
        [score_labels(without_small(truth[z]), without_small(found[z])) for z in chosen]
    )
    walls, inner = (
        pool_membranes(
            score_membranes(
                found[z] > 0,
                borders_of(found[z], inner=only),
                true_interior=truth[z] > 0,
                true_walls=borders_of(truth[z], inner=only),
            )
            for z in chosen
        )
        for only in (False, True)
    )
    f1 = 2 * cells.tp[0] / max(cells.n_true + cells.n_pred, 1)
    return (
        f"{len(chosen)} planes: {cells.n_pred} cross-sections of cells found, {cells.n_true} in "
        f"truth, F1 at 0.5 {f1:.3f}; F1 of walls at 2 px {walls.wall_f1:.3f}, "
        f"of those between two cells {inner.wall_f1:.3f}"
    )


def main() -> None:
    """Print a row for each volume and way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--frames", default="60")
    parser.add_argument("--ways", default="markers,alone")
    parser.add_argument("--rendered", type=Path)
    parser.add_argument("--every", type=int, default=4, help="of --ways planes")
    parser.add_argument("settings", nargs="*", help="name=value")
    given = parser.parse_args()
    settings = MembraneSettings.from_values(dict(s.split("=", 1) for s in given.settings))
    network = wall_network(open_membrane_model(settings.model, precision=settings.precision))
    volumes = rendered(given.rendered) if given.rendered else real(given.data, given.frames)
    columns = ("cells", "reference", "f1", "dice", "dice_low", "dice_high")
    columns += ("surface_dice", "surface_hd95_um", "wall_f1")
    if given.ways != "planes":
        print("| volume | way |", " | ".join(columns), "| cpu s |")
        print("|--|--|" + "--|" * (len(columns) + 1))
    for name, volume, labels, nuclei in volumes:
        if given.ways == "planes":
            truth = close_gaps(labels_on_grid(labels, volume.shape), SPACING)
            print(
                name, score_planes(volume, truth, settings, network, every=given.every), flush=True
            )
            continue
        reference = exact(labels) if given.rendered else referee(labels, nuclei, volume.shape)
        for way in given.ways.split(","):
            begun = time.process_time()
            markers = None if way == "alone" else nuclei
            found = cells_in_frame(volume, SPACING, settings, markers=markers, network=network)
            seconds = time.process_time() - begun
            said = score(found.labels, reference)
            numbers = " | ".join(f"{said[c]:.3f}" for c in columns)
            print(f"| {name} | {way} | {numbers} | {seconds:.1f} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"peak memory {peak:.0f} MB, of which the scoring is a part")


def real(data: Path, frames: str) -> Iterator[Volume]:
    """Yield frames of the one embryo: name, volume, labels, recorded nuclei."""
    for frame in map(int, frames.split(",")):
        yield f"frame {frame}", *load(data, frame)


def rendered(folder: Path) -> Iterator[Volume]:
    """Yield rendered volumes: name, membranes, labels, nuclei as found in their channel."""
    for path in sorted((folder / "images").glob("*.tif")):
        pixels = read_image(path).read()
        labels = read_labels(folder / "truth" / "labels" / "membrane" / path.name).read()
        nuclei = find_centres(pixels[0], SPACING) if pixels.ndim == 4 else np.zeros((0, 3))
        membranes = pixels[-1] if pixels.ndim == 4 else pixels
        yield path.stem, membranes, labels.astype(np.int32), nuclei


if __name__ == "__main__":
    main()
