"""Corrected planes as training pairs: images, labels, an index, and ``samples.csv``."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import write_image, write_labels
from fatescope.base import InputError
from fatescope.prepare.pairs import PairSettings
from fatescope.storage import write_beside
from fatescope.systems.training.train import prepare_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.engine import Summary
    from fatescope.systems.labels.review import LabelReview, Place

CORRECTED, PAIRS = "corrected", "pairs"
"""Folder of images and labels, and folder of ``samples.csv``."""
_COLUMNS = ("name", "unit", "frame", "pixel_y_um", "pixel_x_um")
_ODD = re.compile(r"[^\w.-]+")


def save_pairs(reviews: Sequence[LabelReview], *, out: Path, channel: int = 0) -> Summary:
    """Write all planes that are checked as training pairs.

    Parameters
    ----------
    reviews : sequence of LabelReview
        Each image is an independent unit.
    out : Path
        Gets ``corrected/`` (``images/``, ``labels/``, ``index.csv``: what ``prepare pairs``
        reads) and ``pairs/samples.csv``, divided by `shares_for`.
    channel : int
        Of images with several.

    Raises
    ------
    InputError
        If fewer than two planes are checked: one to learn from, one to see whether it helped.
    """
    chosen = [(review, place) for review in reviews for place in review.checked()]
    if len(chosen) < 2:
        raise InputError(
            f"{len(chosen) or 'no'} image{'' if len(chosen) == 1 else 's'} corrected or ticked as "
            "right: two are needed, one to learn from and one to see whether it helped. Correct "
            "or tick more of them."
        )
    folder = out / CORRECTED
    rows = [_write_pair(review, place, folder, channel) for review, place in chosen]
    if len({row["name"] for row in rows}) < len(rows):
        raise InputError("two images have names that cannot be told apart. Rename one of them.")
    folder.mkdir(parents=True, exist_ok=True)
    with write_beside(folder / "index.csv") as part, part.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    units = len({row["unit"] for row in rows})
    validation, test = shares_for(units)
    settings = PairSettings(validation=validation, test=test)
    return prepare_pairs([folder], out=out / PAIRS, settings=settings, fresh=True)


def shares_for(units: int) -> tuple[float, float]:
    """Return the shares of units for validation and test.

    Of two units one chooses; from three on one tests as well, and never less than a quarter.
    One unit is divided by time.

    Examples
    --------
    >>> shares_for(2), shares_for(3), shares_for(8)
    ((0.5, 0.0), (0.34, 0.34), (0.25, 0.25))
    """
    if units == 1:
        return 0.25, 0.25
    if units == 2:
        return 0.5, 0.0
    return (0.34, 0.34) if units == 3 else (0.25, 0.25)


def _write_pair(review: LabelReview, place: Place, folder: Path, channel: int) -> dict[str, object]:
    frame, plane = place
    name = _ODD.sub("_", review.key)
    if "T" in review.labels.axes:
        name += f"_t{frame:03d}"
    if "Z" in review.labels.axes:
        name += f"_z{plane:03d}"
    image, labels = review.image, review.frame(frame)
    label_plane = labels[plane] if labels.ndim == 3 else labels
    pixels = _storable(image.read(T=frame, Z=plane, C=min(channel, image.size("C") - 1)))
    how: dict[str, Any] = {"shape": pixels.shape, "axes": "YX", "spacing": image.spacing.only("YX")}
    write_image(folder / "images" / f"{name}.tif", [pixels], dtype=pixels.dtype, **how)
    kind = np.uint16 if int(label_plane.max(initial=0)) < 2**16 else np.uint32
    write_labels(folder / "labels" / f"{name}.tif", label_plane, dtype=kind, **how)
    um = image.spacing.um("YX") or ("", "")
    timed = "T" in review.labels.axes
    return {
        "name": name,
        "unit": _ODD.sub("_", review.key),
        "frame": frame if timed else "",
        "pixel_y_um": um[0],
        "pixel_x_um": um[1],
    }


def _storable(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return pixels in a type that an image is written in, values unchanged."""
    if pixels.dtype in (np.uint8, np.uint16, np.float32):
        return pixels
    return pixels.astype(np.uint8 if pixels.dtype == bool else np.float32)
