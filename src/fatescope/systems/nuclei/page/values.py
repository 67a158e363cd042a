"""What a report is made of: plain values, so that a page can be built from any source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from fatescope.base import FloatArray, IntArray, LabelImage

SizeUnit = Literal["µm²", "px²", "µm³", "px³"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSummary:
    """One input of the run, as the per-image table shows it.

    Parameters
    ----------
    key : str
        The unit's name in the run, as in the column ``image`` of objects.csv.
    n_objects : int
        Rows of objects.csv that belong to it; each frame counts its own.
    shape, axes : tuple of int, str
        Of the input; empty where it could not be read.
    spacing : dict
        ``Spacing.as_record()``: per axis value, unit and source.
    sha256 : str
        Of the input file; empty where unknown.
    median_size : float
        In the unit of the report; NaN without objects.
    counts : ndarray of int, shape (T,)
        Objects in each frame; empty unless the input has more than one frame.
    diameter : dict
        Of a typical nucleus, as the record has it: ``value`` in pixels of the image, ``source``
        and ``scale``, working pixels per pixel; empty where unknown.
    problem : str
        Why it was not processed; empty for an image that was.
    """

    key: str
    n_objects: int
    shape: tuple[int, ...] = ()
    axes: str = ""
    spacing: dict[str, dict[str, float | str]] = field(default_factory=dict)
    sha256: str = ""
    median_size: float = float("nan")
    counts: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    n_findings: int = 0
    diameter: dict[str, float | str] = field(default_factory=dict)
    problem: str = ""

    @property
    def n_frames(self) -> int:
        """Length of the T axis; 1 where there is none."""
        return self.shape[self.axes.index("T")] if "T" in self.axes and self.shape else 1

    @property
    def interval_min(self) -> float | None:
        """Minutes between frames, or ``None`` if unknown."""
        step = self.spacing.get("T")
        return None if step is None else float(step["value"])

    @property
    def pixel_um(self) -> float | None:
        """The step along X in µm, or ``None`` if unknown."""
        step = self.spacing.get("X")
        return None if step is None else float(step["value"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One plane to look at: an 8-bit image and its labels on the same grid.

    Parameters
    ----------
    key : str
        The image it shows.
    frame : int
        Along T; 0 where there is none.
    plane : int or None
        Along Z, where the slider walks planes; ``None`` where it walks frames.
    image : ndarray of uint8, shape (Y, X)
        Grey values after the window ``limits``; linear, no gamma.
    labels : ndarray of int, shape (Y, X)
        0 is background.
    limits : tuple of float
        The input values shown as black and as white.
    step : int
        Input pixels per preview pixel, along both axes.
    origin : tuple of int
        Row and column of the input where the preview begins.
    region : str
        Empty for the whole image, else what the crop shows, such as ``"densest part"``.
    note : str
        What the reader must know of it, such as which plane of a stack is shown.
    """

    key: str
    frame: int
    image: np.ndarray[Any, np.dtype[np.uint8]]
    labels: LabelImage
    limits: tuple[float, float]
    step: int = 1
    origin: tuple[int, int] = (0, 0)
    region: str = ""
    plane: int | None = None
    note: str = ""

    @property
    def index(self) -> int:
        """Place on the slider."""
        return self.frame if self.plane is None else self.plane


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """An object that deserves a second look, and why, in one sentence.

    ``also`` are other frames in which an object at the same place is doubtful.

    ``thumbnail`` is a crop of the input at full resolution (uint8, YX) with ``thumbnail_labels``
    on the same grid, or ``None`` where the image was not at hand.
    """

    key: str
    frame: int
    label: int
    y: float
    x: float
    reason: str
    rank: float
    plane: int = 0
    also: tuple[int, ...] = ()
    thumbnail: np.ndarray[Any, np.dtype[np.uint8]] | None = None
    thumbnail_labels: LabelImage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NucleiReport:
    """Everything on the page about one run of ``predict nuclei``.

    Parameters
    ----------
    title : str
    images : tuple of ImageSummary
        In the order of the run.
    sizes : ndarray of float, shape (n,)
        Area or volume of every object, in ``size_unit``.
    size_unit : {"µm²", "px²", "µm³", "px³"}
    objects : dict
        Per preview ``(key, frame)`` the sizes by label, for the line under the pointer.
    colours : dict
        Per ``(key, frame, label)`` the track that decides the colour; empty where nuclei are not
        linked through time.
    previews : tuple of Preview
    doubtful : tuple of Doubtful
        Most doubtful first.
    n_doubtful : int
        Before the list was cut.
    marked : frozenset of (str, int, int)
        Image, frame and label of all doubtful objects in the previews.
    findings : tuple of dict
        Rows of findings.csv.
    record : dict
        What stands in ``run.json``.
    columns : tuple of str
        Columns of objects.csv, in their order.
    """

    title: str
    images: tuple[ImageSummary, ...]
    sizes: FloatArray
    size_unit: SizeUnit
    objects: dict[tuple[str, int], dict[int, float]] = field(default_factory=dict)
    colours: dict[tuple[str, int, int], int] = field(default_factory=dict)
    previews: tuple[Preview, ...] = ()
    doubtful: tuple[Doubtful, ...] = ()
    n_doubtful: int = 0
    marked: frozenset[tuple[str, int, int]] = frozenset()
    findings: tuple[dict[str, Any], ...] = ()
    record: dict[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    @property
    def n_objects(self) -> int:
        """Rows of objects.csv."""
        return sum(image.n_objects for image in self.images)

    @property
    def median_size(self) -> float:
        """Median of ``sizes``; NaN without objects."""
        return float(np.median(self.sizes)) if len(self.sizes) else float("nan")
