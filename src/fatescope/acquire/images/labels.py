"""Label images: whole numbers, 0 for background, in TIFF files that Fiji opens as they are.

A name that ends in ``.zarr`` gives OME-Zarr instead (decision record 0090). The layout of TIFF is
that of ImageJ (strips, deflate, its own description), because only that opens in ImageJ and Fiji
by dragging, with axes and spacing; a plane above 64 megapixels is tiled, which needs Bio-Formats
there (decision record 0011).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.read import read_image
from fatescope.acquire.images.write import BIG_BYTES
from fatescope.base import FileFormatError, Image, InputError, Spacing, check_axes, escape
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from fatescope.base.image import ArrayLike

TILE = 512
_STRIPED_PIXELS = 2**26
_STRIP_ROWS = 64
_LEVEL = 6
"""Pixels of a plane beyond which it is tiled, rows of a strip, level of deflate: record 0011."""


def label_tiles(shape: tuple[int, ...]) -> Iterator[tuple[int | slice, ...]]:
    """List the blocks of a label image in the order in which `write_labels` takes them.

    Parameters
    ----------
    shape : tuple of int
        Of the whole label image; the last two axes are Y and X.

    Yields
    ------
    tuple
        An index: numbers for the leading axes, slices for Y and X. Planes in order; in a plane,
        bands of full width, or above 64 megapixels tiles of 512 x 512 row by row. Blocks at the
        lower and right edges are smaller.

    Examples
    --------
    >>> list(label_tiles((2, 30, 40)))
    [(0, slice(0, 30, None), slice(0, 40, None)), (1, slice(0, 30, None), slice(0, 40, None))]
    """
    height, width = shape[-2:]
    tall, wide = _block(shape)
    for lead in np.ndindex(*shape[:-2]):
        for y in range(0, height, tall):
            for x in range(0, width, wide):
                yield (*lead, slice(y, min(y + tall, height)), slice(x, min(x + wide, width)))


def _block(shape: tuple[int, ...]) -> tuple[int, int]:
    tiled = shape[-2] * shape[-1] > _STRIPED_PIXELS
    return (TILE, TILE) if tiled else (_STRIP_ROWS, shape[-1])


def write_labels(
    path: Path | str,
    blocks: ArrayLike | Iterable[NDArray[Any]],
    *,
    shape: tuple[int, ...],
    axes: str,
    dtype: DTypeLike,
    spacing: Spacing,
) -> None:
    """Write a label image; memory holds one block at a time.

    The file appears whole or not at all, and its bytes depend on the arguments alone: there is
    no date in it.

    Parameters
    ----------
    path : Path
        Where to; folders are made, an older file is replaced. TIFF, or OME-Zarr (a folder) if
        the name ends in ``.zarr``.
    blocks : array-like of shape ``shape``, or iterable of ndarray
        The labels. An iterable gives the blocks of `label_tiles`, in that order.
    shape, axes
        Of the whole image; axes out of ``TZYX`` in this order.
    dtype : unsigned integer type
        uint8, uint16 or uint32: the smallest that holds the number of labels.
    spacing : Spacing
        Steps that are known; the others stay unknown.

    Raises
    ------
    InputError
        If a block does not have the expected shape, or holds a number that ``dtype`` cannot.
    RunError
        If the disk is full or the place cannot be written.
    """
    kind = np.dtype(dtype)
    _check(shape, axes, kind)
    given = _sliced(blocks, shape) if hasattr(blocks, "shape") else iter(blocks)
    if Path(path).suffix.lower() == ".zarr":
        from fatescope.acquire.images.zarr_labels import write_zarr_labels

        write_zarr_labels(
            Path(path),
            _checked(given, shape, kind),
            shape=shape,
            axes=axes,
            dtype=kind,
            spacing=spacing,
        )
    else:
        _write_tiff(Path(path), given, shape=shape, axes=axes, kind=kind, spacing=spacing)


def _write_tiff(
    path: Path,
    given: Iterator[NDArray[Any]],
    *,
    shape: tuple[int, ...],
    axes: str,
    kind: np.dtype[Any],
    spacing: Spacing,
) -> None:
    import tifffile

    tall, wide = _block(shape)
    tiled = wide == TILE and shape[-2] * shape[-1] > _STRIPED_PIXELS
    layout: dict[str, Any] = {"tile": (TILE, TILE)} if tiled else {"rowsperstrip": tall}
    pages = math.prod(shape[:-2])
    steps = spacing.um("YX")
    big = math.prod(shape) * kind.itemsize > BIG_BYTES
    with write_beside(path) as part, tifffile.TiffWriter(part, bigtiff=big, byteorder="<") as tif:
        tif.write(
            _compressed(given, shape, kind, tiled=tiled),
            shape=(pages, *shape[-2:]),
            dtype=kind,
            photometric="minisblack",
            compression="adobe_deflate",
            description=_description(shape, axes, spacing, pages),
            metadata=None,
            software="fatescope",
            datetime=None,
            resolution=None if steps is None else (1 / steps[1], 1 / steps[0]),
            resolutionunit="NONE",
            maxworkers=1,
            **layout,
        )
        _refuse_more(given, shape)


def _check(shape: tuple[int, ...], axes: str, kind: np.dtype[Any]) -> None:
    check_axes(axes, shape)
    if "C" in axes or 0 in shape:
        raise InputError(f"a label image has axes out of TZYX and pixels; got {axes} {shape}.")
    if kind not in (np.uint8, np.uint16, np.uint32):
        raise InputError(f"labels are written as uint8, uint16 or uint32; got {kind}.")


def _checked(
    given: Iterator[NDArray[Any]], shape: tuple[int, ...], kind: np.dtype[Any]
) -> Iterator[tuple[tuple[int | slice, ...], NDArray[Any]]]:
    """Pass each block with its index, of the expected shape and in the type of the file."""
    for index in label_tiles(shape):
        want = tuple(s.stop - s.start for s in index if isinstance(s, slice))
        block = next(given, None)
        if block is None or np.shape(block) != want:
            got = "no more blocks" if block is None else f"a block of shape {np.shape(block)}"
            raise InputError(f"labels at {index} must be a block of shape {want}; got {got}.")
        yield index, _converted(np.asarray(block), kind)
    _refuse_more(given, shape)


def _refuse_more(given: Iterator[NDArray[Any]], shape: tuple[int, ...]) -> None:
    if next(given, None) is not None:
        raise InputError(f"there are more blocks than a label image of shape {shape} has.")


def _compressed(
    given: Iterator[NDArray[Any]], shape: tuple[int, ...], kind: np.dtype[Any], *, tiled: bool
) -> Iterator[bytes]:
    """Fill tiles at the edges, deflate."""
    import imagecodecs

    for _, block in _checked(given, shape, kind):
        data = block
        if tiled and block.shape != (TILE, TILE):
            data = np.zeros((TILE, TILE), dtype=block.dtype)
            data[: block.shape[0], : block.shape[1]] = block
        yield bytes(imagecodecs.deflate_encode(data.tobytes(), level=_LEVEL))


def _sliced(array: Any, shape: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    if tuple(array.shape) != tuple(shape):
        raise InputError(f"labels of shape {tuple(array.shape)} were announced as {shape}.")
    return (np.asarray(array[index]) for index in label_tiles(shape))


def _converted(block: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    if block.dtype.kind not in "ui":
        raise InputError(f"labels must be whole numbers; got {block.dtype}.")
    if block.dtype != kind and (block.max() > np.iinfo(kind).max or block.min() < 0):
        raise InputError(f"labels from {block.min()} to {block.max()} do not fit into {kind}.")
    return np.ascontiguousarray(block, dtype=kind.newbyteorder("<"))


def _description(shape: tuple[int, ...], axes: str, spacing: Spacing, pages: int) -> str:
    """Write what ImageJ reads; the last line is ours, since ImageJ forgets axes of length 1."""
    length = dict(zip(axes, shape, strict=True))
    lines = ["ImageJ=1.54f", f"images={pages}"]
    if "Z" in length:
        lines.append(f"slices={length['Z']}")
    if "T" in length:
        lines.append(f"frames={length['T']}")
    if "Z" in length and "T" in length:
        lines.append("hyperstack=true")
    lines.append("mode=grayscale")
    known = {a: s.value for a, s in spacing.steps.items() if a in axes}
    if set(known) & {"Z", "Y", "X"}:
        lines.append("unit=micron")
    if "Z" in known:
        lines.append(f"spacing={known['Z']!r}")
    if "T" in known:
        lines.append(f"finterval={known['T'] * 60!r}")
    lines += ["loop=false", f"axes={axes}", ""]
    return "\n".join(lines)


def read_labels(path: Path | str, *, axes: str | None = None) -> Image:
    """Open a label image, of fatescope or of another program; ``axes`` as for `read_image`.

    A colour table only shows the numbers, which count.

    Raises
    ------
    FileFormatError
        If it cannot be read, or does not hold whole numbers in one channel.
    """
    image = read_image(path, axes=axes, role="labels")
    if image.dtype.kind not in "uib":
        raise FileFormatError(
            f"{escape(path)}: holds {image.dtype}, and labels are whole numbers. Save it as 16 bit."
        )
    if "C" in image.axes:
        raise FileFormatError(
            f"{escape(path)}: has {image.size('C')} channels, and a label image has one. "
            "Save the labels as numbers, not as colours."
        )
    return image
