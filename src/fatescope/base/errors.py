"""What can go wrong, in one small tree.

FatescopeError
├── InputError (also ValueError)   an argument or an array does not fit
├── FileFormatError                a file cannot be read, or says something impossible
├── SettingsError                  a setting is unknown, out of range, or contradicts another
├── ModelError                     a model package is damaged, unsafe or does not fit
├── RunError                       an output folder cannot be used or continued
└── MissingExtraError (also ModuleNotFoundError)   a package that an extra brings is not installed

Every message says what is wrong, where, and what to do. The command line prints it on one
line and ends with ``exit_code``; the traceback waits behind ``--debug``.
"""

from __future__ import annotations


class FatescopeError(Exception):
    """Any error that fatescope raises on purpose; its text is one line, whatever it quotes."""

    exit_code = 2

    def __str__(self) -> str:
        text = super().__str__()
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class InputError(FatescopeError, ValueError):
    """An argument or an array does not fit what was asked."""


class FileFormatError(FatescopeError):
    """A file cannot be read, or says something impossible about itself."""


class SettingsError(FatescopeError):
    """A setting is unknown, out of range, or contradicts another one."""


class ModelError(FatescopeError):
    """A model package is damaged, unsafe, or does not fit the input."""


class RunError(FatescopeError):
    """An output folder cannot be used or continued."""


class MissingExtraError(FatescopeError, ModuleNotFoundError):
    """A package that only an extra brings is not installed."""
