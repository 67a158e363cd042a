"""How embryos grow: the number of cells of each founder through time, and movies matched with it.

A movie says, frame by frame and with errors that neighbours in time share, how many cells there
may be. Development says the rest: numbers grow as they grew in recorded embryos, at one tempo. So
a movie is laid over the growth of each recorded embryo, at every start and tempo, and the counts
are what the embryos that fit say, each weighted by how well it fits.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
