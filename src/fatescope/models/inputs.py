"""What a network takes: an image on its working grid, cut into tiles, or rows of features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import PositiveFloat, model_validator

from fatescope.base.errors import ModelError
from fatescope.base.settings import Settings, setting
from fatescope.models.likeness import Likeness

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

Modality = Literal["fluorescence", "electron", "phase", "bright-field", "any"]

PERCENTILES = (1.0, 99.8)
"""Intensities of the whole plane that become 0 and 1, where a package does not say others."""

LEAST_NORMALISED, MOST_NORMALISED = -1.0, 8.0
"""Values are cut here: a nucleus on an almost empty plane would otherwise be hundreds."""

_LEAST_TILE_PX = 64  # not measured


class ValueRange(Settings):
    """Lowest and highest value seen in training (or a percentile range of them)."""

    low: float = setting(..., "lower end")
    high: float = setting(..., "upper end")


class Tiling(Settings):
    """How an image is cut for the network: one number for each axis, on the working grid."""

    tile_px: tuple[int, ...] = setting((1024, 1024), "largest tile with its halo", unit="px")
    halo_px: tuple[int, ...] = setting(
        (32, 32), "border of a tile that is read but not used", unit="px"
    )
    divisor: tuple[int, ...] = setting(
        (16, 16), "the length of a tile must be a multiple of this", unit="px"
    )

    @model_validator(mode="after")
    def _tiles_hold_their_halo(self) -> Tiling:
        if not len(self.tile_px) == len(self.halo_px) == len(self.divisor):
            raise ValueError("tile_px, halo_px and divisor need one number for each axis")
        if min(self.tile_px[-2:], default=0) < _LEAST_TILE_PX:
            raise ValueError(f"tile_px must be at least {_LEAST_TILE_PX} along Y and X")
        for tile, halo, divisor in zip(self.tile_px, self.halo_px, self.divisor, strict=True):
            if divisor < 1 or halo < 0 or tile % divisor or tile <= 2 * halo:
                raise ValueError(
                    "tile_px must be a multiple of divisor and exceed twice halo_px, on every axis"
                )
        return self


class ImageInput(Settings):
    """An image: its axes, its intensities, its size on the working grid, and its tiles."""

    kind: Literal["image"] = setting("image", "what goes in")
    axes: Literal["YX", "ZYX"] = setting("YX", "axes of space")
    channels: tuple[str, ...] = setting(("intensity",), "channels, in order", min_length=1)
    percentiles: tuple[float, float] = setting(
        PERCENTILES, "of the whole plane, mapped to 0 and 1", unit="%"
    )
    normalisation: Literal["percentiles", "mean-std", "none"] = setting(
        "percentiles",
        "intensities: percentiles become 0 and 1, mean and standard deviation become 0 and 1, or "
        "as they are",
    )
    layout: Literal["channels-first", "channels-last"] = setting(
        "channels-first", "where the network has channels, in what it takes and gives"
    )
    sized: bool = setting(
        True, "objects are brought to `diameter_px`; else images are analysed at their own size"
    )
    diameter_px: float = setting(
        22.0, "median object diameter on the working grid", unit="px", gt=1
    )
    diameter_range_px: tuple[float, float] = setting(
        (10.0, 40.0), "diameters seen in training, on the working grid", unit="px"
    )
    spacing_um: tuple[PositiveFloat, ...] | None = setting(
        None, "pixel size of the working grid along each axis, where the model has one", unit="µm"
    )
    tiling: Tiling = setting(Tiling(), "how it is cut")
    modality: Modality = setting("fluorescence", "kind of image")
    polarity: Literal["bright", "dark", "any"] = setting(
        "bright", "objects are brighter or darker than their background"
    )
    expected: dict[str, ValueRange] = setting(
        {}, "range of each input statistic in training (`models.describe_input`)"
    )
    likeness: Likeness | None = setting(
        None, "traits weighed together, and how often that is right (`models.check_likeness`)"
    )

    @property
    def network_shape(self) -> tuple[int, ...]:
        """Shape of what the network takes at once, as it takes it; -1 where any length will do."""
        space = [-1 for _ in self.axes]
        if self.layout == "channels-last":
            return (1, *space, len(self.channels))
        return (1, len(self.channels), *space)

    def to_network(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a batch (B, C, *axes) in the layout of the network."""
        import numpy as np

        return np.moveaxis(batch, 1, -1) if self.layout == "channels-last" else batch

    def from_network(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what is in the layout of the network as (B, C, *axes)."""
        import numpy as np

        return np.moveaxis(batch, -1, 1) if self.layout == "channels-last" else batch

    def check_batch(self, shape: tuple[int, ...], *, name: str) -> None:
        """Raise `ModelError` unless the network takes an array of ``shape``."""
        fits = len(shape) == 2 + len(self.axes) and shape[1] == len(self.channels)
        if not fits or any(n % d for n, d in zip(shape[2:], self.tiling.divisor, strict=True)):
            axes = ", ".join(("B", str(len(self.channels)), *self.axes))
            multiples = ", ".join(map(str, self.tiling.divisor))
            raise ModelError(
                f"model {name!r} takes ({axes}), lengths in multiples of {multiples}; got {shape}."
            )

    def parts(self, batch: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Yield images one by one, so that the batch size cannot change a result."""
        return (image[None] for image in batch)

    @model_validator(mode="after")
    def _consistent(self) -> ImageInput:
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError("percentiles must rise from 0 to 100")
        if not self.diameter_range_px[0] <= self.diameter_px <= self.diameter_range_px[1]:
            raise ValueError("diameter_px must lie in diameter_range_px")
        lengths = {len(v) for v in (*self.tiling.model_dump().values(), self.spacing_um) if v}
        if lengths != {len(self.axes)}:
            raise ValueError(f"tiling and spacing_um need one number for each of {self.axes}")
        return self


class RowInput(Settings):
    """Rows of a table: named features."""

    kind: Literal["rows"] = setting("rows", "what goes in")
    channels: tuple[str, ...] = setting(..., "features, in order", min_length=1)

    @property
    def network_shape(self) -> tuple[int, ...]:
        """Shape of what the network takes at once, (rows, C); -1 where any number will do."""
        return (-1, len(self.channels))

    def to_network(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the rows as they are."""
        return batch

    def from_network(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what is given for rows as it is."""
        return batch

    def check_batch(self, shape: tuple[int, ...], *, name: str) -> None:
        """Raise `ModelError` unless the network takes an array of ``shape``."""
        if len(shape) != 2 or shape[1] != len(self.channels):
            raise ModelError(
                f"model {name!r} takes rows of {len(self.channels)} features "
                f"({', '.join(self.channels)}); got {shape}."
            )

    def parts(self, batch: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Yield the table whole: a row's result does not depend on the others."""
        return iter((batch,))
