"""From label images to tables: one row per object, in 2D and 3D by the same code."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
