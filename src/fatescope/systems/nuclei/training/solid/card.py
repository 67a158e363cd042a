"""What the card of the network that draws nuclei in space says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.evaluate import ScoreSettings, pool_scores
from fatescope.models.outputs import PLANE_MAPS, SOLID_MAPS
from fatescope.numeric import bootstrap_interval
from fatescope.predict.solid_maps import STEP
from fatescope.systems.nuclei.training.solid.scoring import solid_row
from fatescope.train.card import Card, write_card

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray
    from fatescope.evaluate import LabelScores
    from fatescope.models import ModelDescription
    from fatescope.systems.nuclei.training.solid.scoring import ScoredStack
    from fatescope.systems.nuclei.training.solid.settings import SolidRecipe
    from fatescope.train.provenance import Provenance

_LIMITS = (
    "Tissues, stains and microscopes other than those of the training stacks; nuclei that are far "
    "from round; stacks whose planes lie further apart than a nucleus is high. What the network of "
    "planes does not see, this one cannot draw. Nuclei cut by the edge of a stack count like all "
    "others. Truth was drawn by hand or rendered and has faults of its own."
)
_WAYS = ("rule", "network")


def write_solid_card(
    description: ModelDescription,
    scored: Sequence[ScoredStack],
    *,
    recipe: SolidRecipe,
    provenance: Provenance,
) -> tuple[str, dict[str, float]]:
    """Write the model card, and return its main numbers.

    Parameters
    ----------
    description : ModelDescription
    scored : sequence of ScoredStack
        Of validation and test units.
    recipe, provenance : SolidRecipe, Provenance
        How the network was made.

    Returns
    -------
    str, dict
        Markdown, and scores on test units by name: those of `solid_row`, and of the rule.
    """
    test = [s for s in scored if s.sample.split == "test"]
    chosen = [s for s in scored if s.sample.split == "validation"]
    t, crops = description.training, recipe.crops
    more = []
    if chosen:
        said = "Looked at between epochs; neither weights nor a threshold was chosen by them.\n\n"
        more.append(("Validation units", said + _tables(chosen)))
    card = Card(
        expects=f"{', '.join(PLANE_MAPS)} of a Z stack, in 0 to 1: what `{recipe.plane_model}` "
        "draws of each plane, over two by two pixels, and the planes as they are normalised, on a "
        f"grid whose planes lie {STEP:g} pixels apart. `predict nuclei` sees to it. Maps: "
        f"{' and '.join(SOLID_MAPS)} (1 in the middle of each nucleus, 0 at its surface). What is "
        f"outside the outlines of planes stays outside, by the threshold of "
        f"`{recipe.plane_model}`.",
        step=f"{recipe.fit.batch} crops of {crops.planes} x {crops.size_px} x {crops.size_px} "
        "voxels",
        saw=f"{t.n_images} stacks with {t.n_objects:,} nuclei, those of validation with them",
        held_out=_tables(test) if test else "",
        limits=_LIMITS,
        more=tuple(more),
    )
    text = write_card(card, description, recipe=recipe, provenance=provenance)
    if not test:
        return text, {}
    rule = {f"{k}_rule": v for k, v in solid_row([s.rule for s in test]).items()}
    return text, solid_row([s.network for s in test]) | rule


def _tables(scored: Sequence[ScoredStack]) -> str:
    """Return both ways over all stacks, and unit by unit."""
    units = sorted({s.sample.unit for s in scored})
    lines = [
        f"Whole stacks: {len(scored)}, of {len(units)} unit{'s' * (len(units) > 1)}, both ways as "
        "`predict nuclei` divides stacks, at sizes that it estimates. Matched one to one at an IoU "
        "in space; pooled over stacks, intervals by bootstrap over units. Counts are off by a "
        "share of the true number, a mean over stacks.",
        "",
        "| | F1 0.30 (95 %) | F1 0.50 (95 %) | true | found | counts off |",
        "|--|--|--|--|--|--|",
    ]
    for way, words in zip(_WAYS, ("the rule alone", "this network"), strict=True):
        scores = [getattr(s, way) for s in scored]
        row, pooled = solid_row(scores), pool_scores(scores)
        f1 = (_with_interval(scored, way, percent) for percent in (30, 50))
        lines.append(
            f"| {words} | {' | '.join(f1)} | {pooled.n_true:,} | {pooled.n_pred:,} | "
            f"{1 - row['counted']:.1%} |"
        )
    lines += [
        "",
        "| unit | stacks | true | found: rule | network | F1 0.30: rule | network "
        "| F1 0.50: rule | network |",
        "|--|--|--|--|--|--|--|--|--|",
    ]
    for unit in units:
        own = [s for s in scored if s.sample.unit == unit]
        rule, drawn = (pool_scores([getattr(s, way) for s in own]) for way in _WAYS)
        lines.append(
            f"| {unit} | {len(own)} | {rule.n_true} | {rule.n_pred} | {drawn.n_pred} | "
            f"{rule.f1(30):.3f} | {drawn.f1(30):.3f} | {rule.f1(50):.3f} | {drawn.f1(50):.3f} |"
        )
    return "\n".join(lines)


def _with_interval(scored: Sequence[ScoredStack], way: str, percent: int) -> str:
    units: dict[str, list[LabelScores]] = {}
    for s in scored:
        units.setdefault(s.sample.unit, []).append(getattr(s, way))
    pooled = [pool_scores(scores) for scores in units.values()]
    table = np.array([_counts(p, percent) for p in pooled], float)
    interval = bootstrap_interval(table, _f1, ScoreSettings())
    value = pool_scores(pooled).f1(percent)
    return f"{value:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else "")


def _counts(pooled: LabelScores, percent: int) -> tuple[float, float]:
    """Return twice the matched objects, and all objects: their quotient is F1."""
    both = pooled.n_true + pooled.n_pred
    return pooled.f1(percent) * both, both


def _f1(sums: FloatArray) -> FloatArray:
    return np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1), 1.0)
