"""The browser app: questions asked of images and tables, without a terminal.

``questions`` declares what can be asked, ``queue`` runs it in processes of their own, ``pages``
show it, and ``access`` lets nobody else in. No science is here: every answer comes from a workflow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
