"""What a comparison of lineages found, for its tables and its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import Table
    from fatescope.lineage.comparing import Alignment, TraitResult
    from fatescope.lineage.traits import EmbryoTraits


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared: reference and test on one clock and in one frame, and every trait.

    ``reference`` holds the mean embryo alone where the reference is the atlas; ``n_reference``
    says how many embryos stand behind it.
    """

    reference: Sequence[EmbryoTraits]
    test: Sequence[EmbryoTraits]
    alignments: Sequence[Alignment]
    results: Sequence[TraitResult]
    rounds: Table
    n_reference: int
    reference_name: str
