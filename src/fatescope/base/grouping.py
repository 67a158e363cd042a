"""Findings that say the same: one line instead of hundreds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from fatescope.base.finding import Severity

_BRACKETS = re.compile(r" \([^()]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """All findings of one rule and one severity.

    Parameters
    ----------
    rule, severity : str
    rows : tuple of mapping
        The rows of ``findings.csv``, in their order.
    n_files : int
        In how many files; a file may have several.
    reason : str
        Where all say the same, that; else the commonest reason, without what stands in brackets,
        which are the numbers of one file.
    n_reason : int
        How many of the rows say so.
    """

    rule: str
    severity: str
    rows: tuple[Mapping[str, Any], ...]
    n_files: int
    reason: str
    n_reason: int

    def __len__(self) -> int:
        return len(self.rows)

    def beyond(self, row: Mapping[str, Any]) -> str:
        """Return what a row says and the group does not: nothing, its numbers, or its reason."""
        reason = str(row["reason"])
        if reason == self.reason:
            return ""
        if _BRACKETS.sub("", reason) == self.reason:
            return " ".join(numbers.strip() for numbers in _BRACKETS.findall(reason))
        return reason


def group_findings(rows: Sequence[Mapping[str, Any]]) -> list[FindingGroup]:
    """Group rows of ``findings.csv`` by rule: the most severe first, then the most frequent."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((str(row["rule"]), str(row["severity"])), []).append(row)
    found = [_group(rule, severity, mine) for (rule, severity), mine in groups.items()]
    order = get_args(Severity)[::-1]
    return sorted(found, key=lambda g: (order.index(g.severity), -len(g), g.rule))


def commonest_doubt(groups: Sequence[FindingGroup], *, n_files: int) -> FindingGroup | None:
    """Return the findings that put all numbers of a run in doubt: most of its files have them."""
    unlike = (g for g in groups if g.rule == "unlike-training")
    return next((g for g in unlike if 2 * g.n_files > n_files), None)


def _group(rule: str, severity: str, rows: list[Mapping[str, Any]]) -> FindingGroup:
    said = {str(r["reason"]) for r in rows}
    if len(said) == 1:
        reason, n = said.pop(), len(rows)
    else:
        ((reason, n),) = Counter(_BRACKETS.sub("", str(r["reason"])) for r in rows).most_common(1)
    return FindingGroup(
        rule=rule,
        severity=severity,
        rows=tuple(rows),
        n_files=len({r["file"] for r in rows}),
        reason=reason,
        n_reason=n,
    )
