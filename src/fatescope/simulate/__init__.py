"""Images with exact truth: rendered nuclei, their optics and their camera.

What a test, a demonstration or a training run can compare with, made from settings and a seed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
