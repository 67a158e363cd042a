"""What a user chooses when nuclei are outlined in electron micrographs."""

from __future__ import annotations

from fatescope.base.settings import setting
from fatescope.systems.nuclei.settings import NucleiSettings


class NucleiEmSettings(NucleiSettings):
    """What decides the result of a prediction on electron micrographs of sections."""

    model: str = setting("nuclei-em", "name of a shipped model, path of a package, or classical")
