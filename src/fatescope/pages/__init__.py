"""Pages and figures: one builder, charts, viewers, outlines and films. Knows no system.

``page/`` builds every page from sections of text, tables, charts, images and films; ``chart/``
draws every chart, for pages and for SVG files. A page is one HTML file that needs no network.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
