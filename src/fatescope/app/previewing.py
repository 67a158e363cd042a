"""What the present settings give on a region: the workflow itself, on a crop, while one waits."""

from __future__ import annotations

import itertools
import math
import secrets
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image, write_image
from fatescope.acquire.reading import ImageReading
from fatescope.app.planes import Pyramid
from fatescope.app.process import ask, clear, kill, start
from fatescope.app.results import rows_of_images
from fatescope.app.tiles import label_tile, png_address
from fatescope.app.worker import AGAIN
from fatescope.base import InputError, RunError
from fatescope.pages.result import ResultFolder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import Image
    from fatescope.systems.question import Question

LARGEST_SIDE, MOST_PLANES, MOST_VOXELS = 1024, 64, 2_000_000
"""Of a region: two million voxels take at most three or four CPU-seconds (cells of a volume)."""
_WRITTEN = (np.uint8, np.uint16, np.float32)
_PATIENCE = 90.0
_IDLE = 600.0
"""Seconds after which a preview is given up, and after which nobody seems to want another."""
_WAITING = 8
"""So many previews may wait for each other; each holds a thread of the server."""
_KEY = "region"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of one frame: half-open rows, columns and planes."""

    frame: int
    plane: int
    planes: tuple[int, int]
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]


def region_within(
    image: Image, view: tuple[float, float, float, float], *, frame: int, plane: int
) -> Region:
    """Return what is worked on of a view: its middle, where it is larger than takes a moment.

    Parameters
    ----------
    image : Image
    view : (top, left, bottom, right)
        In pixels; what lies outside of the image is left out.
    frame, plane : int

    Raises
    ------
    InputError
        If the view shows nothing of the image.
    """
    if not all(map(math.isfinite, view)):
        raise InputError("the view must be numbers.")
    if frame >= image.size("T") or plane >= image.size("Z"):
        raise InputError(f"there is no frame {frame} with a plane {plane} in this image.")
    deep = min(image.size("Z"), MOST_PLANES)
    side = min(LARGEST_SIDE, math.isqrt(MOST_VOXELS // deep))
    rows = _middle(view[0], view[2], image.size("Y"), most=side)
    columns = _middle(view[1], view[3], image.size("X"), most=side)
    if min(rows[1] - rows[0], columns[1] - columns[0]) < 1:
        raise InputError("nothing of the image is in view. Press 0 to see all of it.")
    first = max(0, min(plane - deep // 2, image.size("Z") - deep))
    planes = first, first + deep
    return Region(frame=frame, plane=plane, planes=planes, rows=rows, columns=columns)


def _middle(low: float, high: float, size: int, *, most: int) -> tuple[int, int]:
    first, stop = max(0, math.floor(low)), min(size, math.ceil(high))
    over = stop - first - most
    if over > 0:
        first += over // 2
        stop = first + most
    return first, stop


def write_region(image: Image, region: Region, path: Path) -> None:
    """Write a region with all channels and its scale, as a file of its own."""
    axes = image.axes.replace("T", "")
    at: dict[str, int | slice] = {"Y": slice(*region.rows), "X": slice(*region.columns)}
    if "T" in image.axes:
        at["T"] = region.frame
    kind = image.dtype if image.dtype in _WRITTEN else np.dtype(np.float32)
    indices = {"Z": range(*region.planes), "C": range(image.size("C"))}
    lead = [indices[a] for a in axes[:-2]]

    def planes() -> Iterator[NDArray[Any]]:
        for place in itertools.product(*lead):
            yield image.read(**at, **dict(zip(axes, place, strict=False))).astype(kind, copy=False)

    write_image(
        path,
        planes(),
        shape=(*map(len, lead), *region.shape),
        axes=axes,
        dtype=kind,
        spacing=image.spacing.only(axes),
        channels=image.channels if "C" in axes else (),
    )


class Previews:
    """Answers about regions, one after the other, from a process that is kept ready for them.

    Parameters
    ----------
    folder : Path
        Of the app; regions are written below it and removed at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "previews"
        self._rehearsals = folder / "rehearsals"
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()
        self._starting = threading.Lock()
        self._timer: threading.Timer | None = None
        self._places = threading.BoundedSemaphore(_WAITING)
        clear(self._folder)

    def warm(self) -> None:
        """Start the process, if it is not there: somebody looks at a form."""
        self._ready()

    def _ready(self) -> subprocess.Popen[str]:
        with self._starting:
            if self._process is None or self._process.poll() is not None:
                self._process = start(self._rehearsals, AGAIN)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(_IDLE, self.close)
            self._timer.daemon = True
            self._timer.start()
            return self._process

    def close(self) -> None:
        """End the process."""
        with self._starting:
            if self._timer is not None:
                self._timer.cancel()
            if self._process is not None:
                kill(self._process)
                self._process = None

    def of(
        self, question: Question, image: Image, region: Region, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what a question with these settings says of a region.

        Returns
        -------
        dict
            ``box`` (top, left, bottom, right), ``outlines`` as PNG, ``objects`` by class, settings
            that are ``left_out`` because they are about the whole image, ``seconds``.

        Raises
        ------
        InputError
            If it cannot be answered; the sentence is that of the workflow.
        RunError
            If it takes too long.
        """
        if not self._places.acquire(blocking=False):
            raise InputError("others look at previews just now. Try again in a moment.")
        begun = time.monotonic()
        own = self._folder / secrets.token_hex(6)
        # The region has its scale in its file; tables of places are about the whole image.
        of_region = {"channel"} if "C" in image.axes else set()
        of_whole = {*ImageReading.model_fields, *question.files} - of_region
        given = {k: v for k, v in values.items() if k not in of_whole}
        try:
            write_region(image, region, own / f"{_KEY}.tif")
            with self._turn:
                self._answer(question, own, given)
            return {
                "box": [region.rows[0], region.columns[0], region.rows[1], region.columns[1]],
                "outlines": _outlines(own / "out", region),
                "objects": _objects(own / "out"),
                "left_out": [n for n in question.files if n in values],
                "seconds": round(time.monotonic() - begun, 2),
            }
        finally:
            self._places.release()
            clear(own)

    def _answer(self, question: Question, own: Path, values: Mapping[str, Any]) -> None:
        process = self._ready()
        late = threading.Timer(_PATIENCE, kill, [process])
        late.daemon = True
        late.start()
        asked = {
            "question": question.name,
            "inputs": [str(own / f"{_KEY}.tif")],
            "out": str(own / "out"),
            "settings": dict(values),
        }
        try:
            last = ask(process, asked, lambda said: None)
        finally:
            late.cancel()
        if not last:
            kill(process)
            raise RunError(
                "the preview took too long, or the memory is used up. Look at a smaller part."
            )
        if last["ended"] != "done":
            raise InputError(str(last.get("message") or "the preview was stopped."))
        if not last["summary"]["units_done"]:
            errors = last["summary"].get("errors") or ["this region could not be used."]
            raise InputError(str(errors[0]).replace(str(own / f"{_KEY}.tif"), "this region"))


def _outlines(out: Path, region: Region) -> str:
    """Return the outlines of the plane that is looked at as a PNG in an address."""
    labels = read_image(out / "labels" / f"{_KEY}.tif")
    plane = Pyramid(labels, {"Z": region.plane - region.planes[0]}, labels=True)
    place = (0, slice(0, region.shape[0]), slice(0, region.shape[1]))
    return png_address(label_tile(plane, place, "outlines"))


def _objects(out: Path) -> dict[str, int]:
    """Count the objects by their class; all are one where a table has no classes."""
    result = ResultFolder(out)
    if result.has("objects"):
        found = result.table("objects")
        kind = next((column for column in ("class", "state") if column in found), None)
        if kind is not None:
            return dict(Counter(map(str, found[kind].tolist())))
        return {"objects": len(found)}
    (row,) = rows_of_images(out)
    return {"objects": int(row.get("n_objects") or 0)}
