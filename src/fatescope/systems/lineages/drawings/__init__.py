"""Images of lineages as SVG and self-contained pages: trees, paths, territories, curves."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
