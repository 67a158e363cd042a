"""Import a library without those of its parts that report its use over the network."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any


def import_openvino() -> Any:
    """Return OpenVINO without its converter of other formats, which nothing here uses.

    Importing the converter looks up a server of statistics on use, in a process of its own, and
    leaves a number for this computer in the home folder. OpenVINO works where the converter is
    not installed; it is also a third of the time that importing OpenVINO takes. A program that
    has imported OpenVINO before keeps what it has.
    """
    with without("openvino.tools.ovc"):
        import openvino
    return openvino


@contextlib.contextmanager
def without(name: str) -> Iterator[None]:
    """Let importing the module ``name`` fail as if it were not installed, unless it is there."""
    hidden = name not in sys.modules
    if hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[name]
