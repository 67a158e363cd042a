"""One image that tells a run: the input, the outlines, the counts over time."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError
from fatescope.report.outlines import PALETTE, colour_of, outline_polygons
from fatescope.report.chart import nice_step, nice_ticks, number
from fatescope.storage import write_beside

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from fatescope.report.values import ImageSummary, NucleiReport, Preview

_PANEL, _GAP, _EDGE, _HEAD = 440, 24, 20, 54
_FINE = 3
_INK, _MUTED, _LINE, _ACCENT = "#182026", "#55616a", "#dde2e5", "#00666b"
_N_GREYS = 64


def write_story(path: str | os.PathLike[str], report: NucleiReport) -> Path:
    """Write `draw_story` as a PNG file, complete or not at all."""
    from pathlib import Path

    target = Path(path)
    with write_beside(target) as part:
        part.write_bytes(draw_story(report))
    return target


def draw_story(report: NucleiReport) -> bytes:
    """Draw the last frame shown, its outlines, and the counts over time, side by side.

    Parameters
    ----------
    report : NucleiReport
        Its first movie is drawn.

    Returns
    -------
    bytes
        A PNG of 256 colours, 1408 px wide; the same report gives the same bytes.

    Raises
    ------
    InputError
        If the report shows no movie.
    """
    from PIL import Image as PillowImage

    movie = next((i for i in report.images if len(i.counts) > 1), None)
    shown = [p for p in report.previews if movie and p.key == movie.key and not p.region]
    if movie is None or not shown:
        raise InputError("this report shows no movie. Give the output folder of one.")
    last = shown[-1]
    canvas = PillowImage.new(
        "RGB", (2 * _EDGE + 3 * _PANEL + 2 * _GAP, _PANEL + _HEAD + _EDGE), "white"
    )
    side = min(last.picture.shape)
    panels = (
        (_picture(last, side), f"frame {last.frame} of the movie"),
        (_outlined(last, side, report), f"{int(movie.counts[last.frame])} nuclei outlined"),
        (_chart(movie), "counted over time"),
    )
    for i, (panel, title) in enumerate(panels):
        x = _EDGE + i * (_PANEL + _GAP)
        canvas.paste(panel, (x, _HEAD))
        _write(canvas, (x, 16), title, size=23, fill=_INK)
    _scale_bar(canvas, last, movie, side)
    buffer = io.BytesIO()
    few = canvas.quantize(palette=_palette(), dither=PillowImage.Dither.NONE)
    # The search for the nearest colour is coarse; paper is to stay white.
    few.paste(_N_GREYS - 1, mask=PillowImage.fromarray((np.asarray(canvas) == 255).all(axis=2)))
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _palette() -> Any:
    """Return greys, and for each colour of an outline its mixtures with grey values."""
    from PIL import Image as PillowImage
    from PIL import ImageColor

    greys = np.linspace(0, 255, _N_GREYS)
    colours = [np.array(ImageColor.getrgb(c), dtype=float) for c in (*PALETTE, _ACCENT)]
    each = (256 - _N_GREYS) // len(colours)
    mixed = [
        colour * share + ground * (1 - share)
        for colour in colours
        for ground, n in (
            (0.0, each // 2),
            (110.0, each // 4),
            (255.0, each - each // 2 - each // 4),
        )
        for share in np.linspace(1, 0, n, endpoint=False)
    ]
    rows = np.rint(np.concatenate([np.repeat(greys[:, None], 3, axis=1), np.array(mixed)]))
    image = PillowImage.new("P", (1, 1))
    image.putpalette(rows.astype(np.uint8).ravel().tolist())
    return image


def _picture(preview: Preview, side: int) -> Any:
    from PIL import Image as PillowImage

    square = PillowImage.fromarray(preview.picture[:side, :side])
    return square.resize((_PANEL, _PANEL), PillowImage.Resampling.BICUBIC).convert("RGB")


def _outlined(preview: Preview, side: int, report: NucleiReport) -> Any:
    """Draw outlines three times as large and shrink them, so that lines are smooth."""
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    picture = _picture(preview, side)
    large = picture.resize((_PANEL * _FINE, _PANEL * _FINE), PillowImage.Resampling.BILINEAR)
    draw = ImageDraw.Draw(large)
    scale = _PANEL * _FINE / side / 2
    for label, polygons in outline_polygons(preview.labels[:side, :side]).items():
        track = report.colours.get((preview.key, preview.frame, label), label)
        for points in polygons:
            closed = [(x * scale, y * scale) for x, y in [*points, points[0]]]
            draw.line(closed, fill=colour_of(track), width=2 * _FINE, joint="curve")
    return large.resize((_PANEL, _PANEL), PillowImage.Resampling.LANCZOS)


def _chart(movie: ImageSummary) -> Any:
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    panel = PillowImage.new("RGB", (_PANEL * _FINE, _PANEL * _FINE), "white")
    draw = ImageDraw.Draw(panel)
    step = movie.interval_min
    x = np.arange(len(movie.counts)) * (step or 1.0)
    x_ticks, y_ticks = (
        nice_ticks(0, float(x[-1]), n=5),
        nice_ticks(0, float(movie.counts.max()), n=5),
    )
    left, top, right, bottom = (v * _FINE for v in (58, 12, _PANEL - 10, _PANEL - 60))
    points = [
        (
            left + a / x_ticks[-1] * (right - left),
            bottom - b / y_ticks[-1] * (bottom - top),
        )
        for a, b in zip(x.tolist(), movie.counts.tolist(), strict=True)
    ]
    for tick in y_ticks:
        at = bottom - tick / y_ticks[-1] * (bottom - top)
        draw.line([(left, at), (right, at)], fill=_LINE, width=_FINE)
    draw.line(points, fill=_ACCENT, width=3 * _FINE, joint="curve")
    for px, py in points:
        r = 5 * _FINE
        draw.ellipse([px - r, py - r, px + r, py + r], fill=_ACCENT)
    small = panel.resize((_PANEL, _PANEL), PillowImage.Resampling.LANCZOS)
    for tick in y_ticks:
        at = (bottom - tick / y_ticks[-1] * (bottom - top)) / _FINE
        _write(small, (49, round(at)), number(tick), size=18, fill=_MUTED, anchor="rm")
    for tick in x_ticks:
        at = (left + tick / x_ticks[-1] * (right - left)) / _FINE
        _write(small, (round(at), _PANEL - 53), number(tick), size=18, fill=_MUTED, anchor="ma")
    _write(
        small,
        (round((left + right) / 2 / _FINE), _PANEL - 26),
        "time (min)" if step else "frame",
        size=18,
        fill=_INK,
        anchor="ma",
    )
    return small


def _scale_bar(canvas: Any, preview: Preview, movie: ImageSummary, side: int) -> None:
    from PIL import ImageDraw

    unit = (movie.pixel_um or 1.0) * preview.step
    length = nice_step(side * unit / 8)
    width = round(length / unit / side * _PANEL)
    right, y = _EDGE + _PANEL - 18, _HEAD + _PANEL - 18
    text = f"{number(length)} {'µm' if movie.pixel_um else 'px'}"
    draw = ImageDraw.Draw(canvas)
    draw.rectangle([right - width, y - 5, right, y], fill="white")
    _write(canvas, (right - width // 2, y - 12), text, size=18, fill="white", anchor="mb", edge=2)


def _write(
    canvas: Any,
    at: tuple[int, int],
    text: str,
    *,
    size: int,
    fill: str,
    anchor: str = "la",
    edge: int = 0,
) -> None:
    """Write with the font that comes with Pillow, which is the same everywhere."""
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(canvas)
    # That font has no µ: it is a u with a tail.
    plain = text.replace("\u202f", " ").replace("µ", "u")
    draw.text(
        at, plain, font=font, fill=fill, anchor=anchor, stroke_width=edge, stroke_fill="black"
    )
    if "µ" in text:
        left, _, _, bottom = draw.textbbox(at, plain, font=font, anchor=anchor)
        x = left + font.getlength(plain[: text.index("µ")]) + size / 11
        draw.line([(x, bottom - size / 4), (x, bottom + size / 5)], fill=fill, width=2)
