"""From images of developing embryos and of cells on plates to tables that can be trusted.

Importing this package loads no array library; every public name is resolved on first use.
"""

from typing import Any

import lazy_loader

from fatescope._version import __version__ as __version__

_of_stub, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]


def __getattr__(name: str) -> Any:
    """Return a public name: of the stub beside this file, or a function of a system."""
    try:
        return _of_stub(name)
    except AttributeError:
        if name.startswith("_"):
            raise
    from fatescope.systems.registry import public_function

    return public_function(name)
