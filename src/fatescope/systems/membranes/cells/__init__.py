"""Cells from images of membranes, in 3D and 2D, with physical parameters.

level -> ridges -> outer surface -> markers (given, or found alone) -> watershed. Plain
functions on arrays with ``spacing``; `cells_in_frame` puts them together for one frame.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
