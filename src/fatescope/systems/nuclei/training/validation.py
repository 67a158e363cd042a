"""Scores of a network while it trains: what the shipped prediction would make of its maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.evaluate import pool_scores
from fatescope.models import ImageInput, InstanceMaps, ModelDescription
from fatescope.prepare.targets import DRAWN
from fatescope.train.evaluated import EvaluatedNetwork
from fatescope.train.export import drawing_only
from fatescope.train.networks import n_maps, shipped_maps
from fatescope.train.scoring import score_samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.evaluate import LabelScores
    from fatescope.prepare.store import Sample
    from fatescope.train.networks import SmallUNet
    from fatescope.train.settings import RecipeStage


def score_network(
    network: SmallUNet, samples: Sequence[Sample], *, stage: RecipeStage
) -> dict[str, float]:
    """Score a network on whole images, at the working size by the true diameter of their unit.

    Reading, normalising, resampling, decoding and scoring are those of prediction, with the
    thresholds that a package has before they are chosen.

    Returns
    -------
    dict
        ``ap50``, ``ap75``, ``ap_mean`` (0.50 to 0.90) and ``iou`` (of the foreground, pixel by
        pixel), pooled over images, and ``ap_mean KIND`` for each kind.
    """
    n_outputs = n_maps(stage.network)
    maps = shipped_maps(n_outputs)
    size, (low, high) = stage.crops.diameter_px, stage.crops.zoom
    description = ModelDescription(
        name="in-training",
        summary="A network between two epochs.",
        input=ImageInput(diameter_px=size, diameter_range_px=(size * low, size * high)),
        output=InstanceMaps(channels=maps),
    )
    drawn = [DRAWN.index(name) for name in maps]
    scored = score_samples(
        EvaluatedNetwork(drawing_only(network, drawn, n_outputs=n_outputs)),
        samples,
        description=description,
        thresholds=description.instances.thresholds,
    )
    kinds: dict[str, list[LabelScores]] = {}
    for one in scored:
        kinds.setdefault(one.sample.kind, []).append(one.scores)
    pooled = pool_scores([one.scores for one in scored])
    scores = {"ap50": pooled.ap(50), "ap75": pooled.ap(75), "ap_mean": pooled.mean_ap}
    scores["iou"] = pooled.iou
    for kind, some in sorted(kinds.items()):
        scores[f"ap_mean {kind}"] = pool_scores(some).mean_ap
    return scores
