"""``fatescope reproduce nuclei-2020``: published, its worth on other images, corrected."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Execution, InputError, check_installed
from fatescope.engine import Run
from fatescope.engine.driver import pending, work_through
from fatescope.engine.execute import available_workers
from fatescope.prepare import Sample
from fatescope.prepare.store import write_image_file
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.storage import remove
from fatescope.systems.nuclei.reproduce.folds import FITS, plan_folds, run_fold
from fatescope.systems.nuclei.reproduce.page import write_nuclei_page
from fatescope.systems.reproduction.plan import plan_trainings

if TYPE_CHECKING:
    from fatescope.base import Progress
    from fatescope.engine import Summary
    from fatescope.engine.plan import RunPlan
    from fatescope.systems.reproduction.settings import NucleiRecipe

_NEEDS = ("torch", "albumentations", "cv2", "segmentation_models_pytorch")
_QUICK = {
    "epochs": 5,
    "batches": 8,
    "batch": 4,
    "size_px": 128,
    "rate": 0.001,
    "steps": 50,
    "folds": 6,
}
"""Forty small batches learn nothing at the published rate; the page states what ran."""
_RENDERED, _QUICK_FOLDS = 6, 2
_IMAGE_SECONDS, _STEP_SECONDS, _FOLD_SECONDS = 0.34, 0.5, 12.0
"""CPU seconds of an image of 256 x 256 px in the published network, forward and back; of a step of
the corrected one; of whatever else a fold takes."""


def reproduce_nuclei(
    *,
    out: Path,
    recipe: NucleiRecipe,
    data: Path | None = None,
    quick: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Run the recipe as published, show what it is worth, then run a corrected one.

    Parameters
    ----------
    out : Path
        Gets ``report.html``, ``scores.csv``, ``course.csv``, ``networks.csv``, ``roughness.csv``
        and ``images/``.
        The same call again continues with the folds that are not done.
    recipe : NucleiRecipe
    data : Path, optional
        Folder with ``images/`` and ``labels/`` of one name each, or one that holds
        ``wormimage_em``. Each image is left out once. A mask of the same name in
        ``masks_published/`` is what the published network is trained on.
    quick : bool
        A short run on rendered images: shows that everything runs, proves nothing.
    workers : int, optional
        Processes, each for one fold at a time and with one thread; default: one for each core.
    progress, fresh

    Raises
    ------
    InputError
        If there are no images, or fewer than three.
    """
    check_installed(*_NEEDS)
    if quick:
        recipe = recipe.replace(**_QUICK)
    settings = {**recipe.model_dump(mode="json"), "quick": quick}
    with (
        Run.open(out, command="reproduce nuclei-2020", settings=settings, fresh=fresh) as run,
        tempfile.TemporaryDirectory() as scratch,
    ):
        if fresh:
            remove(run.out / FITS)
        samples, source = find_samples(data, quick=quick, scratch=Path(scratch))
        folds = plan_folds(samples, recipe.folds)
        todo = pending(run, folds[:_QUICK_FOLDS] if quick else folds)
        n = available_workers(workers, len(todo))
        job = partial(run_fold, out=run.out, recipe=recipe, progress=progress if n == 1 else None)
        work_through(run, todo, job, execution=Execution(workers=n), progress=progress)
        remove(run.out / FITS)
        summary = run.finish()
        if summary.units_done:
            write_nuclei_page(run.out, recipe, source=source, quick=quick)
            run.wrote("report.html")
    return summary


def plan_nuclei_2020(
    *, recipe: NucleiRecipe, quick: bool = False, workers: int | None = None
) -> RunPlan:
    """Say what `reproduce_nuclei` would cost, from measured costs; nothing is opened or written."""
    if quick:
        recipe = recipe.replace(**_QUICK)
    image = _IMAGE_SECONDS * (recipe.size_px / 256) ** 2
    fold = recipe.epochs * recipe.batches * recipe.batch * image + recipe.steps * _STEP_SECONDS
    return plan_trainings(
        "reproduce nuclei-2020",
        [fold + _FOLD_SECONDS] * (_QUICK_FOLDS if quick else recipe.folds),
        what="folds",
        workers=available_workers(workers, recipe.folds),
    )


def find_samples(data: Path | None, *, quick: bool, scratch: Path) -> tuple[list[Sample], str]:
    """Return pairs of image and labels, and one sentence that says where they come from."""
    if quick:
        return _rendered(scratch), f"{_RENDERED} rendered images (not of any embryo)"
    given = data or (Path(os.environ["FATESCOPE_DATA"]) if "FATESCOPE_DATA" in os.environ else None)
    if given is None:
        raise InputError(
            "no images to learn from. Give a folder with images/ and labels/ by --data, or "
            "--quick for a short run on rendered images."
        )
    folder = given / "wormimage_em" if (given / "wormimage_em").is_dir() else given
    samples = [
        Sample(image=image, labels=labels, unit=image.stem)
        for image in sorted((folder / "images").glob("*.*"))
        if (labels := folder / "labels" / f"{image.stem}.png").is_file()
    ]
    if len(samples) < 3:
        raise InputError(
            f"{folder}: {len(samples)} pairs of images/NAME.* and labels/NAME.png; three or more "
            "are needed, so that one can be left out."
        )
    return samples, f"{len(samples)} images of {folder.name}"


def _rendered(scratch: Path) -> list[Sample]:
    plan = NucleiMovieSettings(height=256, width=256, diameter_px=34, density=0.2)
    samples = []
    for i in range(_RENDERED):
        pixels, labels = simulate_image(plan, seed=i)
        image, truth = scratch / f"rendered-{i}.png", scratch / f"rendered-{i}-labels.png"
        write_image_file(image, pixels.astype(np.uint16))
        write_image_file(truth, labels.astype(np.uint16))
        samples.append(Sample(image=image, labels=truth, unit=f"rendered-{i}"))
    return samples
