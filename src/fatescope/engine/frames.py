"""Frames of long movies as units: spread over workers, and kept when a run is killed.

A movie's frames are found first, each by itself; its own unit then reads them, measures, follows
and writes as it would have done alone, so that the result is the same to the bit. What frames left
is removed once the run is at its end.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import open_image
from fatescope.base import Execution, FatescopeError, WorkUnit
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.predict import FrameLabels, PlaneLabels
from fatescope.storage import size_and_time, write_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.acquire import ImageFile
    from fatescope.base import Image, Progress
    from fatescope.engine.folder import Run
    from fatescope.engine.worker import Worker

STAGE = "frames of movies"
FOLDER = ".frames"

LEAST_PX = 2**24
"""Of a movie with fewer pixels the frames are no units: it is done again within seconds."""

_KEPT = "frame", "n", "shape", "scores", "own_px"

FindFrame = Callable[[int], FrameLabels]
"""Finds the objects of one frame of an open movie."""
ByFrame = Callable[..., FindFrame | None]
"""``by_frame(image, settings, predictor=..., decided=...)``: `FindFrame` of a movie, or ``None``
where its frames depend on one another."""


@dataclass(frozen=True, slots=True)
class FrameOfMovie(WorkUnit):
    """One frame as a unit; its key changes with the files of its movie."""

    movie: ImageFile
    frame: int
    state: str  # of the movie's files

    @property
    def key(self) -> str:
        """The movie, its frame, and the state of its files."""
        return f"{self.movie.key} frame {self.frame} of {self.state}"

    @property
    def paths(self) -> tuple[Path, ...]:
        """None: the key tells whether they have changed, without reading all of a movie."""
        return ()

    @property
    def kept(self) -> str:
        """Where its labels wait, relative to the output folder."""
        return f"{FOLDER}/{self.movie.key}/{self.state}-{self.frame:06d}.npz"

    def __str__(self) -> str:
        return f"{self.movie}, frame {self.frame}"


def is_long(image: Image) -> bool:
    """Say whether a movie is long enough for its frames to be units."""
    return image.size("T") > 1 and math.prod(map(image.size, "TZYX")) >= LEAST_PX


def frames_of(
    files: Sequence[ImageFile], worker: Worker[Any], by_frame: ByFrame, decided: Any
) -> list[FrameOfMovie]:
    """Return the frames of those movies that are long enough and can be done frame by frame.

    A file that cannot be opened has none: its own unit says so.
    """
    found = []
    for file in files:
        with suppress(FatescopeError, OSError, ModuleNotFoundError):
            if not is_long(open_image(file, worker.settings)):
                continue
            image, predictor = worker.open(file)
            if by_frame(image, worker.settings, predictor=predictor, decided=decided) is None:
                continue
            found += [FrameOfMovie(file, t, _state(file)) for t in range(image.size("T"))]
    return found


def find_frames(
    run: Run,
    frames: Sequence[FrameOfMovie],
    worker: Worker[Any],
    by_frame: ByFrame,
    *,
    decided: Any,
    execution: Execution,
    progress: Progress | None = None,
) -> None:
    """Find the objects of frames that are not found yet, and keep them beside the results."""
    stage = run.stage(STAGE)
    todo = pending(stage, frames)
    job = FrameJob(worker, run.out, by_frame, decided)
    work_through(stage, todo, job, execution=execution, progress=progress)


@dataclass
class FrameJob:
    """What a worker does with a frame; the movie and its scale stay open from frame to frame."""

    worker: Worker[Any]
    out: Path
    by_frame: ByFrame
    decided: Any
    _movie: ImageFile | None = field(default=None, repr=False)
    _find: FindFrame | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_movie": None, "_find": None}

    def __call__(self, unit: FrameOfMovie) -> Outcome:
        """Find the objects of a frame and write them to its place."""
        if self._find is None or self._movie != unit.movie:
            image, predictor = self.worker.open(unit.movie)
            self._find = self.by_frame(
                image, self.worker.settings, predictor=predictor, decided=self.decided
            )
            self._movie = unit.movie
        if self._find is None:
            return Outcome()
        labels = self._find(unit.frame)
        write_frame(self.out / unit.kept, labels)
        labels.close()
        return Outcome(files=[unit.kept])


def kept_frames(file: ImageFile, out: Path) -> Callable[[int], FrameLabels | None]:
    """Return what reads the frames of a movie that were kept; ``None`` for others."""
    return partial(_kept, file=file, state=_state(file), out=out)


def _kept(frame: int, *, file: ImageFile, state: str, out: Path) -> FrameLabels | None:
    path = out / FrameOfMovie(file, frame, state).kept
    return read_frame(path) if path.exists() else None


def write_frame(path: Path, labels: FrameLabels) -> None:
    """Write the labels of a frame, whole or not at all; a plane can be read by itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = (slice(None), slice(None))
    kept: dict[str, Any] = {n: getattr(labels, n) for n in _KEPT}
    kept |= {f"plane{z}": labels[(z, *whole)] for z in range(len(labels.planes))}
    with write_beside(path) as part, part.open("wb") as stream:
        np.savez_compressed(stream, **kept)


def read_frame(path: Path) -> FrameLabels:
    """Return what `write_frame` wrote; planes are read when they are asked for."""
    with np.load(path, allow_pickle=False) as held:
        shape = tuple(int(s) for s in held["shape"])
        n, frame, scores = int(held["n"]), int(held["frame"]), held["scores"]
        own_px = float(held["own_px"])
    number = np.arange(n + 1, dtype=np.min_scalar_type(n))
    depth = shape[0] if len(shape) == 3 else 1
    rows, columns = shape[-2:]
    planes = tuple(
        PlaneLabels((rows, columns), n, scores, number.astype(np.uint32), _PlaneOfFile(path, z))
        for z in range(depth)
    )
    return FrameLabels(frame, shape, n, scores, planes, (number,) * depth, own_px)


class _PlaneOfFile:
    """Rows of one plane of a kept frame; the plane that was read last is held."""

    def __init__(self, path: Path, z: int) -> None:
        self._path, self._z = path, z
        self._held: NDArray[Any] | None = None

    def write(self, first: int, rows: NDArray[Any], /) -> None:
        """Refuse: what is kept stays as it is."""
        raise TypeError("a kept frame is read, not written")

    def read(self, first: int, stop: int, /) -> NDArray[Any]:
        """Return rows ``first..stop``."""
        if self._held is None:
            with np.load(self._path, allow_pickle=False) as held:
                self._held = held[f"plane{self._z}"]
        rows = self._held[first:stop]
        if stop >= len(self._held):  # a plane is read from its first row to its last
            self._held = None
        return rows

    def close(self) -> None:
        """Let the memory go; the file stays until the run is at its end."""
        self._held = None


def _state(file: ImageFile) -> str:
    """Return a short name for the sizes and times of a movie's files."""
    seen: Iterator[tuple[int, int]] = (size_and_time(p) for p in file.paths)
    return hashlib.sha256(repr(list(seen)).encode()).hexdigest()[:12]
