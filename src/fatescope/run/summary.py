"""What a command did, in seven numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    """

    command: str
    out: Path
    units_done: int
    units_failed: int
    findings: int
    seconds: float
    peak_memory_mb: float
    errors: tuple[str, ...] = ()

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
        return [
            f"{self.command}: {self.units_done} done{failed}{told} in {self.seconds:.1f} s"
            f" -> {report if report.exists() else self.out}"
        ]

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some unit failed, 2 nothing could be done."""
        if self.units_failed == 0:
            return 0
        return 1 if self.units_done else 2
