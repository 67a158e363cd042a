"""Lineages in and out: one file per format, frames and pixels counted from 0 inside.

`read_lineage` recognises the format by content; `write_lineage` by suffix.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
