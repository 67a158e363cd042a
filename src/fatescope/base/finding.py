"""A finding: something a person should know about an input or a result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from fatescope.base.errors import InputError

Severity = Literal["info", "warning", "error"]
Status = Literal["open", "accepted", "rejected"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RULES: dict[str, frozenset[str]] = {
    "frames": _words("""
        black dark frozen duplicate saturated blurred cropped jump flicker torn foreign line patch
    """),
    "annotations": _words("""
        cliff vanished rise fall stretched after-end duplicate-row wrapped
    """),
    "lineages": _words("""
        nonpositive-time hole orphan cliff partial duplicate-position outside-tree oversplit jump
        swap exchanged timing species atypical duplicate-id unknown-parent links-not-read mirrored
    """),
    "input": _words("""
        unreadable empty constant not-finite saturated no-scale odd-axes left-out unlike-training
    """),
    "plates": _words("""
        unplaced missing-images unlisted-images repeated-images mixed-scale uneven-times
        no-wells outside-plate no-treatment unmapped-wells trained-wells
    """),
    "result": _words("""
        abstained assumed-channel assumed-scale bridged cut doubtful excluded few-embryos few-wells
        joined-planes label-image loss neighbour no-cells no-membrane no-movie no-nuclei
        no-plateau no-table not-its-table offset one-population planes-apart scaled
        solid-nuclei too-few-frames tracks unstained-wells
    """),
}
"""The vocabulary of rules, by what they speak of (CONTRACT, rules)."""

_KNOWN = frozenset().union(*RULES.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found, where, against which limit, and why it matters.

    Findings are reported and ranked; nothing is dropped silently. ``frame`` and ``object`` are
    ``None`` where the finding concerns the whole file; ``value`` and ``limit`` are ``None``
    where the rule has no number.
    """

    file: str
    rule: str
    reason: str
    severity: Severity
    frame: int | None = None
    object: str | None = None
    value: float | None = None
    limit: float | None = None
    status: Status = "open"

    def __post_init__(self) -> None:
        if self.rule not in _KNOWN:
            raise InputError(f"{self.rule!r} is not a rule; known are {', '.join(sorted(_KNOWN))}.")

    def as_row(self) -> dict[str, str | int | float | None]:
        """Return the columns of ``findings.csv``, in their order."""
        row = asdict(self)
        order = (
            "file",
            "frame",
            "object",
            "rule",
            "value",
            "limit",
            "severity",
            "status",
            "reason",
        )
        return {column: row[column] for column in order}
