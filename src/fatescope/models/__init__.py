"""Model packages: what is in one, how it is checked, and how it is run without torch.

A package is a folder or a zip in bioimage.io form (model description 0.5). Nothing in it can run
code, every file is hashed on every load, and its content hash stands in every result.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
