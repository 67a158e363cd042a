"""A network with what it needs to know of a plane: packages and the model ``classical`` alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from fatescope.base import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.models.description import ModelDescription
    from fatescope.models.runtime import Device, Model, Precision
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.tiling import Network


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

    def network(
        self, parts: Callable[[], Iterable[NDArray[Any]]], statistics: PlaneStatistics | None, /
    ) -> Network:
        """Return the network for a plane or stack; ``parts`` reads it again on each call.

        Without ``statistics``, which costs a reading, a package still has its network, the same
        for all planes; a model that looks at the plane raises `ModelError`.
        """


class PackagePredictor:
    """The network of a model package; it is the same for all planes."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self.sha256 = model.sha256
        self.device = model.device
        self.description = model.description
        self.model = model

    def network(
        self, parts: Callable[[], Iterable[NDArray[Any]]], statistics: PlaneStatistics | None, /
    ) -> Network:
        """Return the model itself."""
        return self.model


def open_predictor(
    name_or_path: str | Path,
    *,
    precision: Precision = "auto",
    threads: int | None = 1,
    device: Device = "auto",
) -> Predictor:
    """Return the model ``classical``, a shipped package by name, or a package by its path.

    Raises
    ------
    ModelError
        See `fatescope.models.load_model`; and where a model takes rows, or volumes.
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
    if (axes := model.description.image.axes) != "YX":
        raise ModelError(f"model {model.name!r} takes {axes}, and planes (YX) are predicted here.")
    return PackagePredictor(model)
