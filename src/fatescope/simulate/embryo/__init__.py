"""The digital embryo: a lineage rendered as a microscope would show it, with exact truth."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
