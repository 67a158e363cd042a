"""Faults of recordings and of annotations, made on purpose, each with its place."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
