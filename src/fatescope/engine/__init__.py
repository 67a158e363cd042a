"""How anything runs: inputs, units, workers, the output folder, and how a killed run continues."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
