"""Systems on values: an image in memory, and what is found in it. Nothing here writes a file.

Wherever an image or labels are wanted, an array with its axes does as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import check_left_out, read_image
from fatescope.base import Finding, Image, InputError, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.engine.found import Found, Raster
    from fatescope.engine.predict import System
    from fatescope.predict.settings import PredictSettings

ImageLike = Any
"""An `Image`, an array-like with ``axes``, or a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentedImage:
    """What was found in an image held in memory.

    Parameters
    ----------
    labels : ndarray of unsigned int
        On the image's own grid, its axes without C; 0 is background. Numbered in each frame.
    axes : str
        Of ``labels``.
    objects : Table
        One row for each object and frame: the columns of ``objects.csv`` without ``image``.
    findings : tuple of Finding
    contacts : Table or None
        Which cells touch, and how much; of membranes alone.
    viability : Table or None
        Cells, live cells and their share with its interval, frame by frame; of live and dead
        cells alone.
    tracks : Table or None
        First and last frame and mother of each label; of objects linked through time alone.
    """

    labels: NDArray[Any]
    axes: str
    objects: Table
    findings: tuple[Finding, ...]
    contacts: Table | None = None
    viability: Table | None = None
    tracks: Table | None = None


def as_image(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
) -> Image:
    """Return an image: itself, an array with its axes, or what is in a file.

    Parameters
    ----------
    image : Image, array-like or path
    axes : str, optional
        Of an array; ``"YX"`` if it has two axes and nothing is said. Of a file, where it does not
        say it.
    spacing_um : sequence of float, optional
        Pixel size X, or Y, X, or Z, Y, X.
    interval_min : float, optional
        Time between frames.

    Raises
    ------
    InputError
        If an array of more than two axes comes without ``axes``, or they do not fit it.
    """
    if isinstance(image, Image):
        whole = image
    elif hasattr(image, "shape"):
        array: Any = image
        if axes is None and len(array.shape) != 2:
            raise InputError(
                f"an array of shape {tuple(array.shape)} needs its axes: one letter for each, out "
                'of TCZYX and in this order, for instance axes="TYX".'
            )
        whole = Image(pixels=array, axes=axes or "YX", name="array")
    else:
        whole = read_image(image, axes=axes)
    return whole.with_scale(spacing_um=spacing_um, interval_min=interval_min)


def find_in_image(
    system: System[Any], image: Image, settings: PredictSettings | None = None, **more: Any
) -> SegmentedImage:
    """Find what a system finds on files in an image in memory: the same labels and rows.

    Parameters
    ----------
    system : System
    image : Image
    settings : PredictSettings, optional
    more
        What else `System.find` takes; ``decided`` where images agree on something.

    Raises
    ------
    InputError, SettingsError, ModelError
    """
    how = settings or system.settings()
    predictor = system.open_model(how.model, precision=how.precision)
    given = {"scratch": None, "decided": None, **more}
    found = system.find(image, how, predictor=predictor, **given)
    if system.follow is not None:
        found = system.follow(found, image, how)
    return segmented(found, image)


def segmented(found: Found, image: Image) -> SegmentedImage:
    """Return what a system found as one value, and free its scratch space."""
    labels = _whole(found.rasters["labels"], image)
    found.close()
    return SegmentedImage(
        labels=labels,
        axes=image.axes.replace("C", ""),
        objects=found.tables["objects"],
        findings=(*check_left_out(image), *found.findings),
        contacts=found.tables.get("contacts"),
        viability=found.tables.get("viability"),
        tracks=found.tables.get("tracks"),
    )


def _whole(frames: Sequence[Raster], image: Image) -> NDArray[Any]:
    """Return the labels of all frames as one array, on the image's axes without C."""
    planes = (slice(None), slice(None))
    labels = [
        np.stack([frame[(z, *planes)] for z in range(image.size("Z"))])
        if "Z" in image.axes
        else np.asarray(frame[planes])
        for frame in frames
    ]
    kind = np.result_type(*labels)
    return np.stack(labels).astype(kind) if "T" in image.axes else labels[0]
