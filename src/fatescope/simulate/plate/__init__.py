"""Plates of living and dying cells, with exact truth: what a live/dead assay records."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
