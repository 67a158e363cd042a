"""Faults of movies and of annotations: arrays in, places with a rule and a number out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
