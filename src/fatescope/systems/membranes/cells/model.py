"""A package that draws walls, or the model ``classical``, which has no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.base import ModelError
from fatescope.models.outputs import MembraneMaps
from fatescope.models.plain import plain_sidecar
from fatescope.predict.predictor import PackagePredictor, open_predictor
from fatescope.systems.membranes.cells.network import DIVISOR, MAPS, WallNetwork

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.models.description import ModelDescription
    from fatescope.models.runtime import Device, Precision
    from fatescope.predict.predictor import Predictor

_STEP_UM = 0.43
"""Of packages that do not say at which pixel size they were trained."""


def open_membrane_model(
    name_or_path: str | Path,
    *,
    precision: Precision = "auto",
    threads: int | None = 1,
    device: Device = "auto",
) -> Predictor:
    """Return the model ``classical``, or a package whose network draws walls and insides.

    Raises
    ------
    ModelError
        If the package cannot be read, or draws something else.
    """
    if (plain := plain_sidecar(name_or_path)) is not None:
        raise ModelError(
            f"{name_or_path}: draws one map ({plain.output}) of a plane; `predict membrane` needs "
            f"{' and '.join(MAPS)}. `fatescope compare` takes it."
        )
    found = open_predictor(name_or_path, precision=precision, threads=threads, device=device)
    if isinstance(found, PackagePredictor):
        found.network(tuple, None)  # refuses intensities that are not made here
        check_draws_walls(found.description)
    return found


def check_draws_walls(description: ModelDescription) -> None:
    """Raise `ModelError` unless a network takes an odd number of planes and draws `MAPS`."""
    drawn = description.output_as(MembraneMaps).channels
    planes = len(description.image.channels)
    if drawn != MAPS or planes % 2 == 0 or description.image.tiling.divisor != (DIVISOR, DIVISOR):
        raise ModelError(
            f"model {description.name!r} draws {', '.join(drawn)} from {planes} planes; needed are "
            f"{' and '.join(MAPS)} from an odd number of planes, lengths in multiples of {DIVISOR}."
        )


def wall_network(predictor: Predictor | None) -> WallNetwork | None:
    """Return the network for `cells_in_frame`; ``None`` for the model ``classical``."""
    if not isinstance(predictor, PackagePredictor):
        return None
    image = predictor.description.image
    return WallNetwork(
        model=predictor.model,
        planes=len(image.channels),
        step_um=image.spacing_um[-1] if image.spacing_um else _STEP_UM,
    )
