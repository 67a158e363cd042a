"""Name the cells of an embryo: tracked trees, movies without tracks, single frames."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
