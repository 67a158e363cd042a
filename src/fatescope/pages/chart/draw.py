"""Draw a chart as SVG: for a page, whose script lays it out again, or as a file that stands alone.

The marks lie in an ``svg.plot`` of their own, in pixels of the first layout. The page's script
stretches that element and moves its view box, so strokes and points keep their width at any size
and any zoom; ticks and words lie outside and are written again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from fatescope.pages.chart.colours import ColourScale, category_colours
from fatescope.pages.chart.labels import free_row, place_labels
from fatescope.pages.chart.marks import colour_scale, draw_mark, mark_name, point_places
from fatescope.pages.chart.scales import Scale, scales_of
from fatescope.pages.chart.values import Guide, HeatMap, Line, Points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.pages.chart.values import Chart

_HEIGHT, _ROW = 250.0, 20.0
_RIGHT, _TOP, _BOTTOM, _LETTER = 16.0, 14.0, 48.0, 7.0
_TALLEST = 900.0
ACCENT = "#00666b"
"""The colour of a single series that has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where the plot lies within a drawing of ``width`` and ``height``, in pixels."""

    x: Scale
    y: Scale
    left: float
    bottom: float
    plot_width: float
    plot_height: float

    @property
    def width(self) -> float:
        return self.left + self.plot_width + _RIGHT

    @property
    def height(self) -> float:
        return _TOP + self.plot_height + self.bottom


def draw_plot(chart: Chart) -> str:
    """Return a chart as one ``<svg>`` element without its title and its legend.

    The page has both as text; `legend_of` says what the legend holds.
    """
    layout = _laid_out(chart)
    return _svg(_inside(chart, layout), layout.width, layout.height, chart.title)


def draw_file(charts: Sequence[Chart], *, note: str = "", columns: int = 1) -> str:
    """Return charts as an SVG file that stands alone, with titles, legends and style.

    Parameters
    ----------
    charts : sequence of Chart
    note : str
        One line at the top.
    columns : int
        Charts in a row; with more than one the titles say what the colours mean, there is no
        legend.
    """
    top = 20.0 if note else 0.0
    body = [f'<text class="small" x="16" y="18">{escape(note)}</text>'] if note else []
    width = 32 + 6.2 * len(note)
    for first in range(0, len(charts), columns):
        left, tallest = 0.0, 0.0
        for chart in charts[first : first + columns]:
            drawn, wide, tall = _with_title(chart, has_legend=columns == 1)
            body.append(f'<g transform="translate({left:.1f} {top:.1f})">{drawn}</g>')
            left, tallest = left + wide, max(tallest, tall)
        width, top = max(width, left), top + tallest + 10
    paper = f'<style>{chart_style()}</style><rect width="100%" height="100%" fill="#fff"/>'
    title = ", ".join(dict.fromkeys(c.title for c in charts))
    return _svg(paper + "".join(body), width, top, title) + "\n"


def _with_title(chart: Chart, *, has_legend: bool) -> tuple[str, float, float]:
    """Return a chart under its title and beside its legend, its width and its height."""
    layout = _laid_out(chart)
    words = [f'<text class="title" x="16" y="24">{escape(chart.title)}</text>']
    keys = legend_of(chart) if has_legend else []
    keys = keys if len(keys) > 1 else []
    head, x = 36.0, layout.width + 6
    caption = chart.caption if has_legend else ""
    if caption:
        words.append(f'<text class="small" x="16" y="42">{escape(caption)}</text>')
        head = 50.0
    for k, (name, colour) in enumerate(keys):
        y = head + _TOP + 12 + 18 * k
        words.append(
            f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="12" height="11" fill="{colour}"/>'
            f'<text x="{x + 18:.1f}" y="{y:.1f}">{escape(name)}</text>'
        )
    ramps = [colour_scale(m) for m in chart.marks if isinstance(m, HeatMap)]
    words += [_colour_bar(scale, x, head + _TOP) for scale in ramps]
    room = 30 + _LETTER * max(len(n) for n, _ in keys) if keys else 150.0 * bool(ramps)
    words.append(f'<g transform="translate(0 {head:.0f})">{_inside(chart, layout)}</g>')
    wide = layout.width + room
    if has_legend:
        wide = max(wide, 32 + 8.6 * len(chart.title), 32 + 5.8 * len(caption))
    return "".join(words), wide, head + max(layout.height, _TOP + 20 + 18 * len(keys))


def chart_style() -> str:
    """Return the style sheet of charts, the same in pages and in files."""
    return files("fatescope.pages.chart").joinpath("chart.css").read_text("utf-8")


def legend_of(chart: Chart) -> list[tuple[str, str]]:
    """Return the names of a chart's marks and their colours, each once, in order."""
    named = colours_of(chart)
    return [(n, named[n]) for n in named if n]


def colours_of(chart: Chart) -> dict[str, str]:
    """Return the colour of each name: its own, else the next one of Okabe and Ito."""
    names = [mark_name(m) for m in chart.marks if not isinstance(m, Guide | HeatMap)]
    alone = len(set(names)) == 1
    found = dict.fromkeys(names, ACCENT) if alone else category_colours(list(dict.fromkeys(names)))
    for mark in chart.marks:
        if not isinstance(mark, Guide | HeatMap) and mark.colour:
            found[mark.name] = mark.colour
    return found


def axes_json(chart: Chart) -> str:
    """Return what the page's script must know to write ticks again."""
    layout = _laid_out(chart)
    sides = {
        side: {"scale": s.axis.scale, "ends": [s.low, s.high], "labels": list(s.axis.labels)}
        for side, s in (("x", layout.x), ("y", layout.y))
    }
    edges = {"left": layout.left, "right": _RIGHT, "top": _TOP, "bottom": layout.bottom}
    return json.dumps({**sides, **edges, "proportion": chart.proportion}, ensure_ascii=False)


def _laid_out(chart: Chart) -> _Layout:
    x, y = scales_of(chart)
    rows = len(chart.y.labels)
    height = float(chart.height_px or (max(rows * _ROW, 60.0) if rows else _HEIGHT))
    longest = max([len(words) for _, words in y.ticks(5)], default=1)
    left = 34 + _LETTER * max(longest, 2)
    bottom = _BOTTOM
    width = chart.width_px - left - _RIGHT
    if _is_crowded(chart, width):
        bottom += _LETTER * max(map(len, chart.x.labels)) - 10
    if chart.proportion == "equal":
        x, y, height = _equal(x, y, width)
    return _Layout(x=x, y=y, left=left, bottom=bottom, plot_width=width, plot_height=height)


def _equal(x: Scale, y: Scale, width: float) -> tuple[Scale, Scale, float]:
    """Return axes of one unit, and the height that it asks for, up to the tallest."""
    unit = (x.high - x.low) / width
    height = (y.high - y.low) / unit
    if height > _TALLEST:
        unit, height = (y.high - y.low) / _TALLEST, _TALLEST
        middle, half = (x.low + x.high) / 2, width * unit / 2
        x = Scale(axis=x.axis, low=middle - half, high=middle + half)
    return x, y, height


def _is_crowded(chart: Chart, width: float) -> bool:
    """Whether the names along x must stand upright."""
    letters = sum(len(words) + 1 for words in chart.x.labels)
    return letters * _LETTER > width


def _inside(chart: Chart, layout: _Layout) -> str:
    colours = colours_of(chart)
    size = layout.plot_width, layout.plot_height
    marks = "".join(
        f'<g data-name="{escape(mark_name(mark))}">'
        f"{draw_mark(mark, layout.x, layout.y, size, colours.get(mark_name(mark), ACCENT))}</g>"
        for mark in chart.marks
    )
    width, height = (f"{v:.1f}" for v in size)
    return (
        f'<g class="axes">{_axes(chart, layout)}</g>'
        f'<svg class="plot" x="{layout.left:.1f}" y="{_TOP}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" preserveAspectRatio="none" overflow="visible">'
        f"{marks}</svg>"
        f'<g class="written">{_written(chart, layout)}</g>'
    )


def _axes(chart: Chart, layout: _Layout) -> str:
    width, height = layout.plot_width, layout.plot_height
    left, bottom = layout.left, _TOP + height
    parts = []
    if not any(isinstance(m, HeatMap) for m in chart.marks):
        parts += [
            f'<path class="grid" d="M{left:.1f},{bottom - s * height:.1f}h{width:.1f}"/>'
            for s, _ in layout.y.ticks(_n_ticks(height, 50))
        ]
    parts += [
        f'<text x="{left - 8:.1f}" y="{bottom - s * height + 4:.1f}" text-anchor="end">'
        f"{escape(words)}</text>"
        for s, words in layout.y.ticks(_n_ticks(height, 50))
    ]
    upright = _is_crowded(chart, width)
    for share, words in layout.x.ticks(_n_ticks(width, 80)):
        at = left + share * width
        place = (
            f'transform="translate({at + 4:.1f} {bottom + 8:.1f}) rotate(-90)" text-anchor="end"'
            if upright
            else f'x="{at:.1f}" y="{bottom + 19:.1f}" text-anchor="middle"'
        )
        parts.append(f'<path class="tick" d="M{at:.1f},{bottom:.1f}v5"/>')
        parts.append(f"<text {place}>{escape(words)}</text>")
    middle, low = _TOP + height / 2, layout.height - 8
    parts += [
        f'<path class="base" d="M{left:.1f},{bottom:.1f}h{width:.1f}"/>',
        f'<text class="axis" x="{left + width / 2:.1f}" y="{low:.1f}" text-anchor="middle">'
        f"{escape(chart.x.words)}</text>",
        f'<text class="axis" transform="translate(14 {middle:.1f}) rotate(-90)" '
        f'text-anchor="middle">{escape(chart.y.words)}</text>',
    ]
    return "".join(parts)


def _n_ticks(length: float, apart: float) -> int:
    return max(3, round(length / apart))


def _written(chart: Chart, layout: _Layout) -> str:
    """Write the words beside points and along guides; ``data-at`` is their place in the plot."""
    size = layout.plot_width, layout.plot_height
    parts = _guide_words(chart, layout)
    places, words = [], []
    for mark in chart.marks:
        if isinstance(mark, Points) and mark.written:
            for place, word in zip(
                point_places(mark, layout.x, layout.y, size), mark.written, strict=True
            ):
                if word and place is not None:
                    places.append(place)
                    words.append(word)
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in places]
    labels = place_labels(places, words, within=(0, 0, *size), taken=taken)
    return "".join([*parts, *(label.draw(layout.left, _TOP) for label in labels)])


def _guide_words(chart: Chart, layout: _Layout) -> list[str]:
    """Write the words of guides; those of horizontal ones where nothing else is, if they can."""
    size = layout.plot_width, layout.plot_height
    drawn = [m for m in chart.marks if isinstance(m, Line | Points)]
    places = [p for m in drawn for p in point_places(m, layout.x, layout.y, size) if p is not None]
    taken = [(x - 1, y - 1, x + 1, y + 1) for x, y in places]
    written = []
    guides = [m for m in chart.marks if isinstance(m, Guide) and m.words]
    for guide in sorted(guides, key=lambda g: -g.at):  # from above, where there is room
        if guide.axis == "x":
            share = float(layout.x.shares(guide.at))
            x, y, dx, dy = share * size[0], 0.0, (-5 if share > 0.7 else 5), 10.0
        else:
            share, dx = 1.0, -4
            x, y = size[0], (1 - float(layout.y.shares(guide.at))) * size[1]
            dy, box = free_row((x + dx, y), guide.words, taken=taken)
            taken.append(box)
        anchor = "end" if share > 0.7 else "start"
        written.append(
            f'<text class="guide" data-at="{x:.1f} {y:.1f} {dx} {dy:.0f}" '
            f'x="{layout.left + x + dx:.1f}" y="{_TOP + y + dy:.1f}" '
            f'text-anchor="{anchor}">{escape(guide.words)}</text>'
        )
    return written


def _colour_bar(scale: ColourScale, x: float, y: float) -> str:
    stops = "".join(
        f'<rect x="{x:.1f}" y="{y + 8 * i:.1f}" width="14" height="8.5" fill="{colour}"/>'
        for i, colour in enumerate(reversed(scale.stops))
    )
    ends = ((scale.high, 8.0), (scale.low, 8.0 * len(scale.stops)))
    words = "".join(
        f'<text x="{x + 20:.1f}" y="{y + at:.1f}">{value:.3g}</text>' for value, at in ends
    )
    return f'{stops}{words}<text x="{x:.1f}" y="{y - 6:.1f}">{escape(scale.label)}</text>'


def _svg(body: str, width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}">{body}</svg>'
    )
