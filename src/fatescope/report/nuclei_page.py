"""Write the report of a run: one HTML file that needs nothing beside itself."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.report import sections
from fatescope.report.again import command_line, python_lines, settings_toml
from fatescope.report.methods import methods_text
from fatescope.report.views import build_views, first_picture, without_first_picture
from fatescope.report.words import caution_sentence, explain_column, lead_sentence
from fatescope.storage import write_beside

if TYPE_CHECKING:
    import os

    from fatescope.report.values import NucleiReport

LIMIT_BYTES = 20_000_000
"""The largest page, in bytes (CONTRACT, the output folder)."""

_VIEW_BYTES = 12_000_000
_SECTIONS = (
    ("overlay", "Outlines"),
    ("counts", "Counts"),
    ("sizes", "Sizes"),
    ("findings", "Findings"),
    ("images", "Images"),
    ("methods", "Methods"),
    ("record", "How it was made"),
    ("columns", "Columns"),
)


def write_report(path: str | os.PathLike[str], report: NucleiReport) -> Path:
    """Write the page about one run of ``predict nuclei``.

    The file is complete or absent: it is written beside its place and then renamed.

    Parameters
    ----------
    path : path-like
        Of the HTML file.
    report : NucleiReport

    Returns
    -------
    Path
        The file, at most 20 MB: tables longer than 1000 images, and findings of one rule beyond 50,
        are cut, images that do not fit are left out, and the page says so.
    """
    target = Path(path)
    with write_beside(target) as part:
        part.write_bytes(render_report(report))
    return target


def render_report(report: NucleiReport) -> bytes:
    """Return the page as UTF-8; the same report gives the same bytes."""
    budget = _VIEW_BYTES
    page = _render(report, budget)
    while len(page) > LIMIT_BYTES and budget:
        budget = max(0, budget - (len(page) - LIMIT_BYTES) - 100_000)
        page = _render(report, budget)
    return page


def _render(report: NucleiReport, budget: int) -> bytes:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    views, n_left_out = build_views(report, budget_bytes=budget)
    movies = {i.key for i in report.images if i.n_frames > 1}
    script, style = _packaged("report.js"), _packaged("report.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    values = {
        "report": report,
        "version": str(report.record.get("fatescope", "")),
        "script": Markup(script),
        "style": Markup(style),
        "script_hash": f"sha256-{digest}",
        "views": views,
        "walks": any(len(view["frames"]) > 1 for view in views),
        "sample_note": sections.sample_note(report, views, n_left_out),
        "first_svg": Markup("".join(first_picture(views))) if views else "",
        "doubts": [sections.doubt_row(d, views, in_movie=d.key in movies) for d in report.doubtful],
        "data": Markup(_json_for_script({"views": without_first_picture(views)})),
        **_results(report),
        **_provenance(report),
    }
    values["sections"] = [s for s in _SECTIONS if s[0] != "counts" or values["counts"]]
    environment = Environment(
        loader=PackageLoader("fatescope.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("nuclei.html.j2").render(values).encode("utf-8")


def _results(report: NucleiReport) -> dict[str, Any]:
    images = report.images[: sections.MAX_IMAGES]
    return {
        "caution": caution_sentence(report),
        "lead": lead_sentence(report),
        "figures": sections.figures(report),
        "doubt_note": sections.doubt_note(report),
        "counts": sections.count_charts(report),
        "counts_note": sections.counts_note(report),
        "sizes": sections.size_chart(report),
        "per_image": sections.per_image_chart(report),
        "findings": sections.finding_groups(report),
        "images": [sections.image_row(i) for i in images],
        "images_note": sections.images_note(len(report.images)),
    }


def _provenance(report: NucleiReport) -> dict[str, Any]:
    return {
        "methods": methods_text(report),
        "command": command_line(report.record, report.images),
        "settings_toml": settings_toml(report.record),
        "python": python_lines(report.record, report.images),
        "record": sections.record_groups(report),
        "columns": [
            dict(zip(("name", "unit", "meaning"), (c, *explain_column(c)), strict=True))
            for c in report.columns
        ],
    }


def _packaged(name: str) -> str:
    return (resources.files("fatescope.report") / "templates" / name).read_text("utf-8")


def _json_for_script(values: dict[str, Any]) -> str:
    """Write JSON that cannot end its script element, whatever a file is called."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
