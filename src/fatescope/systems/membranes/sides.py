"""What compares membranes: the classical ridges, a package of walls, or a plain network."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fatescope.evaluate import borders_of
from fatescope.models import MembraneMaps, open_package
from fatescope.models.plain import PlainNetwork, plain_sidecar, read_plain
from fatescope.systems.membranes.cells import (
    MembraneSettings,
    cells_in_frame,
    open_membrane_model,
    wall_network,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.systems.membranes.cells import WallMaps, WallNetwork

LEAST_PX = 50
"""Cells with a smaller cross-section are not counted, in truth and prediction alike."""
_GAP_PX = 2  # an interior ends so far inside of its cell; not measured
_WHOLE_PX = 32  # sides are multiples of it: networks halve five times at most


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPlane:
    """What a side makes of a plane: pixels inside of cells, and the cells, without gaps."""

    interior: NDArray[np.bool_]
    cells: NDArray[np.int32]


def without_small(cells: NDArray[np.int32]) -> NDArray[np.int32]:
    """Drop cells with a cross-section of less than `LEAST_PX`."""
    kept = np.bincount(cells.ravel()) >= LEAST_PX
    kept[0] = False
    return np.where(kept[cells], cells, 0).astype(np.int32)


class MembraneSide(Protocol):
    """One of two methods that are compared."""

    @property
    def name(self) -> str:
        """As on the page."""

    @property
    def sha256(self) -> str:
        """Content hash."""

    @property
    def seen(self) -> tuple[str, ...]:
        """Hashes of the units that it was trained or tuned on."""

    def segment(
        self, pixels: NDArray[Any], spacing: Sequence[float], planes: Sequence[int]
    ) -> dict[int, FoundPlane]:
        """Return what is found in some planes of a volume, (Z, Y, X)."""


def is_of_membranes(name_or_path: Path | str) -> bool:
    """Say whether a model draws membranes; ``classical`` alone does not decide that."""
    if plain_sidecar(name_or_path) is not None:
        return True
    if str(name_or_path) == "classical":
        return False
    output = open_package(name_or_path).description.output
    return bool(output.kind == MembraneMaps.model_fields["kind"].default)


def open_membrane_side(name_or_path: Path | str) -> MembraneSide:
    """Open ``classical``, a package of walls, or an ONNX file with its sidecar.

    Raises
    ------
    ModelError
        If it is something else.
    """
    if plain_sidecar(name_or_path) is not None:
        return PlainSide(read_plain(name_or_path))
    found = open_membrane_model(name_or_path)
    return WallSide(
        name=found.name,
        sha256=found.sha256,
        seen=found.description.training.units_seen,
        network=wall_network(found),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WallSide:
    """The path of `predict membrane`: cells in three dimensions, cut at each plane.

    Parameters
    ----------
    name, sha256 : str
    seen : tuple of str
        Hashes that the package lists.
    network : WallNetwork, optional
        Of `cells_in_frame`; ``None`` for ridges.
    settings : MembraneSettings
    """

    name: str
    sha256: str
    seen: tuple[str, ...] = ()
    network: WallNetwork | None = None
    settings: MembraneSettings = field(default_factory=MembraneSettings)

    def segment(
        self, pixels: NDArray[Any], spacing: Sequence[float], planes: Sequence[int]
    ) -> dict[int, FoundPlane]:
        """Return the cells of some planes; a volume of one plane is a plane."""
        alone = len(pixels) == 1
        image, step = (pixels[0], spacing[1:]) if alone else (pixels, spacing)
        found = cells_in_frame(image, step, self.settings, network=self.network)
        labels = found.labels if found.labels.ndim == 3 else found.labels[None]
        inside = None if found.drawn is None else interiors(found.drawn)
        return {
            z: FoundPlane(
                interior=_between(labels[z]) if inside is None else inside[z], cells=labels[z]
            )
            for z in planes
        }


def interiors(drawn: WallMaps) -> NDArray[np.bool_]:
    """Return what a network calls inside and no wall, on the image's own grid, (Z, Y, X)."""
    whole = tuple(slice(0, n) for n in drawn.grid.shape)
    wall, inside = (drawn.grid.enlarge(m, whole) > 0.5 for m in (drawn.wall, drawn.inside))
    interior: NDArray[np.bool_] = inside & ~wall
    return interior if interior.ndim == 3 else interior[None]


def _between(cells: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return cells without their borders, for a method that draws no interior of its own."""
    return np.asarray((cells > 0) & ~borders_of(cells))


@dataclass(frozen=True, slots=True)
class PlainSide:
    """A plain network: one plane at a time, connected parts of its interior are the cells."""

    network: PlainNetwork

    @property
    def name(self) -> str:
        """Name in the sidecar."""
        return self.network.name

    @property
    def sha256(self) -> str:
        """Hash of network and sidecar."""
        return self.network.sha256

    @property
    def seen(self) -> tuple[str, ...]:
        """Nothing: a plain network does not say what it has seen."""
        return ()

    def segment(
        self, pixels: NDArray[Any], spacing: Sequence[float], planes: Sequence[int]
    ) -> dict[int, FoundPlane]:
        """Return the cells of some planes."""
        return {z: self._plane(pixels[z]) for z in planes}

    def _plane(self, plane: NDArray[Any]) -> FoundPlane:
        from skimage.measure import label
        from skimage.segmentation import expand_labels

        found = probability_map(self.network, plane)
        inside = found > 0.5
        if self.network.sidecar.output == "wall":
            free = label(~inside, connectivity=1)
            rim = np.unique(np.concatenate([free[0], free[-1], free[:, 0], free[:, -1]]))
            inside = (free > 0) & ~np.isin(free, rim)
        parts = label(inside, connectivity=1)
        kept = np.bincount(parts.ravel()) >= LEAST_PX
        kept[0] = False
        cells = expand_labels(np.where(kept[parts], parts, 0), _GAP_PX)
        return FoundPlane(interior=inside, cells=cells.astype(np.int32))


def probability_map(network: PlainNetwork, plane: NDArray[Any]) -> NDArray[np.float32]:
    """Return the map of a plane on its own grid: normalised, squeezed, and back."""
    how = network.sidecar
    image = plane.astype(np.float32)
    if how.normalisation == "divide-255":
        most = np.iinfo(plane.dtype).max if plane.dtype.kind in "iu" else 1.0
        image = image / np.float32(most)
    elif how.normalisation == "min-max":
        low, high = float(image.min()), float(image.max())
        image = (image - low) / max(high - low, 1e-6)
    if how.size_px:
        return resized_linear(network.run(resized_nearest(image, how.size_px)), plane.shape)
    padded = np.pad(image, [(0, -n % _WHOLE_PX) for n in image.shape], mode="edge")
    return network.run(padded)[: plane.shape[0], : plane.shape[1]]


def resized_nearest(image: NDArray[Any], side: int) -> NDArray[Any]:
    """Squeeze an image into a square by the nearest pixel, as the published scripts did."""
    rows, columns = (np.arange(side) * n // side for n in image.shape)
    return np.ascontiguousarray(image[np.ix_(rows, columns)])


def resized_linear(image: NDArray[np.float32], shape: Sequence[int]) -> NDArray[np.float32]:
    """Bring a map to another size, linear between pixel centres."""
    out = image
    for axis, (n, m) in enumerate(zip(image.shape, shape, strict=True)):
        at = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
        low = np.floor(at).astype(np.intp)
        high = np.minimum(low + 1, n - 1)
        share = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in (0, 1)])
        lower, upper = np.take(out, low, axis=axis), np.take(out, high, axis=axis)
        out = lower + share * (upper - lower)
    return out
