"""Scores of a segmentation against the truth, with intervals over independent units."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
