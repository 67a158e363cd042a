"""The door of the terminal: parse, call one workflow, show. No science here."""

from fatescope.cli.main import main as main
