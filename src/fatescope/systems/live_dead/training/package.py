"""From a fitted network that proposes boxes to a package: thresholds, temperature, card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fatescope.evaluate.boxes import BoxScores, box_interval
from fatescope.models import (
    PERCENTILES,
    Boxes,
    ImageInput,
    ModelDescription,
    ModelPackage,
    OpenVinoModel,
    Tiling,
    describe_input,
    expected_ranges,
)
from fatescope.models.outputs import BOX_CORNERS
from fatescope.numeric import BootstrapSettings
from fatescope.predict.normalise import normalise_plane
from fatescope.prepare import read_boxes, read_plane, read_samples
from fatescope.prepare.store import SPLITS
from fatescope.systems.live_dead.training.crops import kind_diameters
from fatescope.systems.live_dead.training.network import STRIDE_PX
from fatescope.systems.live_dead.training.scoring import (
    SCORES,
    propose,
    score_boxes,
    summarise_boxes,
    tune_boxes,
)
from fatescope.train.card import Card, score_table, write_card
from fatescope.train.export import export_onnx, weights_bytes
from fatescope.train.packaging import draft_package, training_facts, write_trained
from fatescope.train.scoring import GUARD_PX, GUARD_ZOOMS, working_tile

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.models import ModelPackage
    from fatescope.models.inputs import ValueRange
    from fatescope.prepare import Sample
    from fatescope.systems.live_dead.training.settings import BoxRecipe
    from fatescope.train.trainables import TrainedNetwork

_TILE_PX, _HALO_PX = 1024, 96  # of prediction; not measured
_DIVISOR = 16  # the coarsest level is at 1/16
_RESAMPLES = 1000  # of the intervals on the card
_WORDS = {
    "f1": "F1 of detection (centre in box)",
    "f1_class": "mean F1 of both classes, the class right",
    "accuracy": "class accuracy of found cells",
    "ap_dead": "area under precision-recall for dead, missed ones counted",
    "ap_dead_found": "the same among found cells",
    "calibration": "expected calibration error of `p_dead`",
}


def describe_boxes(recipe: BoxRecipe) -> ModelDescription:
    """Describe the package of a recipe as far as the recipe alone knows it."""
    low, high = recipe.crops.zoom
    size = recipe.crops.diameter_px
    return ModelDescription(
        name=recipe.name,
        summary=recipe.summary,
        task=recipe.task,
        cite=recipe.cite,
        input=ImageInput(
            percentiles=PERCENTILES,
            diameter_px=size,
            diameter_range_px=(round(size * low, 1), round(size * high, 1)),
            tiling=Tiling(
                tile_px=(_TILE_PX,) * 2, halo_px=(_HALO_PX,) * 2, divisor=(_DIVISOR,) * 2
            ),
            modality=recipe.modality,
            polarity="any",
        ),
        output=Boxes(
            channels=(*BOX_CORNERS, *recipe.classes), stride_px=STRIDE_PX, mirrored=recipe.mirrored
        ),
    )


def package_boxes(made: TrainedNetwork) -> ModelPackage:
    """Export, choose thresholds on validation units, score test units once, write."""
    provenance, recipe = made.provenance, made.recipe
    rows = read_samples(made.data, splits=SPLITS)
    training, validation, test = (
        [s for s in rows if s.split == side] for side in ("train", "validation", "test")
    )
    description = describe_boxes(recipe)
    n_objects = sum(map(len, read_boxes([*training, *validation])))
    description = description.replace(
        input=description.image.replace(expected=_expected(training, description)),
        training=training_facts(recipe, rows, provenance, n_objects=n_objects),
    )
    files = {
        "model.onnx": export_onnx(made.network, form="boxes"),
        "weights.safetensors": weights_bytes(made.network),
    }
    draft = draft_package(description, files)
    model = OpenVinoModel(draft, precision="fp32", threads=1)
    output = description.output_as(Boxes)
    if validation:
        found = propose(model, validation, description=description, classes=recipe.classes)
        output = tune_boxes(found, output)
        draft = draft_package(description.replace(output=output), files)
    scores = []
    if test:
        found = propose(model, test, description=description, classes=recipe.classes)
        scores = score_boxes(found, output)
    card = _card(draft.description, recipe, len(validation), test, scores)
    return write_trained(
        draft,
        made.folder,
        scores=summarise_boxes(scores) if scores else {},
        card=write_card(card, draft.description, recipe=recipe, provenance=provenance),
        test_input=rendered_cells(recipe),
    )


def rendered_cells(recipe: BoxRecipe) -> FloatArray:
    """Render the image of the test tensors, (1, 1, 192, 192), normalised: discs with dark rings."""
    rng = np.random.default_rng(recipe.seed)
    image = rng.normal(100, 4, (192, 192)).astype(np.float32)
    radius = recipe.crops.diameter_px / 2
    y, x = np.mgrid[:192, :192]
    for row in range(4):
        for column in range(4):
            away = np.hypot(y - 24 - 48 * row, x - 24 - 48 * column)
            image += 60 * np.exp(-((away / radius * 2) ** 2)) * ((row + column) % 2)
            image -= 25 * np.exp(-(((away - radius) / 3) ** 2))
    blurred = cv2.GaussianBlur(image, (0, 0), 0.8)
    return normalise_plane(blurred, percentiles=PERCENTILES)[None, None]


def _expected(samples: Sequence[Sample], description: ModelDescription) -> dict[str, ValueRange]:
    """Measure the training images, somewhat smaller and larger too."""
    sizes, size = kind_diameters(samples), description.image.diameter_px
    measured = []
    for sample in samples:
        pixels = read_plane(sample.image)
        scale = size / sizes.get(sample.kind, size)
        for zoom in GUARD_ZOOMS:
            tile = working_tile(
                pixels, description=description, scale=scale * zoom, side_px=GUARD_PX
            )
            measured.append(describe_input(tile))
    return expected_ranges(measured)


def _card(
    d: ModelDescription,
    recipe: BoxRecipe,
    n_validation: int,
    test: Sequence[Sample],
    scores: Sequence[BoxScores],
) -> Card:
    output, (low, high) = d.output_as(Boxes), d.image.diameter_range_px
    return Card(
        expects="One plane in bright field, any bit depth: percentiles "
        f"{d.image.percentiles[0]:g} and {d.image.percentiles[1]:g} of the whole plane become 0 "
        f"and 1. Cells are brought to {d.image.diameter_px:g} px, the mean side of a box (trained "
        f"from {low:g} to {high:g} px). It proposes a box at every {output.stride_px} px; of "
        f"these, peaks of at least {output.least_score:g} are kept that overlap no better one by "
        f"an IoU above {output.most_overlap:g}. Logits of the classes "
        f"{' and '.join(recipe.classes)} are divided by {output.temperature:g}."
        + (" What is proposed is the mean over four mirror images." if output.mirrored else ""),
        step=f"{recipe.fit.batch} crops of {recipe.crops.size_px} px",
        saw=f"{d.training.n_images} images with {d.training.n_objects:,} boxes, {n_validation} of "
        "the images for the choice of thresholds and temperature only",
        held_out=_held_out(recipe, test, scores) if scores else "",
        limits="Other laboratories, cells, chambers and microscopes; other ways to die than those "
        "of the training images; other dyes or none: what counts as dead is what somebody called "
        "dead who looked at the image. Cells that overlap, and cells of which the edge of the "
        "image shows little. Every image was analysed at the working size by the true median of "
        "its kind, as the command does where cells are about as large as in training. Truth was "
        "boxed by hand and has faults of its own.",
    )


def _held_out(recipe: BoxRecipe, test: Sequence[Sample], scores: Sequence[BoxScores]) -> str:
    units = [s.unit for s in test]
    settings = BootstrapSettings(resamples=_RESAMPLES)
    n_true = sum(len(s.truth) for s in scores)
    n_second = sum(int(s.truth.sum()) for s in scores)
    found = summarise_boxes(scores)
    table = score_table(
        (_WORDS[name], found[name], box_interval(scores, units, score, settings))
        for name, score in SCORES.items()
    )
    return (
        f"{len(test)} images of {len(set(units))} units that neither training nor the choice of "
        f"thresholds has seen, with {n_true} boxes, {n_second} of them {recipe.classes[1]}. "
        "Pooled over images; intervals by bootstrap over units. A found box belongs to the true "
        f"one that holds its centre, one to one.\n\n{table}"
    )
