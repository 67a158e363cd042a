"""``fatescope reproduce membranes-2021``: published, run again, each correction, corrected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.base import Execution, InputError, WorkUnit
from fatescope.engine.driver import Outcome, describe_files
from fatescope.prepare import SliceSettings, find_volumes, read_samples, split_frames
from fatescope.systems.membranes.reproduce.arms import (
    MembraneArm,
    Volumes,
    membrane_arms,
    typed_table,
)
from fatescope.systems.membranes.reproduce.film import write_old_new_film
from fatescope.systems.membranes.reproduce.page import membranes_page
from fatescope.systems.membranes.reproduce.quick import (
    OTHER_SEED,
    QUICK,
    RENDERED,
    SEED,
    START_BATCH,
    START_RATE,
    START_STEPS,
    render_embryo,
    start_task,
)
from fatescope.systems.membranes.reproduce.tuning import Tuning, run_tuning
from fatescope.systems.membranes.reproduce.unit import train_arm
from fatescope.systems.membranes.slices import prepare_slices
from fatescope.systems.reproduction.engine import FITS, Reproduction, Request, Work, data_folder
from fatescope.systems.reproduction.origin import MEMBRANES
from fatescope.train.start import START, write_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import Progress
    from fatescope.prepare import Volume
    from fatescope.prepare.splits import Split
    from fatescope.systems.reproduction.settings import MembranesRecipe

_SLICES = "slices"
_ALL_PLANES = 10_000
_IMAGE_SECONDS = 0.16
"""CPU seconds of the published network for an image of 256 x 256 px, forward and back, in bfloat16;
float32 takes up to twice as long."""
_STEP_SECONDS, _CROP_PX = 0.15, 160
"""Of a step of the corrected network with crops of that side."""
_ABLATION = 7
"""Arms that have the steps of the ablation, not all epochs."""


def _find(request: Request[MembranesRecipe]) -> Work[Volumes]:
    """Return the arms, both tunings and the baselines of the embryo that is given or rendered."""
    folder, source = find_folder(request.data, quick=request.quick, scratch=request.scratch)
    volumes, splits = volumes_by_time(folder, request.recipe)
    embryo = Volumes(folder=folder, source=source, volumes=volumes, splits=splits)
    return Work(units=units(volumes, splits), material=embryo)


def _begin(request: Request[MembranesRecipe], embryo: Volumes, todo: Sequence[Unit]) -> list[str]:
    """Cut slices for the corrected network; for a quick run train the one that arms begin with."""
    if any(isinstance(u, Baselines) or u.key == "corrected" for u in todo):
        prepare_slices(
            embryo.folder,
            out=request.out / FITS / _SLICES,
            settings=slice_settings(request.recipe),
            execution=Execution(workers=request.workers),
        )
    if request.quick:
        _train_start(
            request.out / FITS, request.recipe, scratch=request.scratch, progress=request.progress
        )
    return []


def _train_start(
    fits: Path, recipe: MembranesRecipe, *, scratch: Path, progress: Progress | None
) -> None:
    """Train the network that the arms of a quick run begin with, unless an earlier call did."""
    from fatescope.systems.membranes.reproduce.fits import published_settings
    from fatescope.train.schedule_settings import Constant

    if (fits / START).is_file():
        return
    volumes, _ = volumes_by_time(render_embryo(scratch / "other", seed=OTHER_SEED), recipe)
    settings = published_settings(
        recipe,
        steps=START_STEPS,
        epoch=20,
        schedule=Constant(),
        batch=START_BATCH,
        rate=START_RATE,
    )
    write_start(fits, start_task(volumes, recipe), settings, progress=progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines(WorkUnit):
    """Methods without training, on the test planes: lines on the charts."""

    arm: MembraneArm
    key: str = "baselines"

    @property
    def paths(self) -> list[Path]:
        """The files that decide what comes out."""
        return self.arm.paths


Unit = MembraneArm | Tuning | Baselines


def units(volumes: Sequence[Volume], splits: Sequence[Split]) -> list[Unit]:
    """Return what is to be done: the arms, both tunings, and the baselines."""
    arms = membrane_arms(volumes, splits)
    by_key = {a.key: a for a in arms}
    return [
        *arms,
        Tuning(kind="published", arm=by_key["published"]),
        Tuning(kind="corrected", arm=by_key["time"]),
        Baselines(arm=by_key["corrected"]),
    ]


def run_unit(
    unit: Unit, *, out: Path, recipe: MembranesRecipe, progress: Progress | None = None
) -> Outcome:
    """Do one unit: an arm, a tuning, or the baselines."""
    slices = out / FITS / _SLICES
    if isinstance(unit, Baselines):
        return score_baselines(unit, slices=slices, recipe=recipe)
    if isinstance(unit, Tuning):
        return run_tuning(unit, out=out, recipe=recipe, progress=progress)
    return train_arm(unit, out=out, slices=slices, recipe=recipe, progress=progress)


def score_baselines(unit: Baselines, *, slices: Path, recipe: MembranesRecipe) -> Outcome:
    """Score the filled silhouette and, where nuclei are known, their Voronoi cells."""
    from fatescope.systems.membranes.training.scoring import baseline_scores
    from fatescope.systems.membranes.training.settings import MembraneRecipe

    how = MembraneRecipe.from_values(
        {"crops": {"spacing_um": recipe.spacing_um}, "validation_planes": _ALL_PLANES}
    )
    rows = read_samples(slices, splits=["test"])
    found = baseline_scores(rows, data=slices, recipe=how)
    table = typed_table([{"method": name, **scores} for name, scores in found.items()])
    return Outcome(input=describe_files(unit.paths), tables={"baselines": table})


def _costs(recipe: MembranesRecipe, data: Path | None, quick: bool) -> list[float]:
    """Return the CPU seconds of each unit; rendered volumes are counted, not rendered."""
    if quick:
        n_volumes, planes = len(RENDERED.cells), RENDERED.planes
    else:
        folder, _ = find_folder(data, quick=False, scratch=Path())
        n_volumes, planes = len(volumes_by_time(folder, recipe)[0]), 70
    rows = round(0.9 * n_volumes * planes * 49 / 70 * 134 / 70)
    image = _IMAGE_SECONDS * (recipe.size_px / 256) ** 2
    trials = recipe.trials * recipe.share * rows * image
    ablation = [recipe.arm_steps * recipe.batch * image] * _ABLATION
    seconds = [
        recipe.epochs * rows * image,
        recipe.corrected_steps * _STEP_SECONDS * min(1, recipe.size_px / _CROP_PX) ** 2,
        *ablation,
        0.1 * trials,
        trials,
        12.0 * n_volumes,
    ]
    if quick:  # before all of them
        seconds[0] += START_STEPS * START_BATCH * image
    return seconds


def find_folder(data: Path | None, *, quick: bool, scratch: Path) -> tuple[Path, str]:
    """Return the folder of volumes, and one sentence that says where they come from."""
    if quick:
        folder = render_embryo(scratch / "rendered", seed=SEED)
        return folder, f"One rendered embryo at {len(RENDERED.cells)} stages (not a real one)"
    given = data_folder(data, "membrane_3dmms")
    if given is None:
        raise InputError(
            "no volumes to learn from. Give a folder with raw/ and labels/ by --data, or --quick "
            "for a short run on a rendered embryo."
        )
    return given, f"Volumes of {given.name}"


def slice_settings(recipe: MembranesRecipe) -> SliceSettings:
    """Return how volumes are found and divided by time."""
    share = 0.2 if recipe.guard_frames == 0 else 0.1
    return SliceSettings(
        images=recipe.images,
        labels=recipe.labels,
        spacing_um=recipe.spacing_um,
        guard_frames=recipe.guard_frames,
        validation=share,
        test=share,
    )


def volumes_by_time(folder: Path, recipe: MembranesRecipe) -> tuple[list[Volume], list[Split]]:
    """Return the volumes of one embryo and the block of time of each.

    Raises
    ------
    InputError
        If volumes are of several embryos, or too few for the blocks.
    """
    settings = slice_settings(recipe)
    volumes = find_volumes(folder, settings=settings)
    if len({v.embryo for v in volumes}) > 1:
        raise InputError(
            f"{folder}: holds several embryos; the run of 2021 is of one. Give a folder with one."
        )
    splits = split_frames([v.time for v in volumes], settings=settings)
    lacking = {"train", "validation", "test"} - set(splits)
    if lacking:
        raise InputError(
            f"{folder}: {len(volumes)} volumes leave none for {' and '.join(sorted(lacking))}. "
            "Give more times, or a smaller --guard-frames."
        )
    return volumes, splits


MEMBRANES_2021 = Reproduction(
    name="membranes-2021",
    origin=MEMBRANES,
    needs=("torch", "albumentations", "cv2", "segmentation_models_pytorch", "optuna"),
    quick=QUICK,
    quick_words="Quick run on a rendered embryo: it shows that all runs.",
    what="arms",
    find=_find,
    do=run_unit,
    costs=_costs,
    page=membranes_page,
    begin=_begin,
    also=lambda request, _: write_old_new_film(request.out),
)
"""Data: a folder with volumes and labels of one embryo over time, named as the recipe says, or one
that holds ``membrane_3dmms``."""
