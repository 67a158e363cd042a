"""What every recipe says, whatever is trained. No array library."""

from __future__ import annotations

from typing import Any, Self

from fatescope.base import Settings, setting
from fatescope.models.description import Citation
from fatescope.models.outputs import ShortName
from fatescope.train.fit_settings import FitSettings
from fatescope.train.tune_settings import TuneSettings


def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Put changes into nested values; a table that names another ``kind`` replaces its like."""
    out = dict(values)
    for key, change in changes.items():
        old = out.get(key)
        out[key] = change
        if isinstance(old, dict) and isinstance(change, dict):
            same = change.get("kind", old.get("kind")) == old.get("kind")
            out[key] = merged(old, change) if same else change
    return out


class Recipe(Settings):
    """A training run; each task has a class of its own that adds its network, data and loss."""

    name: str = setting(..., "name of the package that comes out")
    summary: str = setting(..., "what the package does, in one sentence")
    task: ShortName | None = setting(..., "what the package is for; it decides what is trained")
    seed: int = setting(0, "decides weights, samples and their order", ge=0)
    cite: tuple[Citation, ...] = setting((), "what to cite with the package")
    fit: FitSettings = setting(FitSettings(), "the fit")
    start_share: float = setting(
        0.0, "share of the weights of --from in the mean of both that is kept", ge=0, lt=1
    )
    variants: dict[str, dict[str, Any]] = setting(
        {}, "named changes of the values above, for --variants"
    )
    tune: TuneSettings = setting(TuneSettings(), "what `fatescope tune` tries; `train` ignores it")

    @property
    def stages(self) -> tuple[Any, ...]:
        """All fits in their order, numbered from 1: here one, the recipe itself."""
        return (self,)

    def for_trial(self, fit: FitSettings) -> Self:
        """Return the recipe as a trial fits it: its first stage, with another fit."""
        return self.replace(fit=fit.model_dump())
