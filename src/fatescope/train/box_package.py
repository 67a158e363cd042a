"""From a fitted network that proposes boxes to a package: thresholds, temperature, card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    Training,
    describe_input,
    expected_ranges,
    write_package,
)
from fatescope.models.outputs import BOX_CORNERS
from fatescope.numeric import BootstrapSettings
from fatescope.predict.normalise import normalise_plane
from fatescope.prepare import read_boxes, read_plane, read_samples, seen_hashes
from fatescope.prepare.store import SPLITS
from fatescope.train.box_crops import kind_diameters
from fatescope.train.box_network import STRIDE_PX
from fatescope.train.box_scoring import SCORES, propose, score_boxes, summarise_boxes, tune_boxes
from fatescope.train.export import export_onnx, weights_bytes
from fatescope.train.scoring import working_tile

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.prepare import Sample
    from fatescope.train.box_settings import BoxRecipe
    from fatescope.train.provenance import Provenance

_TILE_PX, _HALO_PX, _DIVISOR = 1024, 96, 16
_GUARD_PX = 256
_GUARD_ZOOMS = (0.75, 1.0, 1.4)
_RESAMPLES = 1000
_WORDS = {
    "f1": "F1 of detection (centre in box)",
    "f1_class": "mean F1 of both classes, the class told right",
    "accuracy": "class accuracy of found cells",
    "ap_dead": "area under precision-recall for dead, missed ones counted",
    "ap_dead_found": "the same among found cells",
    "calibration": "expected calibration error of `p_dead`",
}


def draft_description(recipe: BoxRecipe) -> ModelDescription:
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


def package_boxes(
    network: Any, *, recipe: BoxRecipe, data: Path, folder: Path, provenance: Provenance
) -> ModelPackage:
    """Export, choose thresholds on validation units, score test units once, write.

    Parameters
    ----------
    network : BoxUNet
        With averaged weights.
    recipe : BoxRecipe
    data : Path
        Folder with ``samples.csv``.
    folder : Path
        New or empty.
    provenance : Provenance
    """
    rows = read_samples(data, splits=SPLITS)
    training, validation, test = (
        [s for s in rows if s.split == side] for side in ("train", "validation", "test")
    )
    draft = draft_description(recipe)
    before = provenance.start.training.units_seen if provenance.start else ()
    seen = [*training, *validation]
    training_facts = Training(
        units_seen=tuple(sorted({*seen_hashes(rows), *before})),
        n_images=len(seen),
        n_objects=sum(map(len, read_boxes(seen))),
        recipe=recipe.name,
        command=provenance.command,
        seed=recipe.seed,
    )
    image = draft.image.replace(expected=_expected(training, draft))
    files = {
        "model.onnx": export_onnx(network, form="boxes"),
        "weights.safetensors": weights_bytes(network),
    }

    def in_memory(output: Boxes) -> ModelPackage:
        description = draft.replace(input=image, output=output, training=training_facts)
        return ModelPackage(description=description, files=files, sha256="", source=Path("draft"))

    output = draft.output_as(Boxes)
    model = OpenVinoModel(in_memory(output), precision="fp32", threads=1)
    if validation:
        found = propose(model, validation, description=draft, classes=recipe.classes)
        output = tune_boxes(found, output)
    scores = []
    if test:
        found = propose(model, test, description=draft, classes=recipe.classes)
        scores = score_boxes(found, output)
    numbers = {k: round(v, 4) for k, v in summarise_boxes(scores).items()} if scores else {}
    described = in_memory(output).description
    described = described.replace(
        training=training_facts.replace(scores={k: v for k, v in numbers.items() if np.isfinite(v)})
    )
    plane = rendered_cells(recipe)
    return write_package(
        folder,
        description=described,
        files=files,
        test_input=plane,
        test_output=model.run(plane),
        card=_card(described, recipe, provenance, len(validation), test, scores),
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


def _expected(samples: Sequence[Sample], draft: ModelDescription) -> dict[str, dict[str, float]]:
    """Measure the training images, somewhat smaller and larger too."""
    sizes = kind_diameters(samples)
    measured = []
    for sample in samples:
        pixels = read_plane(sample.image)
        scale = draft.image.diameter_px / sizes.get(sample.kind, draft.image.diameter_px)
        for zoom in _GUARD_ZOOMS:
            tile = working_tile(pixels, description=draft, scale=scale * zoom, side_px=_GUARD_PX)
            measured.append(describe_input(tile))
    ranges = expected_ranges(measured)
    return {name: {"low": round(r.low, 4), "high": round(r.high, 4)} for name, r in ranges.items()}


def _card(
    d: ModelDescription,
    recipe: BoxRecipe,
    provenance: Provenance,
    n_validation: int,
    test: Sequence[Sample],
    scores: Sequence[BoxScores],
) -> str:
    output, (low, high) = d.output_as(Boxes), d.image.diameter_range_px
    minutes = provenance.cpu_minutes
    cost = f"{minutes:.1f} CPU-minutes" if minutes else "cost not recorded"
    cited = "\n".join(f"- {c.text}{f' <{c.url}>' if c.url else ''}" for c in d.cite)
    parts = [
        f"# {d.name}",
        d.summary,
        "## What it expects\n\n"
        f"One plane in bright field, any bit depth: percentiles {d.image.percentiles[0]:g} and "
        f"{d.image.percentiles[1]:g} of the whole plane become 0 and 1. Cells are brought to "
        f"{d.image.diameter_px:g} px, the mean side of a box (trained from {low:g} to {high:g} "
        f"px). It proposes a box at every {output.stride_px} px; of these, peaks of at least "
        f"{output.least_score:g} are kept that overlap no better one by an IoU above "
        f"{output.most_overlap:g}. Logits of the classes {' and '.join(recipe.classes)} are "
        f"divided by {output.temperature:g}."
        + (" What is proposed is the mean over four mirror images." if output.mirrored else ""),
        "## How it was made\n\n"
        f"`{provenance.command}`: recipe `{recipe.name}`, seed {recipe.seed}, "
        f"{provenance.steps:,} steps of {recipe.fit.batch} crops of {recipe.crops.size_px} px, "
        f"{cost}. It saw {d.training.n_images} images with {d.training.n_objects:,} boxes, "
        f"{n_validation} of the images for the choice of thresholds and temperature only. The "
        f"hashes of all {len(d.training.units_seen)} units are in `rdf.yaml`: a score on them is "
        "not a held-out score. One seed was trained: the spread between seeds is not known.",
        _held_out(recipe, test, scores),
        "## What the numbers do not cover\n\n"
        "Other laboratories, cells, chambers and microscopes; other ways to die than those of the "
        "training images; other dyes or none: what counts as dead is what somebody called dead "
        "who looked at the image. Cells that overlap, and cells of which the edge of the image "
        "shows little. Every image was analysed at the working size by the true median of its "
        "kind, as the command does where cells are about as large as in training. Truth was boxed "
        "by hand and has faults of its own.",
    ]
    return "\n\n".join([*parts, *([f"## To be cited\n\n{cited}"] if cited else [])]) + "\n"


def _held_out(recipe: BoxRecipe, test: Sequence[Sample], scores: Sequence[BoxScores]) -> str:
    if not scores:
        return "## Held-out score\n\nThere were no held-out samples: its worth is unknown."
    units = [s.unit for s in test]
    settings = BootstrapSettings(resamples=_RESAMPLES)
    n_true = sum(len(s.truth) for s in scores)
    n_second = sum(int(s.truth.sum()) for s in scores)
    found = summarise_boxes(scores)
    lines = ["| | value | 95 % |", "|--|--|--|"]
    for name, score in SCORES.items():
        ends = box_interval(scores, units, score, settings)
        between = "" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"
        value = f"{found[name]:.3f}" if np.isfinite(found[name]) else "unknown"
        lines.append(f"| {_WORDS[name]} | {value} | {between} |")
    return (
        "## Held-out score\n\n"
        f"{len(test)} images of {len(set(units))} units that neither training nor the choice of "
        f"thresholds has seen, with {n_true} boxes, {n_second} of them {recipe.classes[1]}. "
        "Pooled over images; intervals by bootstrap over units. A found box belongs to the true "
        "one that holds its centre, one to one.\n\n" + "\n".join(lines)
    )
