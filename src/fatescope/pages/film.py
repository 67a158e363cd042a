"""Films for slides and messages: the same frames as MP4 and as GIF."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.movies import write_frames
from fatescope.base import InputError
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

GIF_PX = 900
"""Longer images are shrunk for the GIF, which stores each frame nearly whole."""
_GAP_PX, _LINE_PX = 4, 18  # between panes; height of a line of words
_INK = (235, 235, 235)  # nearly white, as the background is nearly black
_KBIT_S = 1500  # not measured


def side_by_side(
    panes: Sequence[NDArray[np.uint8]], titles: Sequence[str], *, note: str = ""
) -> NDArray[np.uint8]:
    """Put images of one size beside each other, each under its title.

    Images that are narrower than their titles are enlarged by a whole number, so that no title
    runs into the next.

    Parameters
    ----------
    panes : sequence of ndarray of uint8, shape (Y, X) or (Y, X, 3)
    titles : sequence of str
        One for each pane.
    note : str
        A line above the titles, such as the number of the plane.

    Returns
    -------
    ndarray of uint8, shape (Y * times + header, X * times of all, 3)
    """
    from PIL import Image as PillowImage
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default()
    longest = max(font.getlength(title) for title in titles)
    times = max(1, math.ceil((longest + 2 * _GAP_PX) / panes[0].shape[1]))
    height, width = (times * n for n in panes[0].shape[:2])
    header = _LINE_PX * (2 if note else 1)
    total = len(panes) * width + (len(panes) - 1) * _GAP_PX
    canvas = np.full((height + header, total, 3), 24, np.uint8)
    lefts = [i * (width + _GAP_PX) for i in range(len(panes))]
    for left, pane in zip(lefts, panes, strict=True):
        colour = pane if pane.ndim == 3 else np.repeat(pane[..., None], 3, axis=2)
        canvas[header:, left : left + width] = colour.repeat(times, axis=0).repeat(times, axis=1)
    image = PillowImage.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    if note:
        draw.text((_GAP_PX, 3), note, fill=_INK, font=font)
    for left, title in zip(lefts, titles, strict=True):
        draw.text((left + _GAP_PX, header - _LINE_PX + 3), title, fill=_INK, font=font)
    return np.asarray(image)


def write_film(
    path: Path, frames: Sequence[NDArray[np.uint8]], *, per_second: int = 6
) -> tuple[Path, Path]:
    """Write frames as ``path`` with the endings ``.mp4`` and ``.gif``.

    Parameters
    ----------
    path : Path
        Without an ending.
    frames : sequence of ndarray of uint8, shape (Y, X, 3)
        All of one size. Odd rows or columns are repeated once: films need even lengths.
    per_second : int

    Returns
    -------
    tuple of Path

    Raises
    ------
    InputError
        If there is no frame, or frames differ in size.
    """
    if not frames or len({f.shape for f in frames}) > 1:
        raise InputError(f"{path}: a film needs frames of one size; got {len(frames)} frames.")
    film, still = path.with_suffix(".mp4"), path.with_suffix(".gif")
    even = map(_even, frames)
    write_frames(film, even, frames_per_second=per_second, codec="h264", kbit_s=_KBIT_S)
    with write_beside(still) as part:
        _write_gif(part, frames, per_second)
    return film, still


def _even(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    odd = [(0, n % 2) for n in pixels.shape[:2]]
    return np.pad(pixels, [*odd, (0, 0)], mode="edge")


def _write_gif(path: Path, frames: Sequence[NDArray[np.uint8]], per_second: int) -> None:
    from PIL import Image as PillowImage

    height, width = frames[0].shape[:2]
    scale = min(1.0, GIF_PX / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    images = [
        PillowImage.fromarray(f).resize(size, PillowImage.Resampling.BOX).quantize(128)
        for f in frames
    ]
    images[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / per_second),
        loop=0,
    )
