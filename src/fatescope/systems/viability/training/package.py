"""From a fitted network for classes at pixels to its package: thresholds, scores, card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image, read_table
from fatescope.evaluate import PixelCounts, score_classes
from fatescope.models import (
    ImageInput,
    ModelDescription,
    ModelPackage,
    OpenVinoModel,
    PixelClasses,
    describe_input,
    expected_ranges,
)
from fatescope.predict.decoders.classes import decode_classes
from fatescope.predict.decoders.discs import divide_pieces
from fatescope.predict.level import LevelledPlane
from fatescope.predict.normalise import normalise
from fatescope.prepare import UNCERTAIN, read_crop_summary, read_samples
from fatescope.prepare.crop_store import open_planes
from fatescope.prepare.store import SPLITS
from fatescope.systems.viability.classes import draw_maps
from fatescope.systems.viability.training.card import ScoredPlane, write_viability_card
from fatescope.train.class_labels import TILING, merged_classes
from fatescope.train.export import export_onnx, quantise_network, weights_bytes
from fatescope.train.packaging import draft_package, training_facts, write_trained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import Progress
    from fatescope.base.types import LabelImage
    from fatescope.prepare.crop_store import PlaneCrops
    from fatescope.systems.viability.training.settings import ViabilityRecipe
    from fatescope.train.trainables import TrainedNetwork

_CALIBRATION = 48
_TUNING_PLANES = 24
_TILE_PX = 256
FOREGROUNDS, LEAST_AREAS = (0.3, 0.4, 0.5, 0.6), (0.2, 0.35, 0.5)
"""Tried on validation planes; least areas as shares of that of a typical nucleus."""


def package_viability(made: TrainedNetwork) -> ModelPackage:
    """Export, calibrate int8, choose thresholds on validation planes, score test planes, write.

    ``made.data``: folder that ``prepare crops`` wrote.
    """
    network, data, provenance = made.network, made.data, made.provenance
    recipe: ViabilityRecipe = made.recipe
    rows = read_samples(data, splits=SPLITS)
    given = tuple(read_crop_summary(data)["classes"])
    classes, merge = merged_classes(given, recipe.classes)
    training = open_planes(data, splits=["train"])[0]
    validation = open_planes(data, splits=["validation"])[0]
    diameter = _median_diameter(training, merge, classes)
    tiles = training_tiles(training)
    image = ImageInput.from_values(
        {
            "diameter_px": diameter,
            "diameter_range_px": tuple(round(diameter * z, 1) for z in recipe.crops.zoom),
            "spacing_um": pixel_size(rows[0].image),
            "modality": recipe.modality,
            "polarity": "any",
            "percentiles": (0.0, 100.0),
            "tiling": TILING.model_dump(),
            "expected": expected_ranges([describe_input(t[0, 0]) for t in tiles]),
        }
    )
    alive = "live" in classes and "dead" in classes
    output = PixelClasses.from_values(
        {
            "channels": classes,
            "live": "live" if alive else "",
            "dead": "dead" if alive else "",
            "apart_px": max(1.0, round(0.6 * diameter, 1)),
        }
    )
    description = ModelDescription(
        name=recipe.name,
        summary=recipe.summary,
        task=recipe.task or "viability",
        cite=recipe.cite,
        input=image,
        output=output,
        training=training_facts(
            recipe,
            rows,
            provenance,
            n_images=training.n_planes,
            n_objects=_count_objects(training, merge, classes),
        ),
    )
    exact = export_onnx(network)
    files = {"model.onnx": exact, "weights.safetensors": weights_bytes(network)}
    files["model_int8.onnx"] = quantise_network(exact, tiles[:_CALIBRATION])
    draft = draft_package(description, files)
    if alive and validation.n_planes:
        output = choose_thresholds(draft, validation, merge, diameter=diameter)
        draft = draft_package(description.replace(output=output), files)
    test = open_planes(data, splits=["test"])[0]
    both = {
        precision: _score_planes(
            draft, test, merge, data, precision=precision, progress=made.progress
        )
        for precision in ("fp32", "int8")
    }
    return write_trained(
        draft,
        made.folder,
        scores=main_scores(both["int8"], classes),
        card=write_viability_card(draft.description, both, recipe=recipe, provenance=provenance),
        test_input=tiles[0],
    )


def pixel_size(image: Path) -> tuple[float, ...] | None:
    """Return the pixel size of an image, Y and X in µm; ``None`` where nobody said it."""
    return read_image(image).spacing.um("YX")


def true_nuclei(
    classes: NDArray[np.uint8], names: Sequence[str]
) -> tuple[LabelImage, NDArray[np.bool_]]:
    """Return the nuclei of a plane by number, and whether each is dead: by most of its pixels."""
    live, dead = (classes == names.index(c) for c in ("live", "dead"))
    labels = divide_pieces(live | dead, apart_px=5.0)
    n = int(labels.max(initial=0))
    area = np.bincount(labels.ravel(), minlength=n + 1)
    died = np.bincount(labels.ravel(), weights=dead.ravel(), minlength=n + 1)
    return labels, (2 * died > area)[1:]


def _median_diameter(planes: PlaneCrops, merge: NDArray[np.uint8], names: Sequence[str]) -> float:
    """Return the median diameter of labelled nuclei, px; 10 where there are none."""
    if not {"live", "dead"} <= set(names) or not planes.n_planes:
        return 10.0
    areas: list[NDArray[Any]] = [np.zeros(0)]
    for i in np.unique(np.linspace(0, planes.n_planes - 1, 12).round().astype(int)):
        labels, _ = true_nuclei(merge[planes.plane(int(i))[1]], names)
        areas.append(np.bincount(labels.ravel())[1:])
    every = np.concatenate(areas)
    return round(float(2 * np.sqrt(np.median(every) / np.pi)), 1) if len(every) else 10.0


def _count_objects(planes: PlaneCrops, merge: NDArray[np.uint8], names: Sequence[str]) -> int:
    if not {"live", "dead"} <= set(names):
        return 0
    return sum(
        int(true_nuclei(merge[planes.plane(i)[1]], names)[0].max(initial=0))
        for i in range(planes.n_planes)
    )


def training_tiles(planes: PlaneCrops) -> list[NDArray[np.float32]]:
    """Return levelled tiles (1, 1, Y, X), the middles of training planes that show something."""
    tiles = []
    chosen = np.linspace(0, planes.n_planes - 1, 4 * _CALIBRATION).round().astype(int)
    for i in np.unique(chosen):
        levelled = LevelledPlane(planes.plane(int(i))[0])
        if levelled.contrast.shows_nothing:
            continue
        sizes = [min(_TILE_PX, n // 16 * 16) for n in levelled.shape]
        window = tuple(
            slice((n - s) // 2, (n - s) // 2 + s)
            for n, s in zip(levelled.shape, sizes, strict=True)
        )
        tile = normalise(levelled[window], levelled.contrast.statistics)
        tiles.append(np.ascontiguousarray(tile[None, None]))
    return tiles


def choose_thresholds(
    draft: ModelPackage, planes: PlaneCrops, merge: NDArray[np.uint8], *, diameter: float
) -> PixelClasses:
    """Return the output with the thresholds that find most nuclei of validation planes rightly."""
    output = draft.description.output_as(PixelClasses)
    model = OpenVinoModel(draft, precision="int8", threads=1)
    drawn = []
    for i in np.unique(np.linspace(0, planes.n_planes - 1, _TUNING_PLANES).round().astype(int)):
        image, labels = planes.plane(int(i))
        maps = draw_maps(model, LevelledPlane(image), draft.description, (1.0, 1.0))
        drawn.append((maps, merge[labels]))
    typical = np.pi / 4 * diameter**2
    best, chosen = -1.0, output
    for foreground in FOREGROUNDS:
        for share in LEAST_AREAS:
            tried = output.replace(foreground=foreground, min_area_px=int(share * typical))
            counts = np.sum([count_cells(m, t, tried)[0] for m, t in drawn], axis=0)
            right = 2 * counts[3] / max(1, counts[0] + counts[1])
            if right > best:
                best, chosen = right, tried
    return chosen


def count_cells(
    maps: NDArray[np.uint8], truth: NDArray[np.uint8], output: PixelClasses
) -> tuple[tuple[int, int, int, int], tuple[float, float]]:
    """Return true, found, matched and rightly named nuclei, and true and found viability.

    Found nuclei that lie mostly on uncertain pixels do not count.
    """
    found = decode_classes(maps, output)
    true, is_dead = true_nuclei(truth, output.channels)
    dead = found.p_dead >= output.least_dead
    n = len(dead)
    flat = found.labels.ravel()
    area = np.bincount(flat, minlength=n + 1)[1:]
    unsure = np.bincount(flat, weights=(truth == UNCERTAIN).ravel(), minlength=n + 1)[1:]
    counts = 2 * unsure <= area
    labels = np.where(np.concatenate([[False], counts])[found.labels], found.labels, 0)
    mine, theirs = _partners(true, labels)
    right = int((is_dead[mine - 1] == dead[theirs - 1]).sum())
    shares = (
        float(1 - is_dead.mean()) if len(is_dead) else float("nan"),
        float(1 - dead[counts].mean()) if counts.any() else float("nan"),
    )
    return (len(is_dead), int(counts.sum()), len(mine), right), shares


def _partners(true: LabelImage, found: LabelImage) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return labels that overlap each other most, one to one.

    Without a stain, nuclei have no sharp outline: an IoU would ask for what nobody can see.
    """
    both = (true > 0) & (found > 0)
    n = int(found.max(initial=0)) + 1
    pair, area = np.unique(true[both].astype(np.int64) * n + found[both], return_counts=True)
    order = np.argsort(-area, kind="stable")
    a, b = np.divmod(pair[order], n)
    first_a, first_b = (np.unique(v, return_index=True)[1] for v in (a, b))
    mutual = np.intersect1d(first_a, first_b)
    return a[mutual], b[mutual]


def _score_planes(
    draft: ModelPackage,
    planes: PlaneCrops,
    merge: NDArray[np.uint8],
    data: Path,
    *,
    precision: str,
    progress: Progress | None = None,
) -> list[ScoredPlane]:
    """Score whole planes, empty background included."""
    description = draft.description
    output = description.output_as(PixelClasses)
    model = OpenVinoModel(draft, precision=precision, threads=1)
    units = _units(data)
    scored = []
    for i in range(planes.n_planes):
        image, labels = planes.plane(i)
        truth = merge[labels]
        maps = draw_maps(model, LevelledPlane(image), description, (1.0, 1.0))
        cells, shares = (0, 0, 0, 0), (float("nan"), float("nan"))
        if output.live:
            cells, shares = count_cells(maps, truth, output)
        scored.append(
            ScoredPlane(
                unit=units[planes.key(i)],
                pixels=PixelCounts.of_plane(maps, truth),
                cells=cells,
                viability=shares,
            )
        )
        if progress is not None:
            progress(i + 1, planes.n_planes, f"test planes, {precision}")
    return scored


def _units(data: Path) -> dict[str, str]:
    table = read_table(data / "crops.parquet")
    return dict(zip(map(str, table["image"]), map(str, table["unit"]), strict=True))


def main_scores(scored: Sequence[ScoredPlane], classes: Sequence[str]) -> dict[str, float]:
    """Return the numbers that the description keeps."""
    if not scored:
        return {}
    pixels = score_classes(PixelCounts.total([s.pixels for s in scored]))
    true, found, matched, right = np.sum([s.cells for s in scored], axis=0)
    found_of = {f"auprc_{c}": float(pixels.auprc[i]) for i, c in enumerate(classes)}
    return found_of | {
        "detection_f1": float(2 * matched / max(1, true + found)),
        "state_accuracy": float(right / max(1, matched)),
        "viability_error_points": viability_error(scored),
    }


def viability_error(scored: Sequence[ScoredPlane]) -> float:
    """Return the mean absolute error of viability over planes, in points of 100."""
    known = [s.viability for s in scored if np.isfinite(s.viability).all()]
    errors = [abs(a - b) for a, b in known]
    return 100 * float(np.mean(errors)) if errors else float("nan")
