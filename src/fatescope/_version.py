"""The version, written once."""

__version__ = "0.9.0"
