"""Files in and out: one module a format. Nothing here decides what the pixels mean."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
