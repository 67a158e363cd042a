"""Settings of ``predict populations``. No array library."""

from __future__ import annotations

from fatescope.base.settings import setting
from fatescope.predict.settings import PredictSettings


class PopulationSettings(PredictSettings):
    """What decides the result of counting cells per founder in movies."""

    model: str = setting("populations", "name of a shipped model, or path of a package")
    channel: str | None = setting(
        None, "channel with the nuclei, by name or number from 0; default: green, or the only one"
    )
    clean: bool = setting(
        True, "frames in which `clean` finds a fault are bridged, not used; --no-clean uses all"
    )
    letters: bool = setting(
        False,
        "write letters.csv too: cells by the first letter of their name (A, E, M, P, C, D, Z), "
        "as published tables have them",
    )
