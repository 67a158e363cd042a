"""What a network sees of one frame of a movie, and what it says: how many cells there are.

The frame is made small and level, and the network gives the chance of each number of cells. What
the frames of a movie say together is inferred in `fatescope.growth`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
