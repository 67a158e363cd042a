from .commands import as_command as as_command
from .commands import as_python as as_python
from .server import make_app as make_app
from .server import serve_app as serve_app
from .settings import AppSettings as AppSettings
