"""What a command that divides samples into sets says of them on the terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from fatescope.engine import Summary
from fatescope.prepare.store import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fatescope.prepare import Sample

_WORDS = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DividedSummary(Summary):
    """What every command says, and how many samples and units are in each set.

    Parameters
    ----------
    samples, units : mapping of str to int
        By set: ``train``, ``validation``, ``test``, ``unused``.
    """

    samples: Mapping[str, int]
    units: Mapping[str, int]

    @staticmethod
    def of(summary: Summary, samples: Iterable[Sample]) -> DividedSummary:
        """Return a summary together with what its samples are."""
        known = {f.name: getattr(summary, f.name) for f in fields(Summary)}
        chosen = list(samples)
        return DividedSummary(
            **known,
            samples=Counter(s.split for s in chosen),
            units=Counter(split for split, _ in {(s.split, s.unit) for s in chosen}),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the keys that every command has, and samples and units of each set."""
        sets = {s: {"samples": self.samples[s], "units": self.units[s]} for s in SPLITS}
        return {**Summary.as_json(self), "sets": sets}

    def as_lines(self) -> list[str]:
        """Return what a person reads."""
        said = [_set(_WORDS[s], self.samples[s], self.units[s]) for s in SPLITS if s in _WORDS]
        left = sum(n for s, n in self.samples.items() if s not in _WORDS)
        said += [f"{left} unused"] if left else []
        return [*Summary.as_lines(self), f"samples: {', '.join(said)}"]


def _set(name: str, n: int, n_units: int) -> str:
    return f"{n} for {name}" + (f" ({n_units} unit{'s' * (n_units != 1)})" if n else "")
