"""``python -m fatescope`` is the command ``fatescope``."""

from fatescope.cli import main

main()
