"""What a command did: seven numbers, what failed, and what to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fatescope.base import FindingGroup, commonest_doubt

_NAMED = 4  # rules that a line names


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The outcome of a command; the keys of ``--json`` (CONTRACT).

    Parameters
    ----------
    command : str
        For instance ``"predict nuclei"``.
    out : Path
        The output folder.
    units_done, units_failed : int
        Units whose results are in the folder, and units that gave none.
    findings : int
        Rows of ``findings.csv``.
    seconds : float
        Wall time of this call.
    peak_memory_mb : float
        Highest resident memory of the process and its workers together, in 10^6 bytes.
    errors : tuple of str
        One sentence for each unit that failed.
    groups : tuple of FindingGroup
        The findings by rule, the most severe first.
    objects : int or None
        Rows of the table of objects; ``None`` for a command that has none.
    answer : str
        What was asked for, in a sentence, where a command has no page that says it.
    """

    command: str
    out: Path
    units_done: int
    units_failed: int
    findings: int
    seconds: float
    peak_memory_mb: float
    errors: tuple[str, ...] = ()
    groups: tuple[FindingGroup, ...] = ()
    objects: int | None = None
    answer: str = ""

    @property
    def report(self) -> Path | None:
        """Return the page about the run, where it has one."""
        page = self.out / "report.html"
        return page if page.exists() else None

    def as_json(self) -> dict[str, Any]:
        """Return plain values: the keys of the contract, then what else there is to say."""
        by_rule: dict[str, dict[str, int]] = {}
        for group in self.groups:
            by_rule.setdefault(group.rule, {})[group.severity] = len(group)
        return {
            "command": self.command,
            "out": str(self.out),
            "units_done": self.units_done,
            "units_failed": self.units_failed,
            "findings": self.findings,
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
            "objects": self.objects,
            "findings_by_rule": by_rule,
            "report": None if self.report is None else str(self.report),
            "errors": list(self.errors),
            **({"answer": self.answer} if self.answer else {}),
        }

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal."""
        parts = [f"{self.units_done} done"]
        parts += [f"{self.units_failed} not processed"] if self.units_failed else []
        parts += [_counted(self.objects, "object")] if self.objects is not None else []
        parts += [_counted(self.findings, "finding")] if self.findings else []
        done = f"{self.command}: {', '.join(parts)} in {self.seconds:.1f} s"
        said = [self.answer] if self.answer else []
        return [*self._caution(), f"{done} -> {self.report or self.out}", *self._warnings(), *said]

    def _caution(self) -> list[str]:
        """Open with what makes the numbers doubtful as a whole, where most units share it."""
        group = commonest_doubt(self.groups, n_files=self.units_done)
        if group is None:
            return []
        how_many = f"{group.n_files} of {self.units_done}"
        return [f"caution: {group.rule} in {how_many}. {group.reason}"]

    def _warnings(self) -> list[str]:
        """Name the commonest warnings, so that nobody has to open a table to learn of them."""
        rules = [g for g in self.groups if g.severity == "warning"]
        if not rules:
            return []
        named = ", ".join(f"{len(g)} {g.rule}" for g in rules[:_NAMED])
        more = ", ..." if len(rules) > _NAMED else ""
        return [f"warnings: {named}{more} (reasons in {self.out / 'findings.csv'})"]

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some unit failed, 2 nothing could be done."""
        if self.units_failed == 0:
            return 0
        return 1 if self.units_done else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class OfRun:
    """The answer of a command beside the summary of its run."""

    summary: Summary

    @property
    def errors(self) -> tuple[str, ...]:
        """Return one sentence for each unit that was not processed."""
        return self.summary.errors

    @property
    def exit_code(self) -> int:
        """As `Summary.exit_code`."""
        return self.summary.exit_code


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"
