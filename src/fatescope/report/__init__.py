"""What people see: the page, its figures and overlays, and the image of the README.

One run becomes one HTML file that explains itself without a network. No matplotlib: figures are
inline SVG, images go through Pillow, the page is a Jinja2 template that ships with the wheel.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
