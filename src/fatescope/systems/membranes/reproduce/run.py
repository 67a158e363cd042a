"""``fatescope reproduce membranes-2021``: published, run again, each correction, corrected."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.base import Execution, InputError, check_installed
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.engine.execute import available_workers
from fatescope.prepare import SliceSettings, find_volumes, read_samples, split_frames
from fatescope.storage import remove
from fatescope.systems.membranes.reproduce.arms import FITS, Arm, plan_arms, table_of
from fatescope.systems.membranes.reproduce.film import write_old_new_film
from fatescope.systems.membranes.reproduce.page import write_membranes_page
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
from fatescope.systems.membranes.reproduce.unit import run_arm
from fatescope.systems.membranes.slices import prepare_slices
from fatescope.systems.reproduction.plan import plan_trainings
from fatescope.train.start import START, write_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import Progress
    from fatescope.engine import Summary
    from fatescope.engine.plan import RunPlan
    from fatescope.prepare import Volume
    from fatescope.prepare.splits import Split
    from fatescope.systems.reproduction.settings import MembranesRecipe

_NEEDS = ("torch", "albumentations", "cv2", "segmentation_models_pytorch", "optuna")
_SLICES = "slices"
_ALL_PLANES = 10_000
_IMAGE_SECONDS = 0.16
"""CPU seconds of the published network for an image of 256 x 256 px, forward and back, in bfloat16;
float32 takes up to twice as long."""
_STEP_SECONDS, _CROP_PX = 0.15, 160
"""Of a step of the corrected network with crops of that side."""
_ABLATION = 7
"""Arms that have the steps of the ablation, not all epochs."""


def reproduce_membranes(
    *,
    out: Path,
    recipe: MembranesRecipe,
    data: Path | None = None,
    quick: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Run the recipe as published, correct it step by step, and train a corrected network.

    Parameters
    ----------
    out : Path
        Gets ``report.html``, ``arms.csv``, ``planes.csv``, ``course.csv``, ``trials.csv``,
        ``images/`` and ``films/``. The same call again continues with the arms that are not done,
        and within an arm at its last checkpoint.
    recipe : MembranesRecipe
    data : Path, optional
        Folder with volumes and labels of one embryo over time, named as ``recipe`` says, or one
        that holds ``membrane_3dmms``.
    quick : bool
        A short run on a rendered embryo: shows that everything runs, proves nothing.
    workers : int, optional
        Processes, each for one arm at a time and with one thread; default: one for each core.
    progress, fresh

    Raises
    ------
    InputError
        If there are no volumes, or too few for blocks of time.
    """
    check_installed(*_NEEDS)
    if quick:
        recipe = recipe.replace(**QUICK)
    settings = {**recipe.model_dump(mode="json"), "quick": quick}
    with (
        Run.open(out, command="reproduce membranes-2021", settings=settings, fresh=fresh) as run,
        tempfile.TemporaryDirectory() as scratch,
    ):
        if fresh:
            remove(run.out / FITS)
        folder, source = find_folder(data, quick=quick, scratch=Path(scratch))
        volumes, splits = divide(folder, recipe)
        todo = pending(run, units(volumes, splits))
        n = available_workers(workers, max(len(todo), 1))
        slices = run.out / FITS / _SLICES
        if any(isinstance(u, Baselines) or u.key == "corrected" for u in todo):
            prepare_slices(
                folder, out=slices, settings=slice_settings(recipe), execution=Execution(workers=n)
            )
        if quick and todo:
            begin(run.out / FITS, recipe, scratch=Path(scratch), progress=progress)
        job = partial(
            run_unit,
            out=run.out,
            slices=slices,
            recipe=recipe,
            progress=progress if n == 1 else None,
        )
        work_through(run, todo, job, execution=Execution(workers=n), progress=progress)
        summary = run.finish()
        if not summary.units_failed:
            remove(run.out / FITS)
        if summary.units_done:
            write_membranes_page(
                run.out, recipe, volumes=volumes, splits=splits, source=source, quick=quick
            )
            run.wrote("report.html", *write_old_new_film(run.out))
    return summary


def begin(fits: Path, recipe: MembranesRecipe, *, scratch: Path, progress: Progress | None) -> None:
    """Train the network that the arms of a quick run begin with, unless an earlier call did."""
    from fatescope.systems.membranes.reproduce.fits import published_settings
    from fatescope.train.schedule_settings import Constant

    if (fits / START).is_file():
        return
    volumes, _ = divide(render_embryo(scratch / "other", seed=OTHER_SEED), recipe)
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
class Baselines:
    """Methods without training, on the test planes: lines on the charts."""

    arm: Arm
    key: str = "baselines"

    @property
    def paths(self) -> list[Path]:
        """The files that decide what comes out."""
        return self.arm.paths

    def absolute(self) -> Baselines:
        """Return the same for a process that stands in another folder."""
        return Baselines(arm=self.arm.absolute())

    def __str__(self) -> str:
        return self.key


Unit = Arm | Tuning | Baselines


def units(volumes: Sequence[Volume], splits: Sequence[Split]) -> list[Unit]:
    """Return what is to be done: the arms, both tunings, and the baselines."""
    arms = plan_arms(volumes, splits)
    by_key = {a.key: a for a in arms}
    return [
        *arms,
        Tuning(kind="published", arm=by_key["published"]),
        Tuning(kind="corrected", arm=by_key["time"]),
        Baselines(arm=by_key["corrected"]),
    ]


def run_unit(
    unit: Unit,
    *,
    out: Path,
    slices: Path,
    recipe: MembranesRecipe,
    progress: Progress | None = None,
) -> Outcome:
    """Do one unit: an arm, a tuning, or the baselines."""
    if isinstance(unit, Baselines):
        return score_baselines(unit, slices=slices, recipe=recipe)
    if isinstance(unit, Tuning):
        return run_tuning(unit, out=out, recipe=recipe, progress=progress)
    return run_arm(unit, out=out, slices=slices, recipe=recipe, progress=progress)


def score_baselines(unit: Baselines, *, slices: Path, recipe: MembranesRecipe) -> Outcome:
    """Score the filled silhouette and, where nuclei are known, their Voronoi cells."""
    from fatescope.systems.membranes.training.scoring import baseline_scores
    from fatescope.systems.membranes.training.settings import MembraneRecipe

    how = MembraneRecipe.from_values(
        {"crops": {"spacing_um": recipe.spacing_um}, "validation_planes": _ALL_PLANES}
    )
    rows = read_samples(slices, splits=["test"])
    found = baseline_scores(rows, data=slices, recipe=how)
    table = table_of([{"method": name, **scores} for name, scores in found.items()])
    return Outcome(input=describe_files(unit.paths), tables={"baselines": table})


def plan_membranes_2021(
    *,
    recipe: MembranesRecipe,
    data: Path | None = None,
    quick: bool = False,
    workers: int | None = None,
) -> RunPlan:
    """Say what `reproduce_membranes` would cost, from measured costs; nothing is written.

    For ``quick`` the rendered volumes are counted, not rendered.
    """
    if quick:
        recipe = recipe.replace(**QUICK)
        n_volumes, planes = len(RENDERED.cells), RENDERED.planes
    else:
        folder, _ = find_folder(data, quick=False, scratch=Path())
        n_volumes, planes = len(divide(folder, recipe)[0]), 70
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
    return plan_trainings(
        "reproduce membranes-2021",
        seconds,
        what="arms",
        workers=available_workers(workers, len(seconds)),
    )


def find_folder(data: Path | None, *, quick: bool, scratch: Path) -> tuple[Path, str]:
    """Return the folder of volumes, and one sentence that says where they come from."""
    if quick:
        folder = render_embryo(scratch / "rendered", seed=SEED)
        return folder, f"One rendered embryo at {len(RENDERED.cells)} stages (not a real one)"
    given = data or (Path(os.environ["FATESCOPE_DATA"]) if "FATESCOPE_DATA" in os.environ else None)
    if given is None:
        raise InputError(
            "no volumes to learn from. Give a folder with raw/ and labels/ by --data, or --quick "
            "for a short run on a rendered embryo."
        )
    folder = given / "membrane_3dmms" if (given / "membrane_3dmms").is_dir() else given
    return folder, f"Volumes of {folder.name}"


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


def divide(folder: Path, recipe: MembranesRecipe) -> tuple[list[Volume], list[Split]]:
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
