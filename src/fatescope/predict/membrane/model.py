"""A package that draws walls, or the model ``classical``, which has no network."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fatescope.base import ModelError
from fatescope.models.outputs import MembraneMaps
from fatescope.predict.membrane.network import DIVISOR, MAPS, map_walls
from fatescope.predict.predictor import PackagePredictor, open_predictor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fatescope.models.description import ModelDescription
    from fatescope.models.runtime import Device, Precision
    from fatescope.predict.membrane.network import WallMaps
    from fatescope.predict.predictor import Predictor


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
    found = open_predictor(name_or_path, precision=precision, threads=threads, device=device)
    if isinstance(found, PackagePredictor):
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


def wall_maps(
    predictor: Predictor | None,
) -> Callable[[NDArray[np.float32]], WallMaps] | None:
    """Return what `segment_membranes` takes as ``maps``; ``None`` for the model ``classical``."""
    if not isinstance(predictor, PackagePredictor):
        return None
    planes = len(predictor.description.image.channels)
    return partial(map_walls, model=predictor.model, planes=planes)
