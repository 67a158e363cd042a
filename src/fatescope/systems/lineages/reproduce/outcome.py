"""What the reproduction of the names found, for its tables, its page and its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fatescope.models import ModelPackage
    from fatescope.systems.lineages.reproduce.published import PublishedRuns
    from fatescope.systems.lineages.reproduce.scores import Score
    from fatescope.systems.lineages.training.names import FittedNames


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesOutcome:
    """Everything that the page and the card say."""

    source: str
    published: PublishedRuns
    corrected: FittedNames
    network: ModelPackage
    test: tuple[str, ...]
    n_train: int
    n_validation: int
    scores: dict[str, Score]
    residual_um: float
