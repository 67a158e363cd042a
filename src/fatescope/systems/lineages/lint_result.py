"""What a check says on the terminal, and its exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import Literal

from fatescope.base import Finding
from fatescope.engine import Summary

FailOn = Literal["error", "warning"]
_LISTED = 10
_FAILS: dict[FailOn, frozenset[str]] = {
    "error": frozenset(["error"]),
    "warning": frozenset(["error", "warning"]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSummary(Summary):
    """The outcome of ``lineage lint``: that of any command, and the findings themselves.

    Parameters
    ----------
    listed : tuple of Finding
        All rows of ``findings.csv``.
    fail_on : str, optional
        From which severity on an open finding makes the exit code 1.
    """

    listed: tuple[Finding, ...] = ()
    fail_on: FailOn | None = None

    @staticmethod
    def of(summary: Summary, listed: list[Finding], fail_on: FailOn | None) -> CheckSummary:
        """Return a summary together with its findings."""
        known = {f.name: getattr(summary, f.name) for f in fields(Summary)}
        return CheckSummary(**known, listed=tuple(listed), fail_on=fail_on)

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal: errors one by one, warnings by rule."""
        errors = [f for f in self.listed if f.severity == "error"]
        lines = Summary.as_lines(self)[:1]
        if errors:
            tables = len({f.file for f in errors})
            lines.append(
                f"{len(errors)} error{'s' * (len(errors) != 1)} in {tables} of "
                f"{self.units_done + self.units_failed} "
                f"table{'s' * (self.units_done + self.units_failed != 1)}:"
            )
            lines += [f"  {_where(f)}: {f.reason} [{f.rule}]" for f in errors[:_LISTED]]
            if len(errors) > _LISTED:
                lines.append(f"  and {len(errors) - _LISTED} more")
        for severity, words in (("warning", "warnings"), ("info", "notes")):
            rules = Counter(f.rule for f in self.listed if f.severity == severity)
            if rules:
                named = ", ".join(f"{n} {rule}" for rule, n in rules.most_common())
                lines.append(f"{words}: {named}")
        if self.listed:
            lines.append(f"reasons: {self.out / 'report.html'} and {self.out / 'findings.csv'}")
        return lines

    @property
    def exit_code(self) -> int:
        """As for any command, and 1 for open findings if ``fail_on`` asks for it."""
        code = Summary.exit_code.__get__(self)
        if code or self.fail_on is None:
            return int(code)
        fails = _FAILS[self.fail_on]
        return int(any(f.status == "open" and f.severity in fails for f in self.listed))


def _where(finding: Finding) -> str:
    return finding.file if finding.frame is None else f"{finding.file}, frame {finding.frame}"
