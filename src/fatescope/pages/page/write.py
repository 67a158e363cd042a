"""Write a page: one HTML file that needs nothing beside itself."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fatescope.pages.chart.draw import axes_json, chart_style, draw_plot, legend_of
from fatescope.pages.chart.marks import colour_scale
from fatescope.pages.chart.numbers import chart_rows, csv_text
from fatescope.pages.chart.values import Chart, HeatMap
from fatescope.pages.page.images import ImageViewer, shorten
from fatescope.pages.page.kicks import KicksBoard, kicks_data
from fatescope.pages.page.solid import SolidViewer, solid_data
from fatescope.pages.page.space import SpaceViewer, space_data
from fatescope.pages.page.text import cell_text
from fatescope.pages.page.values import Beside, Section
from fatescope.pages.scale_bar import scale_bar
from fatescope.storage import write_beside

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from jinja2 import Template

    from fatescope.pages.page.images import View
    from fatescope.pages.page.values import Block, Page

LIMIT_BYTES = 20_000_000
"""The largest page, in bytes (CONTRACT, the output folder)."""
_SPARE = 100_000  # bytes, for the notes of what is left out
_DOUBT = ' class="doubt"'


def write_page(path: str | os.PathLike[str], page: Page) -> Path:
    """Write a page, complete or not at all, and return its path.

    Parameters
    ----------
    path : path-like
        Of the HTML file.
    page : Page
        Images that do not fit into 20 MB are left out, and the page says so.
    """
    target = Path(path)
    with write_beside(target) as part:
        part.write_bytes(render_page(page))
    return target


def render_page(page: Page) -> bytes:
    """Return the page as UTF-8; the same page gives the same bytes."""
    text = _render(page)
    excess = len(text) - LIMIT_BYTES
    return text if excess <= 0 else _render(_shortened(page, excess + _SPARE))


def _shortened(page: Page, excess: int) -> Page:
    """Return the page less the images that are too many, from its end on."""
    sections: list[Section] = []
    for section in reversed(page.sections):
        blocks: list[Block] = []
        for block in reversed(section.blocks):
            kept = block
            if isinstance(block, ImageViewer) and excess > 0:
                kept, freed = shorten(block, excess)
                excess -= freed
            blocks.insert(0, kept)
        sections.insert(0, replace(section, blocks=blocks))
    return replace(page, sections=sections)


def _render(page: Page) -> bytes:
    from markupsafe import Markup

    blocks = [b for section in page.sections for b in _flat(section.blocks)]
    script = _script(blocks)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    numbers = {id(block): i for i, block in enumerate(blocks)}
    values = {
        "page": page,
        "anchors": _anchors(page),
        "number_of": lambda block: numbers[id(block)],
        "script": Markup(script),
        "script_hash": f"sha256-{digest}",
        "style": Markup(asset("page.css") + chart_style()),
    }
    return _template().render(values).lstrip().encode("utf-8")


@cache
def _template() -> Template:
    """Return the template of pages; compiling it takes longer than filling it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("fatescope.pages.page", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "kind_of": lambda block: type(block).__name__,
        "cell_text": cell_text,
        "chart": _chart_parts,
        "viewer": _viewer_parts,
        "solid": lambda block: Markup(_json(solid_data(block))),
        "kicks": lambda block: Markup(_json(kicks_data(block))),
        "space": lambda block: Markup(_json(space_data(block))),
        "safe": Markup,
        "whole_units": lambda words: re.sub(r"(?<=\d) (?=[%µ])", "\u00a0", words),
        "quote": quote,
    }
    return environment.get_template("page.html.j2")


def _flat(blocks: Any) -> Iterator[Block]:
    for block in blocks:
        yield from _flat(block.blocks) if isinstance(block, Beside) else (block,)


def _script(blocks: list[Block]) -> str:
    """Return the scripts that the blocks of a page need, as one."""
    needed = {"page.js": True}
    needed["linked.js"] = any(isinstance(b, Chart | SolidViewer) for b in blocks)
    needed["chart.js"] = any(isinstance(b, Chart) for b in blocks)
    needed["viewer.js"] = any(isinstance(b, ImageViewer) for b in blocks)
    needed["solid.js"] = any(isinstance(b, SolidViewer) for b in blocks)
    needed["space.js"] = any(isinstance(b, SpaceViewer) for b in blocks)
    needed["kicks.js"] = any(isinstance(b, KicksBoard) for b in blocks)
    return "\n".join(asset(name) for name, is_needed in needed.items() if is_needed)


def _anchors(page: Page) -> list[str]:
    """Return an id for each section: its title in letters, digits and hyphens, none twice."""
    found: list[str] = []
    for section in page.sections:
        plain = re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") or "section"
        found.append(plain if plain not in found else f"{plain}-{len(found)}")
    return found


def _chart_parts(chart: Chart) -> dict[str, Any]:
    from markupsafe import Markup

    maps = [colour_scale(m) for m in chart.marks if isinstance(m, HeatMap)]
    name = re.sub(r"[^A-Za-z0-9]+", "-", chart.title).strip("-").lower()[:60]
    return {
        "svg": Markup(draw_plot(chart)),
        "axes": axes_json(chart),
        "legend": legend_of(chart) if len(legend_of(chart)) > 1 else [],
        "colours": [
            {
                "label": scale.label,
                "low": f"{scale.low:.3g}",
                "high": f"{scale.high:.3g}",
                "stops": ",".join(scale.stops),
            }
            for scale in maps
        ],
        "csv": quote(csv_text(chart)),
        "fields": " ".join(chart_rows(chart)[0]),
        "file": f"{name or 'chart'}.csv",
    }


def _viewer_parts(viewer: ImageViewer) -> dict[str, Any]:
    from markupsafe import Markup

    first = viewer.views[0]
    views = [_view_data(view) for view in viewer.views]
    for pane in views[0]["frames"][first.opening][
        "panes"
    ]:  # what stands in the page is not stored twice
        pane["image"] = ""
        pane["outlines"] = [[*o[:6], ""] for o in pane["outlines"]]
    data = {"views": views, "noun": viewer.noun, "layers": dict(viewer.layers or {})}
    return {
        "data": Markup(_json(data)),
        "first": [Markup(svg) for svg in draw_first(first)],
        "walks": any(len(view.frames) > 1 for view in viewer.views),
    }


def _view_data(view: View) -> dict[str, Any]:
    return {
        "title": view.title,
        "walk": view.walk,
        "length": view.length if view.length is not None else len(view.frames),
        "base": view.first,
        "opens": view.opening,
        "interval": view.interval_min,
        "um": view.um,
        "step": view.step,
        "black": view.black,
        "white": view.white,
        "about": view.about,
        "frames": [
            {
                "index": frame.index,
                "words": frame.words,
                "panes": [
                    {
                        "title": pane.title,
                        "image": "" if i and pane.image == frame.panes[0].image else pane.image,
                        "width": pane.width,
                        "height": pane.height,
                        "outlines": [
                            [o.label, o.colour, int(o.is_doubtful), o.words, *o.at, o.path, o.layer]
                            for o in pane.outlines
                        ],
                    }
                    for i, pane in enumerate(frame.panes)
                ],
            }
            for frame in view.frames
        ],
    }


def draw_first(view: View) -> Iterator[str]:
    """Write the frame that a view opens at as SVG, for readers without the script and for print."""
    for pane in view.frames[view.opening].panes:
        paths = "".join(
            f'<path{_DOUBT if o.is_doubtful else ""} stroke="{o.colour}" d="{o.path}"/>'
            for o in pane.outlines
        )
        yield (
            f'<svg viewBox="0 0 {pane.width} {pane.height}"><image href="{pane.image}" '
            f'width="{pane.width}" height="{pane.height}"/><g transform="scale(.5)">{paths}</g>'
            f"{scale_bar(pane.width, pane.height, um=view.um, step=view.step)}</svg>"
        )


@cache
def asset(name: str) -> str:
    """Return the text of a style sheet or script that ships with this folder."""
    return files("fatescope.pages.page").joinpath("assets", name).read_text("utf-8")


def _json(values: Any) -> str:
    """Write JSON that cannot end its script element, whatever a file is called."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
