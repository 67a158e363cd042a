"""Names of things that are imported when they are needed, and not before."""

from __future__ import annotations

import inspect
import operator
from typing import TYPE_CHECKING, Any

from fatescope.base import imported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def resolved(place: Any) -> Any:
    """Import ``"module:name"`` or ``"module:name.attribute"``; what is no text is there already.

    Raises
    ------
    MissingExtraError
        If the module needs an extra that is not installed.
    """
    if not isinstance(place, str):
        return place
    module, _, attribute = place.partition(":")
    return operator.attrgetter(attribute)(imported(module))


def accepted(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a function has; not each of them can be watched or shared out."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in given.items() if name in known}
