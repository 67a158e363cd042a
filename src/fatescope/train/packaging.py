"""From a fitted network to a package folder: what every task does in the same way."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.models import ModelPackage, OpenVinoModel, Training, write_package
from fatescope.prepare import seen_hashes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base.types import FloatArray
    from fatescope.models import ModelDescription
    from fatescope.prepare import Sample
    from fatescope.train.provenance import Provenance
    from fatescope.train.recipe_settings import Recipe


def training_facts(
    recipe: Recipe,
    rows: Sequence[Sample],
    provenance: Provenance,
    *,
    n_objects: int,
    n_images: int | None = None,
) -> Training:
    """Say what a network has seen: also through the package that it went on from.

    Parameters
    ----------
    recipe : Recipe
    rows : sequence of Sample
        All rows of the manifest, of every split.
    provenance : Provenance
    n_objects : int
        Labelled objects in training and validation.
    n_images : int, optional
        Images of training and validation, where a row is not an image.
    """
    before = provenance.start.training.units_seen if provenance.start else ()
    twin = provenance.twin.description.training if provenance.twin else Training()
    seen = sum(s.split in ("train", "validation") for s in rows)
    return Training(
        units_seen=tuple(sorted({*seen_hashes(rows, known=twin.units_seen), *before})),
        n_images=seen if n_images is None else n_images,
        n_objects=n_objects,
        recipe=recipe.name,
        command=provenance.command,
        seed=recipe.seed,
        scores=twin.scores,
    )


def draft_package(description: ModelDescription, files: Mapping[str, bytes]) -> ModelPackage:
    """Return a package that is not on disk yet, for a network that is to be run."""
    return ModelPackage(description=description, files=files, sha256="", source=Path("draft"))


def write_trained(
    draft: ModelPackage,
    folder: Path,
    *,
    scores: Mapping[str, float],
    card: str,
    test_input: FloatArray,
) -> ModelPackage:
    """Write a draft package with its card and scores, and what its network makes of an input.

    Parameters
    ----------
    draft : ModelPackage
    folder : Path
        New or empty.
    scores : mapping of str to float
        On test units; those that are not finite are left out, the others rounded to four places.
        Without any, those of the description stay.
    card : str
        Markdown.
    test_input : ndarray of float32
        A batch as the description's ``input`` says.
    """
    kept = {k: round(float(v), 4) for k, v in scores.items() if math.isfinite(v)}
    description = draft.description
    return write_package(
        folder,
        description=description.replace(
            training=description.training.replace(scores=kept or description.training.scores)
        ),
        files=draft.files,
        test_input=test_input,
        test_output=OpenVinoModel(draft, precision="fp32", threads=1).run(test_input),
        card=card,
    )
