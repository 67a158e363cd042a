"""What a rule of cleaning says: a place, a number and its limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fatescope.base import Severity


@dataclass(frozen=True, slots=True)
class Fault:
    """One frame that one rule speaks of.

    ``value`` and ``limit`` are in the rule's own terms (`fatescope.clean.words`); ``object`` is the
    group of cells that is concerned, empty for all. ``severity`` is ``info`` where it is most
    likely no fault.
    """

    frame: int
    rule: str
    value: float
    limit: float
    object: str = ""
    severity: Severity = "warning"
