"""How findings are made, ranked and bounded."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from fatescope.base.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

_ORDER = {"error": 0, "warning": 1, "info": 2}


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings by severity, then by how far they are beyond their limit, then by frame."""
    return sorted(
        findings,
        key=lambda f: (
            _ORDER[f.severity],
            -_excess(f),
            f.rule,
            -1 if f.frame is None else f.frame,
            f.object or "",
        ),
    )


def _excess(finding: Finding) -> float:
    """Return how far a value is from its limit, as a share of it; 0 where there is no number."""
    if finding.value is None or not finding.limit:
        return 0.0
    return abs(finding.value - finding.limit) / abs(finding.limit)


def bounded(findings: list[Finding], *, listed: int) -> list[Finding]:
    """Keep the first ``listed`` findings of each rule, and say how many more there are.

    Nothing is dropped silently: the last finding of a cut rule holds the whole number.
    """
    total = Counter(f.rule for f in findings)
    seen: Counter[str] = Counter()
    kept = []
    for finding in findings:
        seen[finding.rule] += 1
        if seen[finding.rule] <= listed:
            kept.append(finding)
        if seen[finding.rule] == listed + 1:
            kept.append(_rest(finding, total[finding.rule], listed))
    return kept


def _rest(finding: Finding, total: int, listed: int) -> Finding:
    return replace(
        finding,
        frame=None,
        object=None,
        value=float(total),
        limit=float(listed),
        reason=f"{total} findings of rule {finding.rule} in all; the worst {listed} are listed.",
    )
