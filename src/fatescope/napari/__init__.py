"""The plugin for napari: images and results as layers, systems as forms, corrections kept.

`napari.yaml` says what it offers; napari and Qt are imported by the functions that need them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
