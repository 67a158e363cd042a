"""What two models that are compared have in common, whatever they draw."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from fatescope.base import InputError
from fatescope.engine import OfRun

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from fatescope.evaluate import PairedDifference
    from fatescope.prepare.splits import Split

Side = Literal["old", "new"]
SIDES: tuple[Side, Side] = ("old", "new")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsCompared(OfRun):
    """The answer of ``fatescope compare``.

    Parameters
    ----------
    names : (str, str)
    difference : PairedDifference
    answer : str
        One sentence.
    over : str
        What the interval of membranes is drawn over.
    """

    names: tuple[str, str]
    difference: PairedDifference
    answer: str
    over: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``: old, new, difference, low, high, outcome and more."""
        over = {"interval_over": self.over} if self.over else {}
        return {**self.summary.as_json(), **asdict(self.difference), **over}

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal."""
        return [*self.summary.as_lines(), self.answer]


def two_names(old: str, new: str) -> tuple[str, str]:
    """Return the names of two models, told apart where they have one."""
    return (f"{old} (old)", f"{new} (new)") if old == new else (old, new)


def refuse_none(units: Collection[object], data: Path, *, split: Split = "test") -> None:
    """Raise `InputError` where there is no unit to compare on."""
    if not units:
        raise InputError(
            f"{data / 'samples.csv'}: there is no {split} unit to compare on. Divide the images "
            f"again with a larger --{split}."
        )


def refuse_seen(
    name: str,
    known: Collection[str],
    units: Iterable[tuple[str, set[str]]],
    data: Path,
    *,
    split: Split = "test",
) -> None:
    """Raise `InputError` where a model lists a unit among those it saw, by any of its hashes."""
    seen = list(dict.fromkeys(u for u, hashes in units if not hashes.isdisjoint(known)))
    if seen:
        raise InputError(
            f"{data / 'samples.csv'}: {name} has seen {len(seen)} of the {split} units "
            f"({', '.join(seen[:3])}{', ...' * (len(seen) > 3)}), so a score on them says "
            "nothing. Take other units, or leave these out."
        )
