"""Check a lineage: one file per kind of fault, one ranked list of findings."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
