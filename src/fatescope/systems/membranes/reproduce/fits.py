"""How an arm is trained: the network of 2021, or the corrected one; both draw interiors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.systems.membranes.reproduce.arms import planes_of_arm
from fatescope.systems.membranes.reproduce.film import watch_planes
from fatescope.systems.membranes.reproduce.quick import shipped_weights
from fatescope.systems.membranes.sides import LEAST_PX, FoundPlane, WallSide
from fatescope.systems.reproduction.settings import resnet18
from fatescope.train.fit_settings import PLAIN, FitSettings
from fatescope.train.start import load_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, Progress
    from fatescope.systems.membranes.reproduce.arms import MembraneArm
    from fatescope.systems.reproduction.settings import MembranesRecipe
    from fatescope.train.fit import Fitted
    from fatescope.train.schedule_settings import Schedule

    Segment = Callable[[NDArray[Any]], Mapping[int, FoundPlane]]


def train_published(
    arm: MembraneArm,
    recipe: MembranesRecipe,
    folder: Path,
    progress: Progress | None,
) -> tuple[Fitted, Segment]:
    """Train FPN on ResNet18 by Adam, its plateau scheduler given a constant, as published."""
    from fatescope.systems.membranes.training.published import (
        CONSTANT,
        PublishedMembraneTask,
        interior_map,
    )
    from fatescope.train import fit, report_progress
    from fatescope.train.schedule_settings import Plateau

    training, validation = planes_of_arm(arm, seed=recipe.seed)
    task = PublishedMembraneTask(
        training,
        validation,
        size_px=recipe.size_px,
        augmentation=arm.augmentation,
        noise_mean=arm.noise_mean,
        is_eroded=arm.masks == "2021",
        seed=recipe.seed,
        weights=resnet18(recipe, "fpn"),
    )
    per_epoch = max(1, -(-len(training) // recipe.batch))
    steps = recipe.epochs * per_epoch if arm.is_full else recipe.arm_steps
    epoch = min(per_epoch, steps)
    plateau = Plateau(metric=CONSTANT, factor=recipe.decay, patience=recipe.decay_epochs - 1)
    settings = published_settings(recipe, steps=steps, epoch=epoch, schedule=plateau)

    def drawn(network: Any, pixels: NDArray[Any], planes: Sequence[int]) -> list[FloatArray]:
        return [interior_map(network, pixels[z], size_px=recipe.size_px) for z in planes]

    shown = arm.of("validation") or arm.of("test")
    watch = watch_planes(folder, shown, drawn, is_wanted=arm.is_full)
    report = report_progress(progress, f"training {arm.key}")
    start = load_start(folder.parent)
    fitted = fit(task, settings, folder=folder, weights=start, report=report, watch=watch)

    def segment(pixels: NDArray[Any]) -> dict[int, FoundPlane]:
        maps = (interior_map(fitted.network, p, size_px=recipe.size_px) for p in pixels)
        return {z: cells_of_interior(m) for z, m in enumerate(maps)}

    return fitted, segment


def published_settings(
    recipe: MembranesRecipe,
    *,
    steps: int,
    epoch: int,
    schedule: Schedule,
    batch: int | None = None,
    rate: float | None = None,
) -> FitSettings:
    """Return Adam as in 2021; batch and rate are the recipe's where a trial gives none."""
    return FitSettings(
        steps=steps,
        batch=batch or recipe.batch,
        optimizer="adam",
        learning_rate=rate or recipe.rate,
        schedule=schedule,
        steps_per_epoch=epoch,
        validate_every=1,
        precision=recipe.precision,
        **PLAIN,
    )


def train_ours(
    arm: MembraneArm,
    slices: Path,
    recipe: MembranesRecipe,
    folder: Path,
    progress: Progress | None,
) -> tuple[Fitted, Segment]:
    """Train walls and insides on the blocks of time, and segment as `predict membrane` does."""
    from fatescope.systems.membranes.cells import (
        MembraneSettings,
        WallNetwork,
        finer,
        level_image,
        plane_window,
        run_plane,
    )
    from fatescope.systems.membranes.training.settings import MembraneRecipe
    from fatescope.systems.membranes.training.task import MembraneTask
    from fatescope.train import EvaluatedNetwork, fit, report_progress
    from fatescope.train.recipe import read_recipe_values

    steps = recipe.corrected_steps
    spacing = recipe.spacing_um or (0.43, 0.18, 0.18)
    shipped = MembraneRecipe.from_values(read_recipe_values("membrane"))
    ours = shipped.replace(
        seed=recipe.seed,
        crops=shipped.crops.replace(
            spacing_um=spacing, size_px=min(shipped.crops.size_px, recipe.size_px)
        ),
        fit=shipped.fit.replace(
            steps=steps,
            steps_per_epoch=min(steps, max(10, steps // 50)),
            validate_every=1,
            precision=recipe.precision,
        ),
    )
    task = MembraneTask(ours, data=slices)
    planes, step_um = ours.crops.planes, ours.crops.step_um

    def drawn(network: Any, pixels: NDArray[Any], chosen: Sequence[int]) -> list[FloatArray]:
        seen = level_image(pixels, spacing)
        if seen is None:
            return [np.zeros(pixels.shape[1:], np.float32) for _ in chosen]
        grid, levelled = seen.on_grid(step_um)
        model = EvaluatedNetwork(network)
        windows = (plane_window(levelled, z, planes=planes) for z in chosen)
        maps = (run_plane(w, model, times=finer(grid, step_um)) for w in windows)
        box = (slice(0, 1), *(slice(0, n) for n in grid.shape[1:]))
        return [grid.enlarge((m[1] * (1 - m[0]))[None], box)[0] for m in maps]

    watch = watch_planes(folder, arm.of("validation") or arm.of("test"), drawn)
    report = report_progress(progress, f"training {arm.key}")
    start = shipped_weights if load_start(folder.parent) else None
    fitted = fit(task, ours.fit, folder=folder, weights=start, report=report, watch=watch)
    model = EvaluatedNetwork(fitted.network)
    side = WallSide(
        name="corrected",
        sha256="",
        settings=MembraneSettings(),
        network=WallNetwork(model=model, planes=planes, step_um=step_um),
    )

    def segment(pixels: NDArray[Any]) -> dict[int, FoundPlane]:
        return side.segment(pixels, spacing, range(len(pixels)))

    return fitted, segment


def cells_of_interior(probability: FloatArray) -> FoundPlane:
    """Return connected parts of an interior as cells: all that such a map can give."""
    from skimage.measure import label
    from skimage.segmentation import expand_labels

    inside = probability > 0.5
    parts = label(inside, connectivity=1)
    kept = np.bincount(parts.ravel()) >= LEAST_PX
    kept[0] = False
    cells = expand_labels(np.where(kept[parts], parts, 0), 2).astype(np.int32)
    return FoundPlane(interior=inside, cells=cells)
