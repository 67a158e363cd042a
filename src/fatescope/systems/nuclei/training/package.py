"""From a fitted network to a model package: files, thresholds, and a card of its worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.base import Progress
from fatescope.models import (
    PERCENTILES,
    ImageInput,
    InstanceMaps,
    ModelDescription,
    ModelPackage,
    OpenVinoModel,
    check_input,
    describe_input,
    expected_ranges,
)
from fatescope.predict.normalise import normalise_plane
from fatescope.prepare import read_plane, read_samples, read_truth
from fatescope.prepare.store import SPLITS
from fatescope.prepare.targets import DRAWN
from fatescope.simulate import (
    NucleiMovieSettings,
    SectionSettings,
    simulate_nuclei,
    simulate_section,
)
from fatescope.systems.nuclei.training.card import write_instance_card
from fatescope.train.export import drawing_only, export_onnx, quantise_network, weights_bytes
from fatescope.train.networks import n_maps, shipped_maps
from fatescope.train.packaging import draft_package, training_facts, write_trained
from fatescope.train.planes import unit_diameters
from fatescope.train.provenance import Provenance
from fatescope.train.recipe import inherited
from fatescope.train.scoring import (
    GUARD_PX,
    GUARD_ZOOMS,
    score_samples,
    tune_thresholds,
    working_tile,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fatescope.base.types import FloatArray
    from fatescope.models.inputs import ValueRange
    from fatescope.prepare import Sample
    from fatescope.train.networks import SmallUNet
    from fatescope.train.scoring import Scored
    from fatescope.train.settings import InstanceRecipe
    from fatescope.train.trainables import TrainedNetwork


Precision = Literal["fp32", "int8"]
CALIBRATION_IMAGES = 64  # for int8, about as many as record 0032 measured it with (62)
_TILE_PX = 512  # of such an image, at the working size


def package_network(made: TrainedNetwork) -> ModelPackage:
    """Export, calibrate, choose thresholds on validation units, score test units, write."""
    recipe: InstanceRecipe = made.recipe
    provenance, left_out = made.provenance, made.left_out
    rows = read_samples(made.data, splits=SPLITS)
    draft = draft_instances(
        made.network, rows, recipe=recipe, provenance=provenance, progress=made.progress
    )
    draft = with_int8(draft, [s for s in rows if s.split == "train"])
    test = [s for s in rows if s.split == "test"]
    if left_out is not None:
        test = [s.sample for s in left_out]  # seen, so only to compare both precisions
    both: dict[str, list[Scored]] = {
        "fp32": score_draft(draft, test, precision="fp32"),
        "int8": score_draft(draft, test, precision="int8"),
    }
    card, scores = write_instance_card(
        draft.description,
        both,
        recipe=recipe,
        provenance=provenance,
        n_validation=sum(s.split == "validation" for s in rows),
        left_out=left_out,
    )
    return write_trained(
        draft, made.folder, scores=scores, card=card, test_input=rendered_image(recipe)
    )


def draft_instances(
    network: SmallUNet,
    rows: Sequence[Sample],
    *,
    recipe: InstanceRecipe,
    provenance: Provenance,
    progress: Progress | None = None,
) -> ModelPackage:
    """Return a package in memory: network, weights, thresholds; no test unit is opened.

    Parameters
    ----------
    network : SmallUNet
    rows : sequence of Sample
        All rows of the manifest, of every split.
    recipe, provenance : InstanceRecipe, Provenance
    progress : callable, optional

    Returns
    -------
    ModelPackage
        With thresholds chosen on the validation units, where there are any.
    """
    training, validation = (
        [s for s in rows if s.split == side] for side in ("train", "validation")
    )
    n_outputs = n_maps(recipe.stages[-1].network)
    drawn = [DRAWN.index(name) for name in shipped_maps(n_outputs)]
    exact = export_onnx(drawing_only(network, drawn, n_outputs=n_outputs))
    description = describe_instances(recipe, rows, provenance)
    image = description.image.replace(expected=expected_inputs(training, description))
    description = description.replace(input=image)
    files = {
        "model.onnx": exact,
        "weights.safetensors": weights_bytes(network),
    }
    draft = draft_package(description, files)
    if validation:
        thresholds, _ = tune_thresholds(
            OpenVinoModel(draft, precision="fp32", threads=1),
            validation,
            description=description,
            progress=progress,
        )
        chosen = description.instances.replace(thresholds=thresholds)
        draft = draft_package(description.replace(output=chosen), files)
    return draft


def with_int8(draft: ModelPackage, training: Sequence[Sample]) -> ModelPackage:
    """Return the package with an int8 network too, calibrated on training images."""
    planes = calibration_images(training, draft.description)
    small = quantise_network(draft.files["model.onnx"], planes)
    return draft_package(draft.description, {**draft.files, "model_int8.onnx": small})


def score_draft(
    draft: ModelPackage, test: Sequence[Sample], *, precision: Precision
) -> list[Scored]:
    """Score a network of a package on samples, each at the working size."""
    return score_samples(
        OpenVinoModel(draft, precision=precision, threads=1),
        test,
        description=draft.description,
        thresholds=draft.description.instances.thresholds,
    )


def describe_instances(
    recipe: InstanceRecipe, rows: Sequence[Sample], provenance: Provenance
) -> ModelDescription:
    """Describe the package of a recipe; of the rows, those of test units are not opened."""
    recipe = inherited(recipe, None)
    crops = recipe.stages[-1].crops
    seen = [s for s in rows if s.split in ("train", "validation")]
    n_objects = sum(int(np.count_nonzero(np.unique(read_truth(s)) > 0)) for s in seen)
    low, high = crops.zoom
    size = crops.diameter_px
    said = ("name", "summary", "task", "cite")
    return ModelDescription(
        **{name: getattr(recipe, name) for name in said},
        input=ImageInput.from_values(
            {
                "diameter_px": size,
                "diameter_range_px": (round(size * low, 1), round(size * high, 1)),
                "modality": recipe.modality,
                "polarity": recipe.polarity,
            }
        ),
        output=InstanceMaps(channels=shipped_maps(n_maps(recipe.stages[-1].network))),
        training=training_facts(recipe, rows, provenance, n_objects=n_objects),
    )


def are_unlike(samples: Sequence[Sample], description: ModelDescription) -> bool:
    """Say whether most samples are unlike the training images of a package."""
    tiles = (
        _tile(s, description, scale=scale, side_px=GUARD_PX)
        for s, scale in _sized(samples, description)
    )
    unlike = [bool(check_input(describe_input(tile), description)) for tile in tiles]
    return 2 * sum(unlike) > len(unlike)


def calibration_images(
    samples: Sequence[Sample], description: ModelDescription
) -> list[FloatArray]:
    """Return training images at the working size, (1, 1, Y, X), evenly chosen, for int8."""
    every = max(1, -(-len(samples) // CALIBRATION_IMAGES))
    chosen = list(_sized(samples, description))[::every]
    tiles = (_tile(s, description, scale=scale, side_px=_TILE_PX) for s, scale in chosen)
    least = max(description.image.tiling.divisor)
    return [tile[None, None] for tile in tiles if min(tile.shape) >= least]


def expected_inputs(
    samples: Sequence[Sample], description: ModelDescription
) -> dict[str, ValueRange]:
    """Measure the training images, somewhat smaller and larger too: a size may be estimated."""
    measured = [
        describe_input(_tile(s, description, scale=scale * zoom, side_px=GUARD_PX))
        for s, scale in _sized(samples, description)
        for zoom in GUARD_ZOOMS
    ]
    return expected_ranges(measured)


def _sized(
    samples: Sequence[Sample], description: ModelDescription
) -> Iterator[tuple[Sample, float]]:
    """Yield samples with the factor that brings them to the working size."""
    for sample, diameter in zip(samples, unit_diameters(samples), strict=True):
        if np.isfinite(diameter):
            yield sample, description.image.diameter_px / diameter


def _tile(
    sample: Sample, description: ModelDescription, *, scale: float, side_px: int
) -> FloatArray:
    return working_tile(
        read_plane(sample.image), description=description, scale=scale, side_px=side_px
    )


def rendered_image(recipe: InstanceRecipe) -> FloatArray:
    """Render the image of the test tensors, (1, 1, 256, 256), normalised."""
    if recipe.modality == "electron":
        plan = SectionSettings(height=256, width=256, diameter_px=recipe.crops.diameter_px)
        pixels = simulate_section(plan, seed=recipe.seed).pixels
        return normalise_plane(pixels, percentiles=PERCENTILES)[None, None]
    settings = NucleiMovieSettings(frames=1, height=256, width=256, density=0.35)
    pixels = simulate_nuclei(settings, seed=recipe.seed).pixels[0]
    return normalise_plane(pixels, percentiles=PERCENTILES)[None, None]
