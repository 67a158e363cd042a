"""``fatescope reproduce nuclei-2020``: published, its worth on other images, corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.prepare import Sample
from fatescope.prepare.store import write_image_file
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.systems.nuclei.reproduce.folds import plan_folds, run_fold
from fatescope.systems.nuclei.reproduce.page import nuclei_page
from fatescope.systems.reproduction.engine import Reproduction, Request, Work, data_folder
from fatescope.systems.reproduction.origin import NUCLEI

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.systems.reproduction.settings import NucleiRecipe

_RENDERED, _QUICK_FOLDS = 6, 2
_IMAGE_SECONDS, _STEP_SECONDS, _FOLD_SECONDS = 0.34, 0.5, 12.0
"""CPU seconds of an image of 256 x 256 px in the published network, forward and back; of a step of
the corrected one; of whatever else a fold takes."""


def _find(request: Request[NucleiRecipe]) -> Work[str]:
    """Return the folds, in each of which some images are left out; quick: the first two of them."""
    samples, source = find_samples(request.data, quick=request.quick, scratch=request.scratch)
    folds = plan_folds(samples, request.recipe.folds)
    return Work(units=folds[:_QUICK_FOLDS] if request.quick else folds, material=source)


def _costs(recipe: NucleiRecipe, _: Path | None, quick: bool) -> list[float]:
    """Return the CPU seconds of each fold."""
    image = _IMAGE_SECONDS * (recipe.size_px / 256) ** 2
    fold = recipe.epochs * recipe.batches * recipe.batch * image + recipe.steps * _STEP_SECONDS
    return [fold + _FOLD_SECONDS] * (_QUICK_FOLDS if quick else recipe.folds)


def find_samples(data: Path | None, *, quick: bool, scratch: Path) -> tuple[list[Sample], str]:
    """Return pairs of image and labels, and one sentence that says where they come from."""
    if quick:
        return _rendered(scratch), f"{_RENDERED} rendered images (not of any embryo)"
    folder = data_folder(data, "wormimage_em")
    if folder is None:
        raise InputError(
            "no images to learn from. Give a folder with images/ and labels/ by --data, or "
            "--quick for a short run on rendered images."
        )
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


NUCLEI_2020 = Reproduction(
    name="nuclei-2020",
    origin=NUCLEI,
    needs=("torch", "albumentations", "cv2", "segmentation_models_pytorch"),
    quick={
        "epochs": 5,
        "batches": 8,
        "batch": 4,
        "size_px": 128,
        "rate": 0.001,  # forty small batches learn nothing at the published one
        "steps": 50,
        "folds": 6,
    },
    quick_words="Quick run on rendered images: it shows that all runs.",
    what="folds",
    find=_find,
    do=run_fold,
    costs=_costs,
    page=nuclei_page,
)
"""Data: a folder with ``images/`` and ``labels/`` of one name each, or one around ``wormimage_em``.
A mask of the same name in ``masks_published/`` is what the published network is trained on."""
