"""How far apart pixels, planes and frames are, and who says so."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

Source = Literal["file", "user", "estimated", "assumed"]
_UNITS = {"Z": "µm", "Y": "µm", "X": "µm", "T": "min"}
PLAUSIBLE = {"Y": (2e-4, 100.0), "X": (2e-4, 100.0), "Z": (1e-3, 1000.0), "T": (1e-6, 1e5)}
"""Steps outside these limits (µm; minutes for T) are not believed: they are no microscope's."""


@dataclass(frozen=True, slots=True)
class Length:
    """The step along one axis: µm for Z, Y and X, minutes for T."""

    value: float
    source: Source

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0):
            raise InputError(f"a step must be a positive number; got {self.value}.")


@dataclass(frozen=True, slots=True)
class Spacing:
    """Steps of an image along its axes. An axis that is absent is unknown, never 1.

    Parameters
    ----------
    steps : dict of str to Length
        Keys out of ``T``, ``Z``, ``Y``, ``X``.

    Examples
    --------
    >>> spacing = Spacing.of(source="user", Y=0.2, X=0.2)
    >>> spacing.um("YX")
    (0.2, 0.2)
    >>> spacing.um("ZYX") is None
    True
    """

    steps: dict[str, Length] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.steps) - set(_UNITS))
        if unknown:
            raise InputError(f"spacing is given for {unknown}; only T, Z, Y and X have one.")

    @classmethod
    def of(cls, *, source: Source, **steps: float | None) -> Spacing:
        """Build a spacing from numbers that share one source; ``None`` means unknown."""
        return cls({a: Length(v, source) for a, v in steps.items() if v is not None})

    @classmethod
    def given(cls, spacing_um: Sequence[float] | None, interval_min: float | None) -> Spacing:
        """Build what a user said: X (for Y too), or Y, X, or Z, Y, X in µm, and minutes.

        Raises
        ------
        InputError
            If a step is no positive number, or in µm beyond what microscopes have.
        """
        steps = [float(step) for step in spacing_um or ()]
        steps = steps * 2 if len(steps) == 1 else steps
        along = dict(zip("ZYX"[3 - len(steps) :], steps, strict=True))
        for axis, step in along.items():
            low, high = PLAUSIBLE[axis]
            if step > 0 and not low <= step <= high:
                raise InputError(
                    f"a step of {step:g} µm along {axis} is given, which no microscope has "
                    f"({low:g} to {high:g} µm). Give steps in µm."
                )
        return cls.of(source="user", T=interval_min, **along)

    def um(self, axes: str) -> tuple[float, ...] | None:
        """Return the steps along ``axes`` in µm, or ``None`` if one of them is unknown."""
        spatial = [self.steps.get(a) for a in axes if a in "ZYX"]
        if any(s is None for s in spatial):
            return None
        return tuple(s.value for s in spatial if s is not None)

    @property
    def interval_min(self) -> float | None:
        """Minutes between frames, or ``None`` if unknown."""
        step = self.steps.get("T")
        return None if step is None else step.value

    def replaced_by(self, other: Spacing) -> Spacing:
        """Return this spacing with every step that ``other`` knows taken from ``other``."""
        return Spacing({**self.steps, **other.steps})

    def only(self, axes: str) -> Spacing:
        """Return the steps of ``axes`` alone."""
        return Spacing({a: s for a, s in self.steps.items() if a in axes})

    def as_record(self) -> dict[str, dict[str, float | str]]:
        """Return plain values for ``run.json``: per axis the value, its unit and its source."""
        return {
            a: {"value": s.value, "unit": _UNITS[a], "source": s.source}
            for a, s in sorted(self.steps.items())
        }
