"""From images of developing embryos and of cells on plates to tables that can be trusted.

Importing this package loads no array library; every public name is resolved on first use.
"""

import lazy_loader

from fatescope._version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
