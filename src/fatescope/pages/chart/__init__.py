"""Charts: what is drawn as plain values, one way to draw it, the numbers as a table."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
