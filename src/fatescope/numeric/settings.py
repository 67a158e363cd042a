"""How an interval is found."""

from __future__ import annotations

from fatescope.base.settings import Settings, setting


class BootstrapSettings(Settings):
    """The bootstrap behind every interval."""

    resamples: int = setting(2000, "number of bootstrap samples", ge=100, le=1_000_000)
    level: float = setting(0.95, "share of bootstrap samples inside the interval", gt=0.5, lt=1)
    seed: int = setting(0, "seed of the bootstrap", ge=0)
