from . import base as base
from .base import FatescopeError as FatescopeError
from .base import Finding as Finding
from .base import Image as Image
from .base import Table as Table

__version__: str
