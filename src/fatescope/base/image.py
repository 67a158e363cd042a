"""One image, stack or movie: lazy pixels with axes, spacing and channel names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fatescope.base.axes import check_axes
from fatescope.base.errors import InputError
from fatescope.base.spacing import Spacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class ArrayLike(Protocol):
    """What `Image` needs of its pixels: NumPy, Zarr and memory-maps have it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of one pixel."""
        ...

    def __getitem__(self, key: Any, /) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """Pixels that are read when they are sliced, and not before.

    Parameters
    ----------
    pixels : array-like
        Anything with ``shape``, ``dtype`` and slicing; shape as ``axes`` says.
    axes : str
        A subset of ``TCZYX`` in this order, ending in ``YX``.
    spacing : Spacing
        Steps that are known, each with its source.
    channels : tuple of str
        One name for each channel; empty where the file names none.
    name : str
        The path of the file, or what the caller calls the image.
    objective : str
        As the file calls it; empty where it does not.
    minutes : tuple of float
        When each frame was taken, from any moment on, where the file has it.

    Examples
    --------
    >>> image = Image(pixels=np.arange(24).reshape(2, 3, 4), axes="TYX")
    >>> image.read(T=1, Y=slice(0, 2)).shape
    (2, 4)
    """

    pixels: ArrayLike
    axes: str
    spacing: Spacing = field(default_factory=Spacing)
    channels: tuple[str, ...] = ()
    name: str = ""
    objective: str = ""
    minutes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_axes(self.axes, tuple(self.pixels.shape))
        if self.channels and len(self.channels) != self.size("C"):
            raise InputError(
                f"image {self.name!r} has {self.size('C')} channels but {len(self.channels)} "
                "channel names. Name each channel once."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes, in their order."""
        return tuple(self.pixels.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the stored pixels; nothing converts them."""
        return np.dtype(self.pixels.dtype)

    def size(self, axis: str) -> int:
        """Return the length of ``axis``; an absent axis has length 1."""
        return int(self.shape[self.axes.index(axis)]) if axis in self.axes else 1

    def with_scale(
        self, *, spacing_um: Sequence[float] | None = None, interval_min: float | None = None
    ) -> Image:
        """Return the image with what the user says of its scale; that wins over the file.

        Parameters
        ----------
        spacing_um : sequence of float, optional
            Pixel size X, or Y, X, or Z, Y, X, in µm.
        interval_min : float, optional
            Time between frames.

        Raises
        ------
        InputError
            If there are more steps than the image has spatial axes, or one is not positive.
        """
        n, solid = len(spacing_um or ()), "Z" in self.axes
        if spacing_um is not None and not 0 < n <= 2 + solid:
            raise InputError(
                f"{self.name}: --spacing-um gives {n} steps, but the image has the axes "
                f"{self.axes}. Give X, or Y,X" + (", or Z,Y,X." if solid else ".")
            )
        said = Spacing.given(spacing_um, interval_min).only(self.axes)
        return replace(self, spacing=self.spacing.replaced_by(said))

    def read(self, **index: int | slice) -> NDArray[Any]:
        """Read a part, by axis name.

        Parameters
        ----------
        **index : int or slice
            For instance ``T=3, Y=slice(0, 512)``. An integer drops its axis, an axis not named
            is read whole, and 0 may be given for an axis that the image does not have.

        Returns
        -------
        ndarray
            With the remaining axes in their order, and the stored dtype.

        Raises
        ------
        InputError
            If an index lies outside the image or names an axis it does not have.
        """
        for axis, at in index.items():
            if axis not in self.axes and at not in (0, slice(None)):
                raise InputError(f"image {self.name!r} has axes {self.axes}; no {axis} = {at}.")
            if isinstance(at, int) and not -self.size(axis) <= at < self.size(axis):
                raise InputError(
                    f"image {self.name!r} has {self.size(axis)} along {axis}; {at} is outside."
                )
        key = tuple(index.get(a, slice(None)) for a in self.axes)
        return np.asarray(self.pixels[key])
