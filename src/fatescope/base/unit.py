"""What is done or not done as a whole."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Self, cast


class WorkUnit:
    """A frozen dataclass with a ``key`` and the ``paths`` of files that decide what comes out."""

    __slots__ = ()
    if TYPE_CHECKING:

        @property
        def key(self) -> str:
            """Its name in the ledger."""

    def absolute(self) -> Self:
        """Return the same for a worker that stands in another folder."""
        it = cast("Any", self)
        whole: Self = replace(it, **{f.name: _absolute(getattr(it, f.name)) for f in fields(it)})
        return whole

    def __str__(self) -> str:
        return self.key


def _absolute(value: Any) -> Any:
    """Return a path, what holds paths, or a tuple of these from the root; else the value."""
    if isinstance(value, tuple):
        return tuple(map(_absolute, value))
    return value.absolute() if hasattr(value, "absolute") else value
