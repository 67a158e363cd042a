"""The predicting systems by the name that they have on the command line."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fatescope.base import InputError

if TYPE_CHECKING:
    from fatescope.engine.predict import System

_PLACES = {
    "nuclei": "nuclei.find:NUCLEI",
    "nuclei-em": "nuclei.find:NUCLEI_EM",
    "membrane": "membranes.find:MEMBRANES",
    "phase-cells": "phase_cells.find:PHASE_CELLS",
    "live-dead": "live_dead.find:LIVE_DEAD",
    "viability": "viability.find:VIABILITY",
    "populations": "populations.find:POPULATIONS",
}


def system_named(name: str) -> System[Any]:
    """Return a system; only its own file is imported.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in _PLACES:
        raise InputError(f"{name!r} is not a system; there are {', '.join(_PLACES)}.")
    module, _, constant = _PLACES[name].partition(":")
    system: System[Any] = getattr(import_module(f"fatescope.systems.{module}"), constant)
    return system
