"""Wells of a plate: fields to one image, fates to survival. Reads no file and draws nothing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
