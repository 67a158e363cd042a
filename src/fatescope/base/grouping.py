"""Findings that say the same: one line instead of hundreds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from fatescope.base.finding import Severity

_KEPT = 1000  # findings of one rule in memory; all are counted
_BRACKETS = re.compile(r" \([^()]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """All findings of one rule and one severity.

    Parameters
    ----------
    rule, severity : str
    rows : tuple of mapping
        The first rows of ``findings.csv``, in their order; at most a thousand.
    n : int
        How many rows there are.
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
    n: int
    n_files: int
    reason: str
    n_reason: int

    def __len__(self) -> int:
        return self.n

    def beyond(self, row: Mapping[str, Any]) -> str:
        """Return what a row says and the group does not: nothing, its numbers, or its reason."""
        reason = str(row["reason"])
        if reason == self.reason:
            return ""
        if _BRACKETS.sub("", reason) == self.reason:
            return " ".join(numbers.strip() for numbers in _BRACKETS.findall(reason))
        return reason


class FindingGroups:
    """Groups of findings that come one by one, any number of them."""

    def __init__(self) -> None:
        self.n = 0
        self._groups: dict[tuple[str, str], _Group] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row of ``findings.csv``."""
        self.n += 1
        self._groups.setdefault((str(row["rule"]), str(row["severity"])), _Group()).add(row)

    def groups(self) -> list[FindingGroup]:
        """Return the groups: the most severe first, then the most frequent."""
        found = [group.closed(*names) for names, group in self._groups.items()]
        order = get_args(Severity)[::-1]
        return sorted(found, key=lambda g: (order.index(g.severity), -len(g), g.rule))


def group_findings(rows: Iterable[Mapping[str, Any]]) -> list[FindingGroup]:
    """Group rows of ``findings.csv`` by rule: the most severe first, then the most frequent."""
    groups = FindingGroups()
    for row in rows:
        groups.add(row)
    return groups.groups()


def commonest_doubt(groups: Sequence[FindingGroup], *, n_files: int) -> FindingGroup | None:
    """Return the findings that put all numbers of a run in doubt: most of its files have them."""
    unlike = (g for g in groups if g.rule == "unlike-training")
    return next((g for g in unlike if 2 * g.n_files > n_files), None)


@dataclass(slots=True)
class _Group:
    """What is counted of a group while its rows come."""

    rows: list[Mapping[str, Any]] = field(default_factory=list)
    n: int = 0
    files: set[int] = field(default_factory=set)  # hashes: names of a million files are long
    said: Counter[str] = field(default_factory=Counter)  # reasons without their numbers
    first: str = ""
    all_equal: bool = True

    def add(self, row: Mapping[str, Any]) -> None:
        reason = str(row["reason"])
        self.first = self.first or reason
        self.all_equal &= reason == self.first
        self.said[_BRACKETS.sub("", reason)] += 1
        self.files.add(hash(row["file"]))
        if len(self.rows) < _KEPT:
            self.rows.append(row)
        self.n += 1

    def closed(self, rule: str, severity: str) -> FindingGroup:
        ((reason, n),) = self.said.most_common(1)
        return FindingGroup(
            rule=rule,
            severity=severity,
            rows=tuple(self.rows),
            n=self.n,
            n_files=len(self.files),
            reason=self.first if self.all_equal else reason,
            n_reason=self.n if self.all_equal else n,
        )
