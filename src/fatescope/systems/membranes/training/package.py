"""From a fitted network of walls to a model package with a card of its worth."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fatescope.evaluate import MEMBRANE_SCORES, MembraneScores, pool_membranes, value_of_sums
from fatescope.models import (
    ImageInput,
    ModelDescription,
    ModelPackage,
    OpenVinoModel,
)
from fatescope.models.inputs import Tiling
from fatescope.models.outputs import MembraneMaps
from fatescope.numeric import BootstrapSettings, bootstrap_interval
from fatescope.prepare import group_slices, read_samples, read_slice_volume
from fatescope.prepare.store import SPLITS
from fatescope.systems.membranes.cells import DIVISOR, MAPS, batch_of_window, plane_window
from fatescope.systems.membranes.training.crops import load_membrane
from fatescope.systems.membranes.training.scoring import score_planes, shown_planes
from fatescope.train.card import Card, score_table, write_card
from fatescope.train.export import export_onnx, quantise_network, weights_bytes
from fatescope.train.packaging import draft_package, training_facts, write_trained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray
    from fatescope.prepare import Sample
    from fatescope.systems.membranes.training.settings import MembraneCrops, MembraneRecipe
    from fatescope.train.provenance import Provenance
    from fatescope.train.trainables import TrainedNetwork

_TEST_PX = 96
_CELL_PX = 24.0
_ALL_PLANES = 10_000
_CALIBRATION = 32
"""Planes of training volumes by which the int8 network is calibrated."""
_LIMITS = (
    "Other microscopes, markers and tissues than those of the training planes; embryos whose "
    "cells are larger or smaller there. Truth was made by a program and has faults of its own."
)


def package_membrane(made: TrainedNetwork) -> ModelPackage:
    """Export, calibrate int8, score test units once, and write the package.

    ``made.left_out`` is not used: units of membranes are blocks of time.
    """
    network, provenance, progress = made.network, made.provenance, made.progress
    recipe: MembraneRecipe = made.recipe
    rows = read_samples(made.data, splits=SPLITS)
    description = describe_membrane(recipe, rows, provenance)
    exact = export_onnx(network, n_inputs=recipe.crops.planes)
    files = {
        "model.onnx": exact,
        "model_int8.onnx": quantise_network(exact, training_windows(rows, recipe.crops)),
        "weights.safetensors": weights_bytes(network),
    }
    draft = draft_package(description, files)
    models = [OpenVinoModel(draft, precision=p, threads=1) for p in ("int8", "fp32")]
    scores: dict[str, list[MembraneScores]] = {}
    in_f32: list[MembraneScores] = []
    groups = group_slices([s for s in rows if s.split == "test"])
    for done, group in enumerate(groups):
        if progress is not None:
            progress(done, len(groups), "scoring test units")
        volume = load_membrane(group, settings=recipe.crops)
        if volume is not None:
            both = [score_planes(m, [volume], recipe.crops.planes, _ALL_PLANES) for m in models]
            scores.setdefault(volume.unit, []).extend(s for _, s, _ in both[0])
            in_f32 += [s for _, s, _ in both[1]]
    pooled = pool_membranes(s for unit in scores.values() for s in unit)
    card = Card(
        expects=f"{recipe.crops.planes} neighbouring planes, each divided by its own brightness, "
        f"at about {recipe.crops.step_um:g} µm a pixel: `predict membrane` sees to both. Maps: "
        f"{' and '.join(MAPS)}.",
        step=f"{recipe.fit.batch} crops of {recipe.crops.size_px} px",
        saw=f"{description.training.n_images} planes, those of validation with them",
        held_out=_held_out(scores, in_f32) if scores else "",
        limits=_LIMITS,
    )
    return write_trained(
        draft,
        made.folder,
        scores=pooled.as_row() if scores else {},
        card=write_card(card, description, recipe=recipe, provenance=provenance),
        test_input=rendered_window(recipe.crops.planes),
    )


def training_windows(rows: Sequence[Sample], crops: MembraneCrops) -> list[FloatArray]:
    """Return windows of training planes that hold cells, as the network takes them."""
    groups = group_slices([s for s in rows if s.split == "train"])
    each = -(-_CALIBRATION // max(1, len(groups)))
    found: list[FloatArray] = []
    for group in groups:
        volume = load_membrane(group, settings=crops)
        if volume is None:
            continue
        for z in shown_planes(volume, each):
            window = plane_window(volume.levelled, z, planes=crops.planes)
            found.append(batch_of_window(window, times=volume.times))
    return found


def _count_objects(samples: Sequence[Sample]) -> int:
    """Count cross-sections of cells in the samples of a volume."""
    volume = read_slice_volume(samples)
    return sum(int(np.count_nonzero(np.unique(volume.labels[z]))) for z in volume.planes)


def describe_membrane(
    recipe: MembraneRecipe, rows: Sequence[Sample], provenance: Provenance
) -> ModelDescription:
    """Describe the package of a recipe; of the rows, those of test units are not opened."""
    reach = recipe.crops.planes // 2
    planes = tuple("plane" if i == 0 else f"plane {i:+d}" for i in range(-reach, reach + 1))
    seen = [s for s in rows if s.split in ("train", "validation")]
    n_objects = sum(_count_objects(group) for group in group_slices(seen))
    return ModelDescription(
        name=recipe.name,
        summary=recipe.summary,
        task="membrane",
        cite=recipe.cite,
        input=ImageInput(
            channels=planes,
            spacing_um=(recipe.crops.step_um,) * 2,
            diameter_px=_CELL_PX,
            diameter_range_px=(4.0, 120.0),
            tiling=Tiling(tile_px=(1024, 1024), halo_px=(32, 32), divisor=(DIVISOR, DIVISOR)),
        ),
        output=MembraneMaps(channels=MAPS),
        training=training_facts(recipe, rows, provenance, n_objects=n_objects),
    )


def rendered_window(planes: int) -> FloatArray:
    """Render the window of the test tensors: walls between points on a grid, and an outside."""
    rng = np.random.default_rng(0)
    points = rng.uniform(8, _TEST_PX - 8, (12, 2))
    at = np.moveaxis(np.indices((_TEST_PX, _TEST_PX)), 0, -1)[:, :, None, :]
    away = np.sort(np.sqrt(((at - points) ** 2).sum(axis=-1)), axis=-1)
    wall = np.exp(-(((away[..., 1] - away[..., 0]) / 2.0) ** 2)) * (away[..., 0] < _CELL_PX)
    return np.asarray(np.repeat(wall[None, None], planes, axis=1), np.float32)


def _held_out(scores: dict[str, list[MembraneScores]], in_f32: list[MembraneScores]) -> str:
    units = [pool_membranes(s) for s in scores.values()]
    over = units if len(units) > 1 else [s for unit in scores.values() for s in unit]
    n, planes = len(units), sum(map(len, scores.values()))
    drawn = (
        "units" if n > 1 else "planes of one volume: alike, so too narrow, and within one embryo"
    )
    pooled = pool_membranes(units)
    sums = np.array([s.as_sums() for s in over])
    table = score_table(
        (
            said,
            getattr(pooled, name),
            bootstrap_interval(sums, partial(value_of_sums, name=name), BootstrapSettings()),
        )
        for name, said in MEMBRANE_SCORES.items()
    )
    return (
        f"{planes} planes of {n} unit{'s' * (n != 1)} that nothing was trained or tuned on, in "
        f"int8; 95 % intervals by bootstrap over {drawn}.\n\n{table}\n\nIn f32 the "
        f"F1 of walls is {pool_membranes(in_f32).wall_f1:.4f} in place of {pooled.wall_f1:.4f}. "
        "Interiors are "
        "scored as published in 2021: all labels, eroded by 2 x 2 pixels. A filled silhouette "
        "scores about 0.85 there, so the F1 of walls says more."
    )
