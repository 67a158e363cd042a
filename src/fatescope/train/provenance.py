"""How a network came to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fatescope.models import ModelDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a network came to be, for its card."""

    command: str
    steps: int
    cpu_minutes: float | None = None
    start: ModelDescription | None = None  # of the package that it went on from
