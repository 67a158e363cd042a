"""One figure of a movie: its last frame, the outlines on it, the counts over time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fatescope.base import InputError
from fatescope.pages.chart import draw_file
from fatescope.pages.files import store_text
from fatescope.pages.images import jpeg_uri
from fatescope.pages.outlines import colour_of, outline_paths
from fatescope.pages.scale_bar import scale_bar
from fatescope.systems.nuclei.page.sections import count_chart

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from fatescope.systems.nuclei.page.values import NucleiReport

_PANEL, _GAP, _EDGE, _HEAD = 440, 24, 20, 46  # px
_STYLE = (
    ".head{font:600 20px 'Helvetica Neue',Arial,'Liberation Sans',sans-serif;fill:#182026}"
    ".outlines path{fill:none;stroke-width:2px;vector-effect:non-scaling-stroke}"
    ".scale rect{fill:#fff}.scale text{fill:#fff;text-anchor:middle;"
    "font-family:Arial,'Liberation Sans',sans-serif;dominant-baseline:central}"
)


def write_overview(path: str | os.PathLike[str], report: NucleiReport) -> Path:
    """Write `draw_overview` as an SVG file, complete or not at all."""
    from pathlib import Path

    return store_text(Path(path), draw_overview(report))


def draw_overview(report: NucleiReport) -> str:
    """Draw the last frame shown, its outlines, and the counts over time, side by side.

    Parameters
    ----------
    report : NucleiReport
        Its first movie is drawn, the largest square at its upper left corner.

    Returns
    -------
    str
        One ``<svg>`` element; the same report gives the same text.

    Raises
    ------
    InputError
        If the report shows no movie.
    """
    movie = next((i for i in report.images if len(i.counts) > 1), None)
    shown = [p for p in report.previews if movie and p.key == movie.key and not p.region]
    if movie is None or not shown:
        raise InputError("this report shows no movie. Give the output folder of one.")
    last = shown[-1]
    side = min(last.image.shape)
    uri = jpeg_uri(last.image[:side, :side], quality=85)
    image = f'<image href="{uri}" width="{side}" height="{side}"/>'
    um = None if movie.pixel_um is None else movie.pixel_um * last.step
    bar = scale_bar(side, side, um=um, step=last.step)
    paths = "".join(
        f'<path d="{path}" stroke="{colour_of(_track(report, last.key, last.frame, label))}"/>'
        for label, path in outline_paths(last.labels[:side, :side]).items()
    )
    traced = f'{image}<g class="outlines" transform="scale(.5)">{paths}</g>'
    chart = replace(
        count_chart(movie), width_px=_PANEL, height_px=_PANEL - 62, title="", caption=""
    )
    panels = (
        (f"frame {last.frame} of the movie", _fitted(image + bar, side)),
        (f"{int(movie.counts[last.frame])} nuclei outlined", _fitted(traced, side)),
        ("counted over time", f'<g transform="translate(0 -36)">{draw_file((chart,))}</g>'),
    )
    body = "".join(
        f'<g transform="translate({_EDGE + i * (_PANEL + _GAP)} {_HEAD})">'
        f'{panel}<text class="head" y="-14">{title}</text></g>'
        for i, (title, panel) in enumerate(panels)
    )
    width, height = 2 * _EDGE + 3 * _PANEL + 2 * _GAP, _HEAD + _PANEL + _EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}"><style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        f"{body}</svg>\n"
    )


def _track(report: NucleiReport, key: str, frame: int, label: int) -> int:
    """Return what decides the colour of a nucleus: its track, else its label."""
    return report.colours.get((key, frame, label), label)


def _fitted(body: str, side: int) -> str:
    return f'<svg viewBox="0 0 {side} {side}" width="{_PANEL}" height="{_PANEL}">{body}</svg>'
