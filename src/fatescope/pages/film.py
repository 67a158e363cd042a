"""Films for slides and messages: the same frames as MP4 and as GIF."""

from __future__ import annotations

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
_GAP_PX = 4
_HEADER_PX = 18
_KBIT_S = 1500


def side_by_side(
    panes: Sequence[NDArray[np.uint8]], titles: Sequence[str], *, note: str = ""
) -> NDArray[np.uint8]:
    """Put images of one size beside each other, each under its title.

    Parameters
    ----------
    panes : sequence of ndarray of uint8, shape (Y, X) or (Y, X, 3)
    titles : sequence of str
        One for each pane.
    note : str
        Added to the first title, such as the number of the plane.

    Returns
    -------
    ndarray of uint8, shape (Y + header, X of all, 3)
    """
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    height, width = panes[0].shape[:2]
    total = len(panes) * width + (len(panes) - 1) * _GAP_PX
    canvas = np.full((height + _HEADER_PX, total, 3), 24, np.uint8)
    for i, pane in enumerate(panes):
        left = i * (width + _GAP_PX)
        colour = pane if pane.ndim == 3 else np.repeat(pane[..., None], 3, axis=2)
        canvas[_HEADER_PX:, left : left + width] = colour
    image = PillowImage.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    for i, title in enumerate(titles):
        words = f"{title}  {note}" if i == 0 and note else title
        draw.text((i * (width + _GAP_PX) + 4, 3), words, fill=(235, 235, 235))
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
