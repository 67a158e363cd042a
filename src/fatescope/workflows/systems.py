"""The predicting systems by the name that they have on the command line."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fatescope.base import InputError

if TYPE_CHECKING:
    from fatescope.workflows.predict import System

_PLACES = {
    "nuclei": ("nuclei", "NUCLEI"),
    "nuclei-em": ("nuclei", "NUCLEI_EM"),
    "membrane": ("membranes", "MEMBRANES"),
    "phase-cells": ("phase_cells", "PHASE_CELLS"),
    "live-dead": ("live_dead", "LIVE_DEAD"),
    "viability": ("viability", "VIABILITY"),
    "populations": ("populations", "POPULATIONS"),
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
    module, constant = _PLACES[name]
    system: System[Any] = getattr(import_module(f"fatescope.workflows.{module}"), constant)
    return system
