"""Names of things that are imported when they are needed, and not before."""

from __future__ import annotations

import operator
from typing import Any

from fatescope.base import imported


def resolved(place: str) -> Any:
    """Import ``"module:name"``, or ``"module:name.attribute"``.

    Raises
    ------
    MissingExtraError
        If the module needs an extra that is not installed.
    """
    module, _, attribute = place.partition(":")
    return operator.attrgetter(attribute)(imported(module))
