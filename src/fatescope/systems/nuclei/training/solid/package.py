"""From a fitted network to the package that draws nuclei in space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Image
from fatescope.models import ImageInput, InstanceMaps, ModelDescription, ModelPackage, OpenVinoModel
from fatescope.models.inputs import Tiling
from fatescope.models.outputs import PLANE_MAPS, SOLID_MAPS
from fatescope.predict.channels import open_frames
from fatescope.predict.predictor import open_predictor
from fatescope.predict.size import shared_scale
from fatescope.predict.solid_maps import DIVISOR
from fatescope.predict.tiling import FULL
from fatescope.prepare import read_samples
from fatescope.prepare.pixels import read_stack_truth
from fatescope.prepare.store import SPLITS
from fatescope.simulate import CrowdSettings, simulate_crowd
from fatescope.systems.nuclei.training.solid.card import write_solid_card
from fatescope.systems.nuclei.training.solid.scoring import score_stacks
from fatescope.systems.nuclei.training.solid.stacks import (
    LabelledStack,
    draw_stack,
    on_solid_grid,
)
from fatescope.train.export import export_onnx, weights_bytes
from fatescope.train.packaging import draft_package, training_facts, write_trained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray
    from fatescope.prepare import Sample
    from fatescope.systems.nuclei.training.solid.settings import SolidRecipe
    from fatescope.train.provenance import Provenance
    from fatescope.train.trainables import TrainedNetwork

_DIAMETER_PX, _RANGE_PX = 15.0, (7.5, 20.0)
"""Of nuclei on the grid: the widest that are usual, and all that `SolidCrops.sizes` gives."""

_TEST = 16, 64, 64  # voxels of the test tensors
_CROWD = CrowdSettings(kind="cloud", least_diameter_px=20, most_diameter_px=20, side_px=128)


def package_solid(made: TrainedNetwork) -> ModelPackage:
    """Export, score validation and test units once beside the rule, and write the package.

    ``made.left_out`` is not used: a stack has no loss of its own here.
    """
    recipe: SolidRecipe = made.recipe
    rows = read_samples(made.data, splits=SPLITS)
    description = describe_solid(recipe, rows, made.provenance)
    files = {
        "model.onnx": export_onnx(made.network, n_inputs=len(PLANE_MAPS), space="ZYX"),
        "weights.safetensors": weights_bytes(made.network),
    }
    draft = draft_package(description, files)
    model = OpenVinoModel(draft, precision="fp32", threads=1)
    scored = score_stacks(
        [s for s in rows if s.split in ("validation", "test")],
        model,
        plane_model=recipe.plane_model,
        progress=made.progress,
    )
    card, scores = write_solid_card(description, scored, recipe=recipe, provenance=made.provenance)
    return write_trained(
        draft, made.folder, scores=scores, card=card, test_input=rendered_maps(recipe)
    )


def describe_solid(
    recipe: SolidRecipe, rows: Sequence[Sample], provenance: Provenance
) -> ModelDescription:
    """Describe the package of a recipe; of the rows, those of test units are not opened."""
    seen = [s for s in rows if s.split in ("train", "validation")]
    n_objects = sum(np.count_nonzero(np.unique(read_stack_truth(s)) > 0) for s in seen)
    return ModelDescription(
        name=recipe.name,
        summary=recipe.summary,
        task="nuclei-3d",
        cite=recipe.cite,
        input=ImageInput(
            axes="ZYX",
            channels=PLANE_MAPS,
            normalisation="none",
            diameter_px=_DIAMETER_PX,
            diameter_range_px=_RANGE_PX,
            tiling=Tiling(tile_px=(80, 240, 240), halo_px=(8, 24, 24), divisor=DIVISOR),
        ),
        output=InstanceMaps(channels=SOLID_MAPS),
        training=training_facts(recipe, rows, provenance, n_objects=int(n_objects)),
    )


def rendered_maps(recipe: SolidRecipe) -> FloatArray:
    """Draw the planes of a rendered crowd for the test tensors, (1, 3, Z, Y, X) of `_TEST`."""
    crowd = simulate_crowd(_CROWD, seed=0)
    image = Image(pixels=crowd.pixels, axes="ZYX", name="crowd").with_scale(
        spacing_um=(crowd.plane_px, 1.0, 1.0)
    )
    predictor = open_predictor(recipe.plane_model)
    frames, _ = open_frames(image)
    stack = LabelledStack("", frames[0], np.asarray(crowd.labels, np.int32))
    plan = shared_scale(_CROWD.most_diameter_px, predictor.description, stretch=(1.0, 1.0))
    shown = on_solid_grid(draw_stack(stack, predictor, plan)).shown
    cut = shown[(slice(None), *(slice(0, n) for n in _TEST))]
    pads = [(0, n - have) for n, have in zip(_TEST, cut.shape[1:], strict=True)]
    return np.asarray(np.pad(cut, [(0, 0), *pads])[None] / np.float32(FULL), np.float32)
