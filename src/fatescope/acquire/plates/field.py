"""One field of a plate as an image: files are opened when a plane of theirs is read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fatescope.acquire.images.check import check_left_out
from fatescope.acquire.images.lazy import OwnLock, PlanePixels
from fatescope.acquire.images.single import read_one
from fatescope.acquire.plates.imagexpress_tiff import stage_position
from fatescope.acquire.plates.mixed_scale import mixed_scale
from fatescope.base import (
    PROJECTION,
    FileFormatError,
    Finding,
    Image,
    InputError,
    PlateImage,
    PlateLayout,
    Spacing,
    escape,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OPEN_FILES = 4
_EACH_FILE = ("imagexpress", "incucyte", "pattern")
"""Formats in which each file says its own pixel size."""


def read_field(layout: PlateLayout, well: str, field: str) -> Image:
    """Open a field: its frames, channels and planes.

    Parameters
    ----------
    layout : PlateLayout
    well, field : str
        As in ``layout.images``.

    Returns
    -------
    Image
        With the axes out of ``TCZYX`` along which the plate has more than one; ``T`` reaches to
        the last frame of the plate. Channels are those of which the field has planes; without any
        plane, those of which it has projections.

    Raises
    ------
    InputError
        If there is no such field. Reading a plane that was not taken, or that the disk lacks,
        raises it too: unknown is not zero.
    FileFormatError
        If the first file cannot be read.
    """
    files = layout.files(well, field)
    stacks = [f for f in files if f.planes != (PROJECTION,)]
    return _open(layout, well, field, stacks) if stacks else read_projection(layout, well, field)


def stage_position_um(layout: PlateLayout, well: str, field: str) -> tuple[float, float] | None:
    """Return where the stage was for a field: y downward and x, in µm, or ``None`` if unknown.

    ImageXpress writes it into each file alone, so that one file is opened.
    """
    if layout.format != "imagexpress" or (well, field) in layout.positions_um:
        return layout.positions_um.get((well, field))
    return stage_position(layout.files(well, field)[0].path)


def read_projection(layout: PlateLayout, well: str, field: str) -> Image:
    """Open the projections that the instrument wrote of a field; see `read_field`.

    Raises
    ------
    InputError
        If the field has no projection.
    """
    files = [f for f in layout.files(well, field) if f.planes == (PROJECTION,)]
    if not files:
        raise InputError(f"{layout.name}: well {well}, field {field} has no projection.")
    return _open(layout, well, field, files)


def _open(layout: PlateLayout, well: str, field: str, files: Sequence[PlateImage]) -> Image:
    planes = sorted({z for f in files for z in f.planes})
    own = {c for f in files for c in f.channels}
    channels = [c for c in layout.channels if c in own]
    sizes = {
        "T": layout.frames[-1] + 1,
        "C": len(channels),
        "Z": planes[-1] + 1 if planes != [PROJECTION] else 1,
    }
    axes = "".join(a for a, n in sizes.items() if n > 1)
    where = f"{layout.name}: well {well}, field {field}"
    pixels = _FieldPixels(files, axes, sizes, channels, where=where)
    if layout.format in _EACH_FILE:
        pixels.notes += _other_scale(layout, pixels.first.spacing, f"{well}/{field}")
    return Image(
        pixels=pixels,
        axes=f"{axes}YX",
        spacing=layout.spacing.only(f"{axes}YX"),
        channels=tuple(channels),
        name=f"{layout.name}/{well}/{field}",
    )


def _other_scale(layout: PlateLayout, own: Spacing, place: str) -> tuple[Finding, ...]:
    """Say that the pixels of a field have another size than those by which it is measured."""
    used, here = layout.spacing.only("YX"), own.um("YX")
    by_user = any(step.source == "user" for step in used.steps.values())
    return () if by_user else tuple(mixed_scale({place: here or ()}, used.um("YX") or ()))


class _FieldPixels(PlanePixels):
    """Planes out of the files of one field; a few files stay open."""

    def __init__(
        self,
        files: Sequence[PlateImage],
        axes: str,
        sizes: dict[str, int],
        channels: Sequence[str],
        *,
        where: str,
    ) -> None:
        first = read_one(files[0].path, axes=files[0].axes, scene=files[0].scene)
        super().__init__(
            shape=(*(sizes[a] for a in axes), first.size("Y"), first.size("X")),
            dtype=first.dtype,
            notes=tuple(check_left_out(first)),
        )
        self.first = first
        self._axes = axes
        self._channels = channels
        self._where = where
        self._files = {
            (t, c, z): f
            for f in reversed(files)
            for t in f.frames
            for c in f.channels
            for z in f.planes
        }
        self._flat = {f.planes for f in files} == {(PROJECTION,)}
        self._open: OrderedDict[PlateImage, Image] = OrderedDict({files[0]: first})
        self._lock = OwnLock()

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read a rectangle of one plane of one file."""
        index = dict(zip(self._axes, at, strict=True))
        frame, plane = index.get("T", 0), PROJECTION if self._flat else index.get("Z", 0)
        channel = self._channels[index.get("C", 0)]
        file = self._files.get((frame, channel, plane))
        if file is None:
            raise InputError(
                f"{self._where}: frame {frame}, channel {channel}, plane {plane} is not on the "
                "disk. Read the planes that are there (PlateLayout.find tells)."
            )
        with self._lock:
            image = self._image(file)
        return image.read(
            T=file.frames.index(frame),
            C=file.channels.index(channel),
            Z=file.planes.index(plane),
            Y=slice(rows.start, rows.stop),
            X=slice(columns.start, columns.stop),
        )

    def _image(self, file: PlateImage) -> Image:
        if file in self._open:
            self._open.move_to_end(file)
            return self._open[file]
        image = read_one(file.path, axes=file.axes, scene=file.scene)
        wanted = {"T": len(file.frames), "C": len(file.channels), "Z": len(file.planes)}
        shape = (image.size("Y"), image.size("X"))
        if shape != self.shape[-2:] or any(image.size(a) != n for a, n in wanted.items()):
            raise FileFormatError(
                f"{escape(file.path)}: has axes {image.axes} and shape {image.shape}, unlike the "
                "other images of its channel. Images of one plate must be alike."
            )
        if image.dtype != self.dtype:
            raise FileFormatError(
                f"{escape(file.path)}: has type {image.dtype}, and the first image of the field "
                f"{self.dtype}. Images of one field must be alike."
            )
        self._open[file] = image
        while len(self._open) > _OPEN_FILES:
            self._open.popitem(last=False)
        return image
