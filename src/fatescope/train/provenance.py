"""How a network came to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fatescope.models import ModelDescription, ModelPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a network came to be, for its card."""

    command: str
    steps: int
    cpu_minutes: float | None = None
    start: ModelDescription | None = None  # of the package that it went on from
    twin: ModelPackage | None = None  # trained alike on a part of the data, and scored on the rest
