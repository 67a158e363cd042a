"""Plates in: one file per format, files on disk before what an index promises.

`read_plate` recognises the format; `read_field` opens one field of it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
