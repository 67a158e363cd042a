"""Learning: networks, losses, schedules, recipes, and the package that comes out.

Torch is imported here and nowhere else.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
