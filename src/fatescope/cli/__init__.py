"""The command line: parse, call one function, show. No science here."""

from fatescope.cli.main import main as main
