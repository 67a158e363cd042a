from . import base as base
from .base import FatescopeError as FatescopeError
from .base import Finding as Finding
from .base import Image as Image
from .base import Table as Table
from .predict.settings import NucleiSettings as NucleiSettings
from .workflows.nuclei import predict_nuclei as predict_nuclei

__version__: str
