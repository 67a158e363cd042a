"""Accuracy on the test embryos, by every method on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Table
from fatescope.lineage.compact import published_features
from fatescope.systems.lineages.reproduce.atlas import atlas_labels
from fatescope.systems.reproduction.intervals import interval_over_units, no_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.models import Model
    from fatescope.systems.lineages.reproduce.data import TrainingEmbryo
    from fatescope.systems.lineages.reproduce.published import RunAgain

MAJORITY = "always the most frequent name"
REPORTED = "the published network"
CORRECTED = "the corrected network"
ATLAS, ATLAS_TRACKS = "the atlas, without tracks", "the atlas, with tracks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Accuracy over test embryos: per embryo, mean, 95 % interval over embryos (none of few)."""

    method: str
    per_embryo: tuple[float, ...]
    mean: float
    interval: tuple[float, float] | None

    @property
    def span(self) -> str:
        """The interval in words, or why there is none."""
        if self.interval is None:
            return no_interval(len(self.per_embryo), "embryo")
        return "{:.3f} to {:.3f}".format(*self.interval)


def score_methods(
    test: Sequence[TrainingEmbryo],
    *,
    labels: dict[str, IntArray],
    features: dict[str, FloatArray],
    reported: RunAgain,
    network: Model,
    atlas: Atlas,
) -> dict[str, Score]:
    """Score the same rows of the same embryos by every method."""
    values: dict[str, list[float]] = {}
    for e in test:
        y = labels[e.key]
        used = y >= 0
        raw = published_features(e.lineage, reported.run.columns)[used]
        guesses = {
            MAJORITY: np.full(used.sum(), np.bincount(y[used]).argmax()),
            REPORTED: reported.fit.fitted.predict(raw),
            CORRECTED: network.run(features[e.key][used]).argmax(axis=1),
            ATLAS: atlas_labels(atlas, e, tracks=False)[used],
            ATLAS_TRACKS: atlas_labels(atlas, e, tracks=True)[used],
        }
        for method, guess in guesses.items():
            values.setdefault(method, []).append(float((guess == y[used]).mean()))
    return {method: _score(method, found) for method, found in values.items()}


def _score(method: str, values: Sequence[float]) -> Score:
    return Score(
        method=method,
        per_embryo=tuple(values),
        mean=float(np.mean(values)),
        interval=interval_over_units(np.array(values)[:, None], lambda s: s[:, 0] / len(values)),
    )


def table_of_scores(scores: dict[str, Score], embryos: Sequence[str]) -> Table:
    """Return one row for each method and embryo."""
    columns = {
        "embryo": [e for _ in scores for e in embryos],
        "method": [m for m in scores for _ in embryos],
    }
    return Table(
        {
            **{name: np.array(values, dtype=object) for name, values in columns.items()},
            "accuracy": np.array([v for s in scores.values() for v in s.per_embryo]),
        }
    )
