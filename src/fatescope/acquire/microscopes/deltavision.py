"""DeltaVision files (``.dv``, ``.r3d``): a header of 1024 bytes, numbers of each plane, pixels.

References
----------
Applied Precision's image format IM, as the UCSF Priism documentation describes its header.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from fatescope.acquire.images.announced import check_shape
from fatescope.acquire.images.raw import RawPixels
from fatescope.acquire.microscopes.scenes import Scene, several
from fatescope.base import FileFormatError, escape

_HEADER = 1024
_IDENTITY = -16224
_TYPES = {0: "u1", 1: "i2", 2: "f4", 6: "u2", 7: "i4"}
_ORDERS = {0: "CTZ", 1: "TZC", 2: "TCZ"}
"""The last runs fastest."""
_ELAPSED_S, _STAGE_X, _STAGE_Y = 1, 2, 3
"""Which real numbers of a plane these are; 0 is the light sensor."""


def open_scenes(path: Path) -> list[Scene]:
    """Return the one image of a file."""
    where = escape(path)
    with path.open("rb") as stream:
        head = stream.read(_HEADER)
    order = next(
        (o for o in "<>" if len(head) == _HEADER and _short(head, 96, o) == _IDENTITY), None
    )
    if order is None:
        raise FileFormatError(f"{where}: is not a DeltaVision file. Copy or export it again.")
    width, height, n_planes, kind = struct.unpack_from(f"{order}4i", head, 0)
    extra = struct.unpack_from(f"{order}i", head, 92)[0]
    n_t, sequence = _short(head, 180, order), _short(head, 182, order)
    n_c = max(1, _short(head, 196, order))
    n_t = max(1, n_t)
    if kind not in _TYPES or sequence not in _ORDERS or min(width, height, n_planes, extra + 1) < 1:
        raise FileFormatError(
            f"{where}: stores values of kind {kind} in an order {sequence} that are not read. "
            "Export it as OME-TIFF."
        )
    sizes = {"T": n_t, "C": n_c, "Z": n_planes // (n_t * n_c)}
    axes, lengths = several(_ORDERS[sequence], [sizes[a] for a in _ORDERS[sequence]])
    check_shape((*lengths, height, width), where)
    if math.prod(lengths) != n_planes:
        raise FileFormatError(
            f"{where}: {n_planes} planes are not {n_t} frames of {n_c} channels: the recording was "
            "stopped, or its header is damaged. Export it as OME-TIFF."
        )
    dtype = np.dtype(f"{order}{_TYPES[kind]}")
    there = path.stat().st_size - _HEADER - extra
    if n_planes * height * width * dtype.itemsize > there:
        raise FileFormatError(f"{where}: is cut off: its last planes are missing. Copy it again.")
    steps = struct.unpack_from(f"{order}3f", head, 40)
    about = _Planes(path, head, order, extra)
    return [
        Scene(
            pixels=RawPixels(
                path, start=_HEADER + extra, shape=(*lengths, height, width), dtype=dtype
            ),
            axes=axes + "YX",
            steps={a: float(f"{v:.7g}") or None for a, v in zip("XYZ", steps, strict=True)},
            channels=_channels(head, order, n_c),
            minutes=about.minutes(axes, lengths),
            position_um=about.stage(),
        )
    ]


def _short(head: bytes, at: int, order: str) -> int:
    return int(struct.unpack_from(f"{order}h", head, at)[0])


def _channels(head: bytes, order: str, n: int) -> tuple[str, ...]:
    """Name channels by the wavelength of their light, in nm."""
    lengths = struct.unpack_from(f"{order}5h", head, 198)[:n]
    return tuple(str(w) for w in lengths) if len(lengths) == n and min(lengths) > 0 else ()


class _Planes:
    """What is said of each plane between header and pixels."""

    def __init__(self, path: Path, head: bytes, order: str, extra: int) -> None:
        n_whole, n_real = _short(head, 128, order), _short(head, 130, order)
        self._each = 4 * (n_whole + n_real)
        self._at = _HEADER + 4 * n_whole
        self._n = n_real
        self._most = extra
        self._path, self._order = path, order

    def _of(self, number: int) -> tuple[float, ...]:
        start = self._at + number * self._each
        if self._n <= _STAGE_Y or (number + 1) * self._each > self._most:
            return ()
        values = np.fromfile(self._path, f"{self._order}f4", count=self._n, offset=start)
        return tuple(float(v) for v in values) if len(values) == self._n else ()

    def minutes(self, axes: str, lengths: tuple[int, ...]) -> tuple[float, ...]:
        """Return when the first plane of each frame was taken, where that is said."""
        if "T" not in axes:
            return ()
        at = axes.index("T")
        numbers = range(0, math.prod(lengths[at:]), math.prod(lengths[at + 1 :]))
        seconds = [said[_ELAPSED_S] for n in numbers if (said := self._of(n))]
        known = len(seconds) == lengths[at] and any(seconds) and all(map(math.isfinite, seconds))
        return tuple(s / 60 for s in seconds) if known else ()

    def stage(self) -> tuple[float, float] | None:
        said = self._of(0)
        return (said[_STAGE_Y], said[_STAGE_X]) if said else None
