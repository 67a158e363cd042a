"""What a user chooses when cells are outlined in phase contrast."""

from __future__ import annotations

from fatescope.base.settings import setting
from fatescope.systems.nuclei.settings import NucleiSettings


class PhaseCellsSettings(NucleiSettings):
    """What decides the result of a prediction on cells in phase contrast."""

    model: str = setting("phase-cells", "name of a shipped model, or path of a package")
