"""Choose what to show of a run, and read it: small images, crops, thumbnails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.pages.images import display_limits, shrink_labels, shrink_mean, to_grey
from fatescope.systems.nuclei.page.values import Doubtful, Preview

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, Image

    Pixels = tuple[FloatArray, NDArray[Any]]

MAX_SIDE_PX = 640  # of a whole image, made smaller by whole steps
CROP_PX = 512  # at full size
MAX_FRAMES = 48  # of one image; room on the page
_THUMBNAIL_PX = 144  # of a doubtful object
_BAND_ROWS = 512  # read at a time, for memory

Box = tuple[int, int, int, int]


def spread(n: int, *, at_most: int, always: Collection[int] = ()) -> list[int]:
    """Choose up to ``at_most`` of ``n`` indices: those in ``always``, the others spread evenly.

    Parameters
    ----------
    n : int
    at_most : int
        First and last are among them where there is room.
    always : collection of int
        Taken first, in their order.

    Examples
    --------
    >>> spread(10, at_most=4, always=[5])
    [0, 4, 5, 9]
    """
    if n <= at_most:
        return list(range(n))
    chosen = list(dict.fromkeys(i for i in always if 0 <= i < n))[:at_most]
    room = at_most - len(chosen)
    even = np.linspace(0, n - 1, room) if room > 1 else np.zeros(room)
    free = [i for i in range(n) if i not in set(chosen)]
    for wanted in even:
        nearest = min(free, key=lambda i: (abs(i - wanted), i))
        free.remove(nearest)
        chosen.append(nearest)
    return sorted(chosen)


def make_previews(
    image: Image,
    labels: Image,
    *,
    key: str,
    channel: int | str | None,
    doubtful: Sequence[Doubtful],
    centres: FloatArray,
    max_frames: int = MAX_FRAMES,
) -> list[Preview]:
    """Read what the page shows of one image.

    Parameters
    ----------
    image, labels : Image
        On one grid; ``labels`` has the axes of ``image`` without C.
    key : str
        Name of the image in the run.
    channel : int, str or None
        Channel that was segmented; ``None`` is the first.
    doubtful : sequence of Doubtful
        Those of this image, most doubtful first; their frames are among those shown.
    centres : ndarray of float, shape (n, 3)
        Frame, y, x of all objects; tells where the image is densest.
    max_frames : int
        Frames (or planes) of one image at most.

    Returns
    -------
    list of Preview
        The whole image at most 640 px wide or high, frame by frame, and where that is not full
        resolution, crops of 512 px: the densest part, and the surroundings of the most doubtful
        object.
    """
    plane = _Plane(image, labels, channel=channel, key=key)
    height, width = image.shape[-2:]
    step = max(1, -(-max(height, width) // MAX_SIDE_PX))
    wanted = [plane.index_of(d) for d in doubtful]
    chosen = spread(plane.length, at_most=max_frames, always=wanted[: max_frames // 2])
    whole = (0, 0, height, width)
    seen = plane.some_of(chosen, whole, step)
    limits = display_limits(np.concatenate([image.ravel() for image, _ in seen.values()]))
    previews = [
        plane.preview(i, whole, step=step, limits=limits, pixels=seen.get(i)) for i in chosen
    ]
    if step > 1:
        previews += _crops(plane, limits, doubtful, centres)
    return previews


def add_thumbnails(
    image: Image,
    labels: Image,
    doubtful: Sequence[Doubtful],
    *,
    key: str,
    channel: int | str | None,
    limits: tuple[float, float],
    side_px: int,
) -> list[Doubtful]:
    """Return the doubtful objects of one image with what surrounds each, at full resolution.

    Parameters
    ----------
    image, labels, key, channel
        As for `make_previews`.
    doubtful : sequence of Doubtful
    limits : tuple of float
        Values shown as black and white.
    side_px : int
        Side of the square to cut out; more than 144 px are shrunk.
    """
    plane = _Plane(image, labels, channel=channel, key=key)
    step = -(-side_px // _THUMBNAIL_PX)
    out = []
    for doubt in doubtful:
        box = _box_around(doubt.y, doubt.x, side_px, *image.shape[-2:])
        preview = plane.preview(plane.index_of(doubt), box, step=step, limits=limits)
        out.append(replace(doubt, thumbnail=preview.image, thumbnail_labels=preview.labels))
    return out


def _crops(
    plane: _Plane, limits: tuple[float, float], doubtful: Sequence[Doubtful], centres: FloatArray
) -> list[Preview]:
    shape = plane.image.shape[-2:]
    crops = []
    if len(centres):
        frame, y, x = _densest(centres)
        index = frame if plane.walk == "frame" else plane.length // 2
        box = _box_around(y, x, CROP_PX, *shape)
        crops.append(plane.preview(index, box, step=1, limits=limits, region="densest part"))
    if doubtful:
        first = doubtful[0]
        box = _box_around(first.y, first.x, CROP_PX, *shape)
        index, region = plane.index_of(first), "around the most doubtful object"
        crops.append(plane.preview(index, box, step=1, limits=limits, region=region))
    return crops


def _densest(centres: FloatArray) -> tuple[int, float, float]:
    """Return frame, y and x of the middle of the fullest cell of a grid of half a crop."""
    cells = np.floor(centres / np.array([1, CROP_PX // 2, CROP_PX // 2])).astype(np.int64)
    cell, row, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    inside = centres[row.ravel() == int(np.argmax(count))]
    return int(cell[np.argmax(count)][0]), float(inside[:, 1].mean()), float(inside[:, 2].mean())


def _box_around(y: float, x: float, side: int, height: int, width: int) -> Box:
    """Return y0, x0, y1, x1 of a square around a point, moved or cut to lie inside."""
    y0 = int(np.clip(round(y) - side // 2, 0, max(0, height - side)))
    x0 = int(np.clip(round(x) - side // 2, 0, max(0, width - side)))
    return y0, x0, min(height, y0 + side), min(width, x0 + side)


class _Plane:
    """Reads YX planes of an image and its labels along the axis that the slider walks."""

    def __init__(self, image: Image, labels: Image, *, channel: int | str | None, key: str) -> None:
        self.image, self.labels, self.key = image, labels, key
        by_time = image.size("T") > 1 or image.size("Z") == 1
        self.walk: Literal["frame", "plane"] = "frame" if by_time else "plane"
        self.length = image.size("T") if by_time else image.size("Z")
        self.fixed_plane = image.size("Z") // 2
        self.channel = _channel_index(image, channel)

    def index_of(self, doubt: Doubtful) -> int:
        return doubt.frame if self.walk == "frame" else doubt.plane

    def note(self) -> str:
        parts = []
        if self.walk == "frame" and self.image.size("Z") > 1:
            parts.append(f"Plane {self.fixed_plane} of 0–{self.image.size('Z') - 1} is shown.")
        if self.image.size("C") > 1:
            names = self.image.channels
            name = f" ({names[self.channel]})" if names else ""
            parts.append(f"Channel {self.channel}{name} is shown.")
        return " ".join(parts)

    def some_of(self, chosen: list[int], box: Box, step: int) -> dict[int, Pixels]:
        """Read up to three frames: they decide one window for the whole image."""
        some = dict.fromkeys([chosen[0], chosen[len(chosen) // 2], chosen[-1]])
        return {i: self.read(i, box, step) for i in some}

    def preview(
        self,
        index: int,
        box: Box,
        *,
        step: int,
        limits: tuple[float, float],
        region: str = "",
        pixels: Pixels | None = None,
    ) -> Preview:
        image, labels = pixels or self.read(index, box, step)
        return Preview(
            key=self.key,
            frame=index if self.walk == "frame" else 0,
            plane=index if self.walk == "plane" else None,
            image=to_grey(image, limits=limits),
            labels=labels,
            limits=limits,
            step=step,
            origin=box[:2],
            region=region,
            note=self.note(),
        )

    def read(self, index: int, box: Box, step: int) -> Pixels:
        """Read a box, band by band, so that an image of any size fits into memory."""
        rows = max(step, _BAND_ROWS // step * step)
        images, labels = [], []
        for y in range(box[0], box[2], rows):
            where = {"Y": slice(y, min(y + rows, box[2])), "X": slice(box[1], box[3])}
            where |= self._at(index)
            images.append(shrink_mean(_plain(self.image.read(C=self.channel, **where)), step=step))
            labels.append(shrink_labels(self.labels.read(**where), step=step))
        return np.concatenate(images), np.concatenate(labels)

    def _at(self, index: int) -> dict[str, Any]:
        return {"T": index, "Z": self.fixed_plane} if self.walk == "frame" else {"T": 0, "Z": index}


def _channel_index(image: Image, channel: int | str | None) -> int:
    if isinstance(channel, str) and channel in image.channels:
        return image.channels.index(channel)
    number = int(channel) if str(channel).isdigit() and channel is not None else 0
    return number if number < image.size("C") else 0


def _plain(image: NDArray[Any]) -> NDArray[Any]:
    """Return real numbers: complex and boolean images become float."""
    return image.real if image.dtype.kind == "c" else image
