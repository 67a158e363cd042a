"""DevoLearn's four classes, their signatures and return types, on the models of this package.

For scripts that exist: change ``from devolearn import ...`` into ``from fatescope.devolearn
import ...`` and they run. Each call names the new way once, through `logging`. What the results
mean, and where they differ, is on the page "Coming from DevoLearn".
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
