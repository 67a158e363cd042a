"""What stands in each section of the report of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.chart import Axis, Chart, Line, Points, histogram, number
from fatescope.pages.images import png_uri
from fatescope.pages.outlines import paint_outlines
from fatescope.pages.page import (
    Beside,
    Cell,
    Code,
    ImageViewer,
    PageTable,
    Place,
    Section,
    Text,
)
from fatescope.pages.skeleton import counted
from fatescope.systems.nuclei.page.again import command_line, python_lines
from fatescope.systems.nuclei.page.views import build_views, find_in_views
from fatescope.systems.nuclei.page.words import explain_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.pages.page import Block
    from fatescope.systems.nuclei.page.values import Doubtful, ImageSummary, NucleiReport
    from fatescope.systems.nuclei.page.views import NucleiShown

MAX_IMAGES, MAX_CHARTS, MAX_RECORD = 1000, 6, 400
_TOO_MANY = 0.25
"""Of the outlines; 0 to 6 % are doubtful in images of a model's own kind (decision record 0352)."""
_RUN = ("command", "units_done", "units_failed", "findings", "schema")
"""Times and memory stay in ``run.json``: a continued run gives the same page, byte for byte."""


def outlines(report: NucleiReport) -> Section:
    """Return the images with outlines, and beside them what to look at first."""
    shown = build_views(report)
    note = Text(paragraphs=(_sample_note(report, shown),), tone="aside")
    movies = {i.key for i in report.images if i.n_frames > 1}
    viewer = ImageViewer(
        title="Image with outlines",
        noun="nucleus",
        views=[one.view() for one in shown],
        places=[_doubt(d, shown, in_movie=d.key in movies) for d in report.doubtful],
        places_note=_doubt_note(report),
    )
    blocks = (note, viewer) if shown else (note,)
    return Section(title="Outlines and doubtful objects", blocks=blocks)


def _sample_note(report: NucleiReport, shown: Sequence[NucleiShown]) -> str:
    """Say which images and frames are shown, and what a colour means."""
    done = [i for i in report.images if not i.problem]
    n_shown = len({one.preview.key for one in shown})
    if not shown:
        return "No image can be shown: the inputs were not found where the run read them."
    text = []
    if n_shown < len(done):
        text.append(
            f"A sample: {number(n_shown)} of {number(len(done))} images, a typical one "
            "first, then those with the most doubtful objects and others spread evenly over the "
            "list."
        )
    elif len(done) > 1:
        text.append("Every image is shown, a typical one first.")
    views = [one.view() for one in shown if not one.preview.region]
    if part := [v for v in views if len(v.frames) < (v.length or 0)]:
        v = part[0]
        text.append(f"Of {v.title}, {len(v.frames)} of {v.length} {v.walk}s are shown.")
    text.append(_colour_note(report, any(i.n_frames > 1 for i in done)))
    return " ".join(text)


def _colour_note(report: NucleiReport, has_movies: bool) -> str:
    if not has_movies:
        return "Colours only tell neighbours apart."
    if report.colours:
        return "An outline keeps its colour where the nucleus was followed through time."
    return (
        "Colours follow what overlaps from frame to frame, for the eye alone: nuclei were not "
        "tracked."
    )


def _doubt_note(report: NucleiReport) -> str:
    """Say how the list of doubtful objects is ordered, and where it was cut."""
    listed = sum(1 + len(d.also) for d in report.doubtful)
    text = "Most doubtful first. In the image their outline is dashed."
    if report.n_doubtful > _TOO_MANY * max(report.n_objects, 1):
        text = (
            f"{number(report.n_doubtful)} of {number(report.n_objects)} outlines are doubtful, "
            "where 0 to 6 % are usual: the list says little about single ones. The model or a "
            f"threshold does not fit these images. {text}"
        )
    if listed < report.n_doubtful:
        return f"{text} Listed: {number(listed)} of {number(report.n_doubtful)} doubtful outlines."
    return text


def _doubt(doubt: Doubtful, shown: Sequence[NucleiShown], *, in_movie: bool) -> Place:
    """Return one doubtful object with its thumbnail and its place in the views."""
    frame = [f"frame {doubt.frame}"] if in_movie else []
    thumbnail = ""
    if doubt.thumbnail is not None and doubt.thumbnail_labels is not None:
        painted = paint_outlines(doubt.thumbnail, doubt.thumbnail_labels, marked=doubt.label)
        thumbnail = png_uri(painted)
    view, at, y, x = find_in_views(shown, doubt) or (None, 0, 0.0, 0.0)
    return Place(
        title=", ".join([f"Nucleus {doubt.label}", *frame, doubt.key]),
        reason=doubt.reason + _also(doubt),
        thumbnail=thumbnail,
        view=view,
        frame=at,
        label=doubt.label,
        y=y,
        x=x,
    )


def _also(doubt: Doubtful) -> str:
    if not doubt.also:
        return ""
    named = ", ".join(str(f) for f in doubt.also[:6])
    more = f" and {len(doubt.also) - 6} more" if len(doubt.also) > 6 else ""
    return f" Also in frame{'s' if len(doubt.also) > 1 else ''} {named}{more}."


def counts(report: NucleiReport) -> Section | None:
    """Return the counts over time of each movie, six at most; ``None`` without movies."""
    movies = [i for i in report.images if len(i.counts) > 1]
    if not movies:
        return None
    n = len(movies)
    cut = f"The first {MAX_CHARTS} of {number(n)} movies. " if n > MAX_CHARTS else ""
    note = f"{cut}Outlines in each frame, as segmented: no smoothing, no correction."
    charts = [count_chart(image) for image in movies[:MAX_CHARTS]]
    return Section(
        title="Counts over time",
        blocks=(Text(paragraphs=(note,), tone="aside"), Beside(blocks=charts)),
    )


def count_chart(image: ImageSummary) -> Chart:
    """Chart the nuclei of a movie in each frame."""
    step = image.interval_min
    x = np.arange(len(image.counts)) * (step or 1)
    source = str(image.spacing["T"]["source"]) if step else ""
    every = f"one frame every {step:.4g} min (source: {source})" if step else "time step unknown"
    marks = (
        Line(name="nuclei", x=x, y=image.counts),
        Points(name="nuclei", x=x, y=image.counts, size_px=6.0 if len(x) <= 60 else 3.6),
    )
    return Chart(
        title=f"Nuclei over time in {image.key}",
        x=Axis(title="time", unit="min") if step else Axis(title="frame"),
        y=Axis(title="nuclei"),
        marks=marks,
        caption=f"{counted(len(x), 'frame')}, {every}. Each point is one frame.",
    )


def sizes(report: NucleiReport) -> Section:
    """Return the distribution of sizes, and the counts of single images where there are four."""
    if not len(report.sizes):
        text = "No nucleus was found, so there are no sizes."
        return Section(title="Sizes", blocks=(Text(paragraphs=(text,)),))
    charts = [_size_chart(report)]
    per_image = [i.n_objects / i.n_frames for i in report.images if not i.problem]
    if len(per_image) > 3:
        charts.append(_per_image(sorted(per_image), report))
    return Section(title="Sizes", blocks=(Beside(blocks=charts) if len(charts) > 1 else charts[0],))


def _size_chart(report: NucleiReport) -> Chart:
    what = "area" if report.size_unit in ("µm²", "px²") else "volume"
    low, high = (number(float(v)) for v in np.percentile(report.sizes, [5, 95]))
    unit = report.size_unit
    few = ", a sample of 400 at most" if len(report.sizes) > 400 else ""
    caption = (
        f"n = {number(len(report.sizes))} outlines. Median {number(report.median_size)}, 5 to 95 % "
        f"of them between {low} and {high} {unit}. The strokes at the foot are single nuclei{few}."
    )
    x = Axis(title=what, unit=unit)
    title = f"Distribution of {what}"
    return histogram(report.sizes, x=x, title=title, what="nuclei", caption=caption)


def _per_image(counts: Sequence[float], report: NucleiReport) -> Chart:
    per = "frame" if any(i.n_frames > 1 for i in report.images) else "image"
    median = number(float(np.median(counts)))
    return Chart(
        title=f"Nuclei per {per}",
        x=Axis(title="images, in rising order"),
        y=Axis(title=f"nuclei per {per}"),
        marks=(Points(name="image", x=range(1, len(counts) + 1), y=counts),),
        caption=f"n = {number(len(counts))} images; each point is one. Median {median}.",
    )


def images(report: NucleiReport) -> Section:
    """Return the table of images, the first thousand of them."""
    n = len(report.images)
    note = f"{counted(n, 'image')}. Click a heading to sort."
    if n > MAX_IMAGES:
        note = f"The first {number(MAX_IMAGES)} of {number(n)} images; images.csv holds them all."
    columns = (
        "image",
        "nuclei",
        f"median size ({report.size_unit})",
        "findings",
        "size of the input",
        "pixel size and its source",
        "SHA-256",
    )
    rows = [_image_row(i) for i in report.images[:MAX_IMAGES]]
    blocks = (Text(paragraphs=(note,), tone="aside"), PageTable(columns=columns, rows=rows))
    return Section(title="Images", blocks=blocks)


def _image_row(image: ImageSummary) -> tuple[str | Cell, ...]:
    size = " × ".join(f"{a} {n}" for a, n in zip(image.axes, image.shape, strict=True))
    return (
        image.key,
        "–" if image.problem else number(image.n_objects),
        number(image.median_size),
        number(image.n_findings),
        size or image.problem,
        _spacing_text(image),
        Cell(text=image.sha256[:12], kind="code", hint=image.sha256),
    )


def _spacing_text(image: ImageSummary) -> str:
    lengths = {a: image.spacing[a] for a in "ZYX" if a in image.spacing}
    if not lengths:
        return "unknown"
    text = " × ".join(f"{float(s['value']):.4g}" for s in lengths.values())
    sources = "/".join(dict.fromkeys(str(s["source"]) for s in lengths.values()))
    return f"{text} µm ({sources})"


def again(report: NucleiReport) -> tuple[Code, Code]:
    """Return how to run it again: a command and the same in Python."""
    note = (
        "The same inputs, settings and model give the same labels, to the last bit, on the same "
        "kind of processor."
    )
    command = command_line(report.record, report.images)
    return (
        Code(title="The same on the command line", text=command, note=note),
        Code(title="The same in Python", text=python_lines(report.record, report.images)),
    )


def record(report: NucleiReport) -> Section:
    """Return what ``run.json`` holds, as titled lists of key and value."""
    found = report.record
    versions = {n: found[n] for n in ("fatescope", "python", "system") if found.get(n)}
    groups = {
        "Model": found.get("model"),
        "Settings": found.get("settings"),
        "Computer": found.get("processor"),
        "Run": {n: found[n] for n in _RUN if found.get(n) is not None},
        "Versions": versions | (found.get("packages") or {}),
    }
    tables: list[Block] = [
        PageTable(title=name, rows=_flat(values)[:MAX_RECORD])
        for name, values in groups.items()
        if values
    ]
    return Section(title="How it was made", blocks=(Beside(blocks=tables),))


def columns(report: NucleiReport) -> Section:
    """Return what each column of objects.csv means."""
    note = (
        "One row for each nucleus and frame. Empty means unknown, never 0. objects.parquet holds "
        "the same rows."
    )
    rows = [(Cell(text=c, kind="code"), *explain_column(c)) for c in report.columns]
    table = PageTable(columns=("column", "unit", "meaning"), rows=rows)
    return Section(
        title="The columns of objects.csv",
        blocks=(Text(paragraphs=(note,), tone="aside"), table),
    )


def _flat(values: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Write nested plain values as rows of key and text."""
    if not isinstance(values, dict):
        return [(prefix or "value", _text(values))]
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        rows += _flat(value, f"{prefix}.{key}" if prefix else str(key)) if value != {} else []
    return rows


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(_text(v) for v in value[:50]) + (" ..." if len(value) > 50 else "")
    return str(value)[:2000]
