"""Networks of walls, and methods without training, scored on planes of labelled volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.evaluate import (
    MembraneScores,
    borders_of,
    pool_membranes,
    published_interior,
    score_membranes,
)
from fatescope.prepare import group_slices
from fatescope.prepare.store import write_image_file
from fatescope.systems.membranes.cells import plane_window, run_plane
from fatescope.systems.membranes.training.crops import load_membrane

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.prepare import Sample
    from fatescope.systems.membranes.cells import MapModel
    from fatescope.systems.membranes.training.crops import MembraneVolume
    from fatescope.systems.membranes.training.settings import MembraneRecipe

SILHOUETTE, VORONOI = "filled silhouette", "Voronoi of nuclei"


def score_planes(
    model: MapModel, volumes: Sequence[MembraneVolume], planes: int, per_volume: int
) -> Iterator[tuple[str, MembraneScores, FloatArray]]:
    """Yield unit, scores and maps of planes spread over each volume.

    Parameters
    ----------
    model : MapModel
    volumes : sequence of MembraneVolume
    planes : int
        That the network sees at once.
    per_volume : int
        See `shown_planes`.

    Yields
    ------
    str, MembraneScores, ndarray of float32, shape (2, Y, X)
        The maps on the slices' own grid.
    """
    for volume in volumes:
        for z in shown_planes(volume, per_volume):
            window = plane_window(volume.levelled, z, planes=planes)
            maps = on_pixels(run_plane(window, model, times=volume.times), volume)
            yield f"{volume.unit}, plane {z}", score_maps(maps, volume, z), maps


def shown_planes(volume: MembraneVolume, n: int) -> list[int]:
    """Return planes of a volume that are samples and hold cells, evenly spread; all if few do."""
    seen = [z for z in volume.planes if volume.cells[z].any()] or list(volume.planes)
    at = np.linspace(0, len(seen) - 1, min(n + 2, len(seen)) if len(seen) > n else len(seen))
    inner = at[1:-1] if len(seen) > n + 1 else at
    return [seen[round(i)] for i in inner]


def on_pixels(maps: FloatArray, volume: MembraneVolume) -> FloatArray:
    """Bring maps of a plane, (2, Y, X), from the grid of prediction to that of the slice."""
    box = (slice(0, 1), *(slice(0, n) for n in volume.cells.shape[1:]))
    return np.stack([volume.grid.enlarge(m[None], box)[0] for m in maps])


def score_maps(maps: FloatArray, volume: MembraneVolume, z: int) -> MembraneScores:
    """Score maps of plane ``z`` on the slice's own grid: interior is inside and no wall."""
    from skimage.morphology import skeletonize

    wall, inside = maps > 0.5
    found: NDArray[np.bool_] = np.asarray(skeletonize(wall))
    return score_membranes(
        inside & ~wall,
        found,
        true_interior=published_interior(volume.labels[z]),
        true_walls=borders_of(volume.cells[z]),
    )


def baseline_scores(
    samples: Sequence[Sample], *, data: Path, recipe: MembraneRecipe
) -> dict[str, dict[str, float]]:
    """Score methods without training on the validation planes that the network is scored on.

    Returns
    -------
    dict of str to dict
        Scores of the filled silhouette: the true outer surface, no walls; and, where the folder
        has ``markers.csv``, of that silhouette divided by the nearest nucleus.
    """
    path = data / "markers.csv"
    markers = read_table(path) if path.is_file() else None
    found: dict[str, list[MembraneScores]] = {}
    for group in group_slices(samples):
        volume = load_membrane(group, settings=recipe.crops)
        if volume is None:
            continue
        nuclei = None
        if markers is not None and group[0].time is not None:
            mine = markers.rows(np.asarray(markers["time"], float) == group[0].time)
            nuclei = np.stack([np.asarray(mine[a], float) for a in "zyx"], axis=1)
        for z in shown_planes(volume, recipe.validation_planes):
            inside = volume.cells[z] > 0
            ways = {SILHOUETTE: inside.astype(np.int32)}
            if nuclei is not None and len(nuclei):
                ways[VORONOI] = nearest_nucleus(inside, z, nuclei, volume.spacing_um)
            for name, cells in ways.items():
                found.setdefault(name, []).append(score_cells(cells, volume, z))
    return {name: pool_membranes(s).as_row() for name, s in found.items()}


def score_cells(cells: LabelImage, volume: MembraneVolume, z: int) -> MembraneScores:
    """Score cells without gaps as a drawing of plane ``z``."""
    alone = int(cells.max(initial=0)) <= 1
    return score_membranes(
        cells > 0 if alone else (cells > 0) & ~borders_of(cells),
        borders_of(cells),
        true_interior=published_interior(volume.labels[z]),
        true_walls=borders_of(volume.cells[z]),
    )


def nearest_nucleus(
    inside: NDArray[np.bool_], z: int, nuclei: NDArray[np.float64], spacing: Sequence[float]
) -> NDArray[np.int32]:
    """Return the number of the nearest nucleus (from 1) for each pixel inside of a plane."""
    from scipy.spatial import cKDTree

    rows, columns = np.nonzero(inside)
    at = np.stack([np.full(len(rows), z), rows, columns], axis=1) * np.asarray(spacing)
    _, nearest = cKDTree(nuclei * np.asarray(spacing)).query(at)
    out = np.zeros(inside.shape, np.int32)
    out[rows, columns] = nearest + 1
    return out


def draw_planes(path: Path, model: MapModel, volume: MembraneVolume, planes: int) -> None:
    """Write an image for the film: plane, true interior and drawn interior, a row for each plane.

    Parameters
    ----------
    path : Path
        PNG file, grey.
    model : MapModel
    volume : MembraneVolume
        Of a validation unit.
    planes : int
        That the network sees at once.
    """
    strips = []
    for z in shown_planes(volume, 2):
        window = plane_window(volume.levelled, z, planes=planes)
        wall, inside = on_pixels(run_plane(window, model, times=volume.times), volume)
        seen = on_pixels(window[planes // 2][None], volume)[0]
        panes = (np.clip(seen, 0, 1), published_interior(volume.labels[z]), inside * (1 - wall))
        strips.append(np.concatenate([np.rint(255 * p).astype(np.uint8) for p in panes], axis=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image_file(path, np.concatenate(strips))
