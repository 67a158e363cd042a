"""A network with what it needs to know of a plane: packages and the model ``classical`` alike."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fatescope.base import ModelError
from fatescope.models.outputs import BOUNDARY_MAPS, DISTANCE_MAPS, PLANE_MAPS, InstanceMaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.models.description import ModelDescription
    from fatescope.models.runtime import Device, Model, Precision
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.tiling import Network


PLANES, SOLID = "nuclei", "nuclei-3d"
"""The shipped networks whose maps of planes are drawn again in space, and that draws them."""

_LEAST_SPREAD = 1e-6  # of bioimage.io's zero_mean_unit_variance


class Predictor(Protocol):
    """What makes maps: its description, its content hash, and a network for a plane."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def sha256(self) -> str:
        """Content hash of the model, as written into results."""

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``: where it runs."""

    @property
    def description(self) -> ModelDescription:
        """Size, thresholds and tile grid of the model."""

    @property
    def solid(self) -> Network | None:
        """The network that draws the maps of planes again in space, where there is one."""

    def network(
        self, parts: Callable[[], Iterable[NDArray[Any]]], statistics: PlaneStatistics | None, /
    ) -> Network:
        """Return the network for a plane or stack; ``parts`` reads it again on each call.

        Without ``statistics``, which costs a reading, a package still has its network, the same
        for all planes; a model that looks at the plane raises `ModelError`.
        """


class PackagePredictor:
    """The network of a model package; it is the same for all planes."""

    def __init__(self, model: Model, open_solid: Callable[[], Model] | None = None) -> None:
        self.name = model.name
        self.sha256 = model.sha256
        self._open_solid = open_solid
        self.device = model.device
        self.description = model.description
        self.model = model
        drawn = model.description.output
        if isinstance(drawn, InstanceMaps) and drawn.channels == BOUNDARY_MAPS:
            self.description = model.description.replace(
                output=drawn.replace(channels=DISTANCE_MAPS)
            )
            self.model = _WithDistance(model)

    def network(
        self, parts: Callable[[], Iterable[NDArray[Any]]], statistics: PlaneStatistics | None, /
    ) -> Network:
        """Return the model itself, or what shows it other intensities than percentiles make."""
        way = self.description.image.normalisation
        if way == "percentiles":
            return self.model
        if statistics is None:
            raise ModelError(
                f"model {self.name!r} wants intensities by {way}, which is not done for what is "
                "predicted here."
            )
        centre, spread = (0.0, 1.0) if way == "none" else _spread(parts)
        return _Renormalised(self.model, statistics, centre, spread)

    @cached_property
    def solid(self) -> Model | None:
        """The network that draws maps of planes again in space, opened when it is needed."""
        return None if self._open_solid is None else self._open_solid()


def _draws_as_ours(model: ModelDescription) -> bool:
    """Say whether a model draws planes as those are that the network in space was trained on."""
    maps = model.output
    fits = isinstance(maps, InstanceMaps) and maps.channels == DISTANCE_MAPS
    return fits and model.training.n_images > 0 and model.image.modality == "fluorescence"


def solid_sha256(name_or_path: str | Path) -> str:
    """Return the content hash of the package whose network draws in space beside a model."""
    from fatescope.models.elsewhere import open_package

    if str(name_or_path) not in ("classical", PLANES):
        package = open_package(name_or_path)
        if package.description.input.channels == PLANE_MAPS:
            return package.sha256
    return open_package(SOLID).sha256


class _WithDistance:
    """A network that draws foreground and boundary, whose difference stands for the distance."""

    def __init__(self, model: Model) -> None:
        self.name, self.sha256, self.device = model.name, model.sha256, model.device
        self.description, self.precision, self._model = (
            model.description,
            model.precision,
            model,
        )

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return foreground, distance and border (B, 3, Y, X)."""
        given = self._model.run(batch)
        if given.shape[1] != len(BOUNDARY_MAPS):
            raise ModelError(
                f"model {self.name!r} gives {given.shape[1]} maps, and not foreground and boundary."
            )
        foreground, border = given[:, 0], given[:, 1]
        inside = np.maximum(foreground - border, np.float32(0))
        return np.stack([foreground, inside, border], axis=1)


class _Renormalised:
    """A network that wants a plane by its mean and standard deviation, or as it is."""

    def __init__(
        self, model: Model, statistics: PlaneStatistics, centre: float, spread: float
    ) -> None:
        self.model = model
        width = statistics.high - statistics.low
        self.gain, self.shift = width / spread, (statistics.low - centre) / spread

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the maps of a batch that was normalised by percentiles."""
        return self.model.run((batch * self.gain + self.shift).astype(np.float32))


def _spread(parts: Callable[[], Iterable[NDArray[Any]]]) -> tuple[float, float]:
    """Return mean and standard deviation of finite pixels, by rows: no division changes a bit."""
    sums = [(row.size, float(row.sum())) for row in _rows(parts)]
    n = max(1, sum(size for size, _ in sums))
    mean = math.fsum(total for _, total in sums) / n
    squares = math.fsum(float(np.square(row - mean).sum()) for row in _rows(parts))
    return mean, max(math.sqrt(squares / n), _LEAST_SPREAD)


def _rows(parts: Callable[[], Iterable[NDArray[Any]]]) -> Iterator[NDArray[np.float64]]:
    for part in parts():
        for row in part:
            yield row[np.isfinite(row)].astype(np.float64)


def open_predictor(
    name_or_path: str | Path,
    *,
    precision: Precision = "auto",
    threads: int | None = 1,
    device: Device = "auto",
    volumes: bool = False,
) -> Predictor:
    """Return the model ``classical``, a shipped package by name, or what lies at a path.

    A package, ours or in bioimage.io form from elsewhere, or an ONNX file with its sidecar.

    Raises
    ------
    ModelError
        See `fatescope.models.load_model`; and where a model takes rows, or volumes without
        ``volumes``, or volumes and is not star-convex.
    """
    if str(name_or_path) == "classical":
        if device == "cuda":
            raise ModelError(
                "model 'classical' has no network and runs on the processor only. Use --device cpu."
            )
        from fatescope.predict.classical import Classical

        return Classical()
    from fatescope.models.runtime import load_model

    model = load_model(name_or_path, precision=precision, threads=threads, device=device)

    def beside(name: str, numbers: Precision) -> Model:
        return load_model(name, precision=numbers, threads=threads, device=device)

    if volumes and model.description.image.channels == PLANE_MAPS:
        return PackagePredictor(beside(PLANES, precision), lambda: model)
    axes = model.description.image.axes
    if axes != "YX" and not (volumes and model.description.instances.rays):
        raise ModelError(f"model {model.name!r} takes {axes}, and planes (YX) are predicted here.")
    if _draws_as_ours(model.description):
        return PackagePredictor(model, lambda: beside(SOLID, "auto"))
    return PackagePredictor(model)
