"""Correct label images by reversible edits that can be written down, undone and replayed."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
