"""The background: values that travel between folders, and the vocabulary they share.

Nothing here opens a file or computes anything heavy.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
