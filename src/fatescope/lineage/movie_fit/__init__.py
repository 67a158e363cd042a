"""Where a lineage table lies on a movie: which frame, which way round, which size, which place.

The nuclei of a table, drawn as soft dots, are laid on the frames of a movie at every offset, size
and orientation, and wherever they fit best. How sharply they fit, and by how much better than in
the next frame or the other way round, says how sure the answer is.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
