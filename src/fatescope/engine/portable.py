"""Exceptions on their way from a worker to the driver."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from fatescope.base import FatescopeError, missing_extra

P = ParamSpec("P")
T = TypeVar("T")


def tried(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Exception:
    """Return what a function returns, or its error: at the edge, where it costs one unit alone."""
    try:
        return function(*args, **kwargs)
    except Exception as error:  # whatever it is: it is told, and the others go on
        return error


def portable(error: Exception) -> Exception:
    """Return an exception that can travel, with its traceback as a note."""
    error = missing_extra(error) or error  # while it still knows which module
    is_plain = isinstance(error, FatescopeError) or type(error).__module__ == "builtins"
    text = str(error)
    if isinstance(error, FatescopeError):
        sent: Exception = type(error)(text)
    elif is_plain and len(error.args) <= 1 and not isinstance(error, UnicodeError):
        sent = type(error)(text)
    else:
        sent = RuntimeError(f"{type(error).__name__}: {text}")
    sent.add_note("".join(traceback.format_exception(error)))
    return sent
