"""What a user chooses of the model that looks at a plate."""

from __future__ import annotations

from fatescope.base.settings import setting
from fatescope.base.steps import StepsUm
from fatescope.systems.viability.settings import ViabilityChoice


class PlateModel(ViabilityChoice):
    """What decides how the cells of a plate are found."""

    spacing_um: StepsUm = setting(None, "pixel size X, or Y,X", unit="µm")
