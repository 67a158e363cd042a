"""The frames of a movie in files of their own, as one image."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.acquire.find import ImageFile
from fatescope.acquire.images.lazy import PlanePixels
from fatescope.acquire.images.read import read_one
from fatescope.base import FileFormatError, Image, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OPEN_FILES = 4


def read_sequence(file: ImageFile, *, axes: str | None) -> Image:
    """Open numbered files as one movie; the first decides shape, type and spacing.

    Parameters
    ----------
    file : ImageFile
        With at least one entry in ``frames``.
    axes : str, optional
        The axes of a single file.

    Raises
    ------
    FileFormatError
        If a number is missing or occurs twice, or the files are movies themselves. A file that
        differs from the first in shape or type is named when its frame is read.
    """
    _check_numbers(file)
    first = read_one(file.paths[0], axes=axes)
    if first.size("T") > 1:
        raise FileFormatError(
            f"{shown(file.paths[0])}: holds {first.size('T')} frames, so it cannot be one frame of "
            "a sequence. Leave out --sequence, or say with --axes what the axis is."
        )
    inner = first.axes.replace("T", "")
    pixels = _SequencePixels(file.paths, first, inner, axes)
    return replace(
        first, pixels=pixels, axes="T" + inner, name=str(file.paths[0].parent / file.key)
    )


def _check_numbers(file: ImageFile) -> None:
    for (before, after), path in zip(
        zip(file.frames, file.frames[1:], strict=False), file.paths[1:], strict=False
    ):
        if after == before:
            raise FileFormatError(
                f"{shown(path)}: frame {after} of {shown(file.key)} occurs twice. Remove one of "
                "the files, or tell them apart with --pattern."
            )
        if after != before + 1:
            gap = f"{before + 1}" if after == before + 2 else f"{before + 1} to {after - 1}"
            raise FileFormatError(
                f"{shown(path)}: frame {gap} of {shown(file.key)} is missing before it. Add the "
                "file, or split the movie into folders; a gap would shift all later times."
            )


class _SequencePixels(PlanePixels):
    """Frames from one file each; a few files stay open."""

    def __init__(self, paths: tuple[Path, ...], first: Image, inner: str, axes: str | None) -> None:
        notes = getattr(first.pixels, "notes", ())
        self._frame_shape = tuple(first.size(a) for a in inner)
        super().__init__(shape=(len(paths), *self._frame_shape), dtype=first.dtype, notes=notes)
        self._paths = paths
        self._inner = inner
        self._axes = axes
        self._open: OrderedDict[int, Image] = OrderedDict({0: first})

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read a rectangle of one plane of one file."""
        image = self._frame(at[0])
        index: dict[str, int | slice] = dict(zip(self._inner, at[1:], strict=False))
        index |= {"Y": slice(rows.start, rows.stop), "X": slice(columns.start, columns.stop)}
        return image.read(**index, **({"T": 0} if "T" in image.axes else {}))

    def _frame(self, number: int) -> Image:
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        path = self._paths[number]
        image = read_one(path, axes=self._axes)
        shape = tuple(image.size(a) for a in self._inner)
        if image.axes.replace("T", "") != self._inner or shape != self._frame_shape:
            raise FileFormatError(
                f"{shown(path)}: has axes {image.axes} and shape {image.shape}; the first frame "
                f"has {self._inner} and {self._frame_shape}. Frames of one movie must be alike."
            )
        if image.dtype != self.dtype:
            raise FileFormatError(
                f"{shown(path)}: has type {image.dtype}; the first frame has {self.dtype}. Frames "
                "of one movie must be alike."
            )
        self._open[number] = image
        while len(self._open) > _OPEN_FILES:
            self._open.popitem(last=False)
        return image
