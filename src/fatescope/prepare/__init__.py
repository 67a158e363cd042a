"""From images and labels to samples for training: units, splits, audit, targets."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
