"""The film of a training: what is right and wrong in an image, and its precision-recall curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.evaluate import PixelCounts, score_classes
from fatescope.evaluate.pixel_classes import precision_recall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours of right pixels, and of wrong ones by their class."""

    name: str
    right: Colour
    live: Colour
    dead: Colour
    words: str


PUBLISHED = Palette(
    name="published",
    right=(0, 200, 0),
    live=(70, 110, 255),
    dead=(255, 40, 40),
    words="green: right; blue: wrong about live (DAPI); red: wrong about dead (Cy5)",
)
TWIN = Palette(
    name="colour-blind-safe",
    right=(86, 180, 233),
    live=(240, 228, 66),
    dead=(213, 94, 0),
    words="blue: right; yellow: wrong about live (DAPI); vermilion: wrong about dead (Cy5)",
)
PALETTES = (PUBLISHED, TWIN)
_LIVE, _DEAD = 1, 2  # classes
_OPAQUE = 0.7  # of a colour over the image
_MARGIN, _FOOT = 34, 18  # px
_PAPER, _INK, _FAINT = 24, (235, 235, 235), (90, 90, 90)  # grey values


def overlay(
    grey: NDArray[np.uint8], truth: NDArray[np.uint8], maps: NDArray[np.uint8], palette: Palette
) -> NDArray[np.uint8]:
    """Colour the pixels of nuclei: right ones, and for each class those missed or made up.

    Parameters
    ----------
    grey, truth : ndarray of uint8, shape (Y, X)
        Classes 0 background, 1 live, 2 dead; others are unknown and stay grey.
    maps : ndarray of uint8, shape (3, Y, X)
    palette : Palette

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
        A pixel that is wrong about both classes has the colour of the dead ones.
    """
    said, known = maps.argmax(axis=0), truth < len(maps)
    out = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
    right = known & (truth == said) & (truth > 0)
    wrong = {k: known & ((truth == k) != (said == k)) for k in (_LIVE, _DEAD)}
    for where, colour in (
        (right, palette.right),
        (wrong[_LIVE], palette.live),
        (wrong[_DEAD], palette.dead),
    ):
        out[where] = (1 - _OPAQUE) * out[where] + _OPAQUE * np.array(colour, np.float32)
    return np.asarray(np.rint(out), np.uint8)


def film_frames(
    grey: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    maps: Sequence[NDArray[np.uint8]],
    rates: Sequence[float],
    palette: Palette,
    *,
    zoom: int = 2,
) -> list[NDArray[np.uint8]]:
    """Return a frame for each epoch: the image, and the curves of this epoch over those before."""
    counts = [PixelCounts.of_plane(m, truth) for m in maps]
    frames = []
    for i, (drawn, rate) in enumerate(zip(maps, rates, strict=True)):
        shown = overlay(grey, truth, drawn, palette).repeat(zoom, 0).repeat(zoom, 1)
        chart = _chart(counts[: i + 1], len(shown), palette)
        frames.append(_labelled(shown, chart, f"epoch {i + 1}   rate {rate:.3g}", palette))
    return frames


def _labelled(
    shown: NDArray[np.uint8], chart: NDArray[np.uint8], corner: str, palette: Palette
) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    canvas = np.full((len(shown) + _FOOT, shown.shape[1] + chart.shape[1], 3), _PAPER, np.uint8)
    canvas[: len(shown), : shown.shape[1]] = shown
    canvas[: len(shown), shown.shape[1] :] = chart
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 10 + draw.textlength(corner), 17), fill=(_PAPER,) * 3)
    draw.text((5, 3), corner, fill=_INK)
    draw.text((5, len(shown) + 3), palette.words, fill=_INK)
    return np.asarray(image)


def _chart(counts: Sequence[PixelCounts], side: int, palette: Palette) -> NDArray[np.uint8]:
    """Draw precision over recall: earlier epochs faint, the last one with its area."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (side, side), (_PAPER,) * 3)
    draw = ImageDraw.Draw(image)
    inner = side - 2 * _MARGIN
    draw.rectangle((_MARGIN, _MARGIN, _MARGIN + inner, _MARGIN + inner), outline=_FAINT)
    for k, colour, name in ((_LIVE, palette.live, "live"), (_DEAD, palette.dead, "dead")):
        faint: Colour = (colour[0] // 2, colour[1] // 2, colour[2] // 2)
        for count in counts[:-1]:
            _draw_curve(draw, count, k, inner, faint, width=1)
        _draw_curve(draw, counts[-1], k, inner, colour, width=3)
        area = score_classes(counts[-1]).auprc[k]
        draw.text((_MARGIN + 8 + (k - 1) * inner // 2, 12), f"{name}: area {area:.3f}", fill=colour)
    draw.text((_MARGIN + inner // 2 - 16, side - 22), "recall", fill=_INK)
    words = Image.new("RGB", (round(draw.textlength("precision")), 12), (_PAPER,) * 3)
    ImageDraw.Draw(words).text((0, 0), "precision", fill=_INK)
    image.paste(words.rotate(90, expand=True), (2, _MARGIN + (inner - words.width) // 2))
    for value in (0, 1):
        draw.text((_MARGIN + value * inner - 3, _MARGIN + inner + 3), str(value), fill=_INK)
        draw.text((_MARGIN - 12, _MARGIN + (1 - value) * inner - 6), str(value), fill=_INK)
    return np.asarray(image)


def _draw_curve(
    draw: Any, counts: PixelCounts, k: int, inner: int, colour: Colour, *, width: int
) -> None:
    precision, recall = precision_recall(counts.values[k])
    known = np.isfinite(precision) & np.isfinite(recall)
    x = _MARGIN + recall[known] * inner
    y = _MARGIN + (1 - precision[known]) * inner
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    if len(points) > 1:
        draw.line(points, fill=colour, width=width)
