"""A block of a page in a notebook: the chart or image of a report, with its mouse and keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from fatescope.base import InputError
from fatescope.pages.chart.draw import draw_file
from fatescope.pages.chart.values import Chart
from fatescope.pages.page.images import ImageViewer
from fatescope.pages.page.values import Drawing, Page, Section
from fatescope.pages.page.write import draw_first, render_page

if TYPE_CHECKING:
    from fatescope.pages.page.values import Block

_ROOM_PX = {Chart: 150, ImageViewer: 250}
"""What stands around a chart or an image: title, legend, buttons."""
_PANE_PX = 320
_BARE = (
    "<style>.page-head,section>h2{position:absolute;width:1px;height:1px;padding:0;overflow:hidden;"
    "clip-path:inset(50%)}footer{display:none}main{padding:.6rem 1rem}"
    "section{padding-top:0;margin-top:0}</style>"
)
"""A frame in another page needs no foot, and a head only for those who hear it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A block that draws itself where a notebook shows a value.

    A frame with the block as it stands on a page, for notebooks that run; beside it a drawing
    (SVG), for where scripts do not, such as a saved notebook on the web.

    Parameters
    ----------
    block : Block
    height_px : int
        Of the frame.
    """

    block: Block
    height_px: int

    def _repr_html_(self) -> str:
        page = bare_page(self.block).decode("utf-8")
        return (
            f'<iframe title="{escape(_title(self.block))}" width="100%" height="{self.height_px}" '
            'style="border:0" sandbox="allow-scripts allow-downloads" '
            f'srcdoc="{escape(page)}"></iframe>'
        )

    def _repr_svg_(self) -> str | None:
        match self.block:
            case Chart():
                return draw_file([self.block])
            case ImageViewer():
                return _panes(self.block)
            case Drawing():
                return self.block.svg
        return None


def show(block: Block, *, height_px: int | None = None) -> Shown:
    """Return a block of a page so that a notebook draws it: charts zoom, outlines answer clicks.

    Parameters
    ----------
    block : Block
        A chart, an image viewer, a drawing, a viewer of solids or tracks, a table, text.
    height_px : int, optional
        Of the frame that it is drawn in; default by what it holds.

    Returns
    -------
    Shown

    Raises
    ------
    InputError
        If ``height_px`` is less than 40.

    Examples
    --------
    >>> from fatescope.pages.chart import Axis, Chart, Line
    >>> line = Line(name="cells", x=[0, 20, 40], y=[2, 4, 8])
    >>> time, cells = Axis(title="time", unit="min"), Axis(title="number of cells")
    >>> show(Chart(title="Growth", x=time, y=cells, marks=[line])).height_px
    400
    """
    height = _height(block) if height_px is None else height_px
    if height < 40:
        raise InputError(f"height_px must be 40 or more; got {height_px}.")
    return Shown(block=block, height_px=height)


def bare_page(*blocks: Block) -> bytes:
    """Return a page of blocks alone, without head and foot, for a frame in another page."""
    title = _title(blocks[0])
    page = Page(title=title, sections=[Section(title=title, blocks=blocks)])
    return render_page(page).replace(b"</head>", f"{_BARE}</head>".encode(), 1)


def _height(block: Block) -> int:
    if isinstance(block, Chart):
        drawn = re.search(r'height="(\d+)"', draw_file([block], columns=2))
        inside = int(drawn[1]) - 114 if drawn else 250
        return max(inside, 250) + _ROOM_PX[Chart]
    if isinstance(block, ImageViewer):
        panes = block.views[0].frames[0].panes
        width = 900 / max(len(panes), 1)
        return int(max(width * p.height / p.width for p in panes)) + _ROOM_PX[ImageViewer]
    return 520


def _title(block: Block) -> str:
    return str(getattr(block, "title", "") or type(block).__name__)


def _panes(viewer: ImageViewer) -> str:
    """Return the frame that the first view opens at, its panes side by side."""
    view = viewer.views[0]
    drawn, shown = list(draw_first(view)), view.frames[view.opening].panes
    wide = sum(p.width for p in shown)
    scale = _PANE_PX * len(drawn) / wide
    parts, left, tall = [], 0.0, 0.0
    for pane, svg in zip(shown, drawn, strict=True):
        width, height = pane.width * scale, pane.height * scale
        parts.append(
            f'<text x="{left + 2:.0f}" y="14" font-family="sans-serif" font-size="12">'
            f"{escape(pane.title)}</text>"
            + svg.replace(
                "<svg ", f'<svg x="{left:.0f}" y="20" width="{width:.0f}" height="{height:.0f}" ', 1
            )
        )
        left, tall = left + width + 8, max(tall, height + 20)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left:.0f}" height="{tall:.0f}" '
        f'viewBox="0 0 {left:.0f} {tall:.0f}" role="img" aria-label="{escape(view.title)}">'
        "<style>path{fill:none;stroke-width:2}.scale{fill:#fff;font-family:sans-serif}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
