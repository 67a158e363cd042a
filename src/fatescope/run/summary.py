"""What a command did: seven numbers, what failed, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_NAMED = 4


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
    warnings : mapping of str to int
        How many of the findings are warnings, by rule.
    """

    command: str
    out: Path
    units_done: int
    units_failed: int
    findings: int
    seconds: float
    peak_memory_mb: float
    errors: tuple[str, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, str | int | float]:
        """Return plain values under the keys of the contract."""
        return {
            "command": self.command,
            "out": str(self.out),
            "units_done": self.units_done,
            "units_failed": self.units_failed,
            "findings": self.findings,
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
        }

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal."""
        failed = f", {self.units_failed} not processed" if self.units_failed else ""
        told = f", {self.findings} finding{'s' * (self.findings != 1)}" if self.findings else ""
        report = self.out / "report.html"
        done = (
            f"{self.command}: {self.units_done} done{failed}{told} in {self.seconds:.1f} s"
            f" -> {report if report.exists() else self.out}"
        )
        return [done, *self._warnings()]

    def _warnings(self) -> list[str]:
        """Name the commonest warnings, so that nobody has to open a table to learn of them."""
        if not self.warnings:
            return []
        rules = sorted(self.warnings, key=lambda rule: (-self.warnings[rule], rule))
        named = ", ".join(f"{self.warnings[rule]} {rule}" for rule in rules[:_NAMED])
        more = ", ..." if len(rules) > _NAMED else ""
        return [f"warnings: {named}{more} (reasons in {self.out / 'findings.csv'})"]

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some unit failed, 2 nothing could be done."""
        if self.units_failed == 0:
            return 0
        return 1 if self.units_done else 2
