"""One file, several images: what a reader says of each, and how it becomes an `Image`.

A microscope stores positions, wells and repeats in one file. Each is an image of its own here, a
scene; a reader lists the scenes of a file, and everything else is the same for all formats.
"""

from __future__ import annotations

import logging
import re
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.announced import SMALL_BYTES
from fatescope.acquire.images.lazy import OwnLock, PlanePixels
from fatescope.acquire.images.meaning import channel_names, with_axes
from fatescope.acquire.images.scale import believed, interval, uneven
from fatescope.base import FileFormatError, Image, escape, explained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_NO_NAME = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One image of a file.

    Parameters
    ----------
    name : str
        As the file calls it; empty where it does not.
    pixels : PlanePixels
        Y and X last.
    axes : str
        A letter for each axis as stored: out of ``TCZYX``, ``S`` for colours, any other for an
        axis that has no place in an image here.
    steps : mapping of str to float or None
        In µm along ``ZYX``; minutes along ``T`` where the times of the frames are not known.
    channels : tuple of str
    minutes : tuple of float, or what returns it
        When each frame was taken, from any moment on; what is costly is read of the scene that is
        wanted alone.
    objective : str
        As the file calls it.
    position_um : tuple of float, optional
        Where the stage stood: y, x.
    """

    name: str = ""
    pixels: PlanePixels
    axes: str
    steps: Mapping[str, float | None] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    minutes: tuple[float, ...] | Callable[[], tuple[float, ...]] = ()
    objective: str = ""
    position_um: tuple[float, float] | None = None


OpenScenes = Callable[[Path], Sequence[Scene]]
"""What a reader is: it lists the scenes of a file and reads no pixels."""


def scene_names(scenes: Sequence[Scene]) -> tuple[str, ...]:
    """Return a name for each scene of a file, each once and fit for the name of a file."""
    names: list[str] = []
    for number, scene in enumerate(scenes):
        wanted = _NO_NAME.sub("_", scene.name).strip("_.") or str(number)
        n = 2
        name = wanted
        while name in names:
            name, n = f"{wanted}_{n}", n + 1
        names.append(name)
    return tuple(names)


def read_scene(
    path: Path, open_scenes: OpenScenes, *, scene: str | None, axes: str | None
) -> Image:
    """Open one scene of a file as an image.

    Raises
    ------
    FileFormatError
        If the file cannot be read, holds no such scene, or several and ``scene`` says not which.
    """
    scenes = opened(path, open_scenes)
    number = scene_number(scene, scene_names(scenes), escape(path))
    chosen = scenes[number]
    minutes = chosen.minutes
    if callable(minutes):
        with _read_by_library(path):
            minutes = minutes()
    spacing, notes = believed({**chosen.steps, **interval(minutes)}, str(path))
    chosen.pixels.notes = (*chosen.pixels.notes, *notes, *uneven(minutes, str(path)))
    pixels, letters, names = with_axes(chosen.pixels, chosen.axes, axes=axes, colours=3, path=path)
    return Image(
        pixels=pixels,
        axes=letters,
        spacing=spacing.only(letters),
        channels=channel_names(letters, pixels.shape, chosen.channels, names),
        name=str(path) if len(scenes) == 1 else f"{path} [{chosen.name or number}]",
        objective=chosen.objective,
        minutes=minutes if "T" in letters else (),
    )


def opened(path: Path, open_scenes: OpenScenes) -> Sequence[Scene]:
    """List the scenes of a file; whatever a library trips over is one sentence.

    Raises
    ------
    FileFormatError
        If the file is damaged, or holds no image.
    MissingExtraError
        If the library is not installed.
    """
    with _read_by_library(path):
        scenes = open_scenes(path)
    if not scenes:
        raise FileFormatError(f"{escape(path)}: holds no image. Copy or export it again.")
    return scenes


@contextmanager
def _read_by_library(path: Path) -> Iterator[None]:
    said = f"{escape(path)}: is damaged or incomplete"
    with _quiet(), explained(lambda e: f"{said} ({_said(e)}). Copy or export it again."):
        yield


def several(axes: str, lengths: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """Leave out the leading axes of length 1, which programs write whether there are any or not."""
    kept = [(a, n) for a, n in zip(axes, lengths, strict=True) if n != 1]
    return "".join(a for a, _ in kept), tuple(n for _, n in kept)


def scene_number(scene: str | None, names: Sequence[str], where: str) -> int:
    """Return which scene is meant, by its name or its number from 0."""
    listed = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    if scene is None:
        if len(names) == 1:
            return 0
        raise FileFormatError(
            f"{where}: holds {len(names)} images ({listed}). Choose one by its name or number from "
            "0 (--scene), or give the file to a command that takes them all."
        )
    if scene in names:
        return names.index(scene)
    if scene.isdecimal() and scene.isascii() and int(scene) < len(names):
        return int(scene)
    raise FileFormatError(
        f"{where}: holds no image {escape(scene)}; it holds {listed}. Give one of these names or "
        "numbers from 0 with --scene."
    )


class LibraryPixels(PlanePixels):
    """Planes that another library reads.

    Parameters
    ----------
    shape, dtype
        As for `PlanePixels`.
    where : str
        The file, for messages.
    read : callable
        ``read(at, rows, columns)`` returns the rectangle, or the whole plane where the library
        reads no less; one that was read whole is kept for the next rectangle.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, ...],
        dtype: np.dtype[Any] | str,
        where: str,
        read: Callable[[tuple[int, ...], range, range], NDArray[Any]],
    ) -> None:
        super().__init__(shape=tuple(int(n) for n in shape), dtype=np.dtype(dtype))
        self._where = where
        self._read = read
        self._lock = OwnLock()
        self._kept: tuple[tuple[int, ...], NDArray[Any]] | None = None

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read a rectangle; the library is asked by one thread at a time."""
        with self._lock, _quiet():
            if self._kept is not None and self._kept[0] == at:
                return self._kept[1][rows.start : rows.stop, columns.start : columns.stop]
            plane = f"{self._where}: plane {at} is damaged"
            with explained(lambda e: f"{plane} ({_said(e)}). Copy the file again."):
                block = np.asarray(self._read(at, rows, columns))
            size = (len(rows), len(columns))
            if block.shape == size:
                return block.astype(self.dtype, copy=False)
            if block.shape != self.shape[-2:]:
                raise FileFormatError(
                    f"{self._where}: plane {at} has {block.shape} pixels and not "
                    f"{self.shape[-2:]}. Copy the file again."
                )
            block = block.astype(self.dtype, copy=False)
            self._kept = (at, block) if block.nbytes <= 4 * SMALL_BYTES else None
            return block[rows.start : rows.stop, columns.start : columns.stop]


class Opened:
    """A file of another library, closed when the last scene of it is dropped."""

    def __init__(self, file: Any) -> None:
        self.file = file
        weakref.finalize(self, _close, file)


def _close(file: Any) -> None:
    with suppress(Exception):  # of a damaged file there may be nothing to close
        file.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings and the log of libraries off the terminal: what counts becomes a finding."""
    loggers = [logging.getLogger(n) for n in ("nd2", "liffile", "oiffile", "h5py", "tifffile")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return escape(f"{type(error).__name__}: {text}"[:160] if text else type(error).__name__)
