"""Frames, planes and channels in files of their own, as one image."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.find import ImageFile
from fatescope.acquire.images.lazy import OwnLock, PlanePixels, Reordered
from fatescope.acquire.images.single import read_one
from fatescope.base import AXES, FileFormatError, Image, escape

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OPEN_FILES = 4  # kept, so that neighbours are not opened twice; not measured


def read_sequence(file: ImageFile, *, axes: str | None) -> Image:
    """Open numbered files as one movie; the first decides shape, type and spacing.

    Parameters
    ----------
    file : ImageFile
        With at least one entry in ``frames``. Its scene, if any, is that of each file.
    axes : str, optional
        The axes of a single file.

    Raises
    ------
    FileFormatError
        If a number is missing or occurs twice, or the files are movies themselves. A file that
        differs from the first in shape or type is named when its frame is read.
    """
    if file.grid:
        _check_grid(file)
    else:
        _check_numbers(file)
    grid = dict(file.grid) or {"T": tuple(map(str, file.frames))}
    first = read_one(file.paths[0], axes=axes, scene=file.scene)
    for letter in (a for a in grid if first.size(a) > 1):
        what = {"T": "frame", "C": "channel", "Z": "plane"}[letter]
        raise FileFormatError(
            f"{escape(file.paths[0])}: holds {first.size(letter)} {what}s, so it cannot be one "
            f"{what} of a sequence. Leave out --sequence, or say with --axes what the axis is."
        )
    inner = "".join(a for a in first.axes if a not in grid)
    lengths = tuple(len(values) for values in grid.values())
    pixels: PlanePixels = _SequencePixels(file, lengths, first, inner, axes)
    stored = "".join(grid) + inner
    letters = "".join(a for a in AXES if a in stored)
    if letters != stored:
        pixels = Reordered(pixels, tuple(stored.index(a) for a in letters[:-2]))
    channels = grid.get("C", first.channels)
    place = file.paths[0].parent
    own = _own_name(file)
    name = place if own == place.name else place / own
    return replace(first, pixels=pixels, axes=letters, channels=channels, name=str(name))


def _own_name(file: ImageFile) -> str:
    """Return the key without the folders, which stand in the path already."""
    return file.key.rpartition("/")[2]


def _check_grid(file: ImageFile) -> None:
    """Raise where a file of the grid is missing or there twice: pixels would shift."""
    wanted = math.prod(len(values) for _, values in file.grid)
    if len(file.paths) == wanted:
        return
    words = {"T": "frames", "C": "channels", "Z": "planes"}
    sizes = " x ".join(f"{len(values)} {words[a]}" for a, values in file.grid)
    what = "missing" if len(file.paths) < wanted else "there twice"
    raise FileFormatError(
        f"{escape(file.paths[0])}: {sizes} are {wanted} files, and there are {len(file.paths)}: "
        f"some are {what}. Add or remove files, or tell images apart with --pattern."
    )


def _check_numbers(file: ImageFile) -> None:
    for (before, after), path in zip(
        zip(file.frames, file.frames[1:], strict=False), file.paths[1:], strict=False
    ):
        if after == before:
            raise FileFormatError(
                f"{escape(path)}: frame {after} of {escape(_own_name(file))} occurs twice. "
                "Remove one of the files, or tell them apart with --pattern."
            )
        if after != before + 1:
            gap = f"{before + 1}" if after == before + 2 else f"{before + 1} to {after - 1}"
            raise FileFormatError(
                f"{escape(path)}: frame {gap} of {escape(_own_name(file))} is missing before it. "
                "Add the file, or split the movie into folders; a gap would shift all later times."
            )


class _SequencePixels(PlanePixels):
    """Frames from one file each; a few files stay open."""

    def __init__(
        self,
        file: ImageFile,
        lengths: tuple[int, ...],
        first: Image,
        inner: str,
        axes: str | None,
    ) -> None:
        notes = getattr(first.pixels, "notes", ())
        self._frame_shape = tuple(first.size(a) for a in inner)
        super().__init__(shape=(*lengths, *self._frame_shape), dtype=first.dtype, notes=notes)
        self._paths = file.paths
        self._scene = file.scene
        self._lengths = lengths
        self._inner = inner
        self._axes = axes
        self._open: OrderedDict[int, Image] = OrderedDict({0: first})
        self._lock = OwnLock()

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read a rectangle of one plane of one file."""
        n = len(self._lengths)
        with self._lock:
            image = self._frame(int(np.ravel_multi_index(at[:n], self._lengths)))
        index: dict[str, int | slice] = dict(zip(self._inner, at[n:], strict=False))
        index |= {"Y": slice(rows.start, rows.stop), "X": slice(columns.start, columns.stop)}
        single = {a: 0 for a in image.axes if a not in self._inner}
        return image.read(**index, **single)

    def _frame(self, number: int) -> Image:
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        path = self._paths[number]
        image = read_one(path, axes=self._axes, scene=self._scene)
        shape = tuple(image.size(a) for a in self._inner)
        others = [a for a in image.axes if a not in self._inner]
        alike = set(self._inner) <= set(image.axes) and all(image.size(a) == 1 for a in others)
        if not alike or shape != self._frame_shape:
            raise FileFormatError(
                f"{escape(path)}: has axes {image.axes} and shape {image.shape}; the first frame "
                f"has {self._inner} and {self._frame_shape}. Frames of one movie must be alike."
            )
        if image.dtype != self.dtype:
            raise FileFormatError(
                f"{escape(path)}: has type {image.dtype}; the first frame has {self.dtype}. Frames "
                "of one movie must be alike."
            )
        self._open[number] = image
        while len(self._open) > _OPEN_FILES:
            self._open.popitem(last=False)
        return image
