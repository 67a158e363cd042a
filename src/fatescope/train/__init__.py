"""Learning: networks, losses, schedules, recipes, and the package that comes out.

Torch is imported here and nowhere else.
"""

import lazy_loader

from fatescope.base.extras import missing_extra

_found, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """Load a public name; say what to install where torch is missing."""
    try:
        return _found(name)
    except ModuleNotFoundError as error:
        if (missing := missing_extra(error)) is not None:
            raise missing from error
        raise
