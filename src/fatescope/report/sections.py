"""What stands in each section of the page, as plain values for the template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import group_findings
from fatescope.report.outlines import paint_outlines
from fatescope.report.images import png_uri
from fatescope.report.chart import histogram, line_chart, number, strip_chart
from fatescope.report.views import find_in_views
from fatescope.report.words import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base import FindingGroup
    from fatescope.report.values import Doubtful, ImageSummary, NucleiReport
    from fatescope.report.views import View

MAX_IMAGES, MAX_PLACES, MAX_CHARTS, MAX_RECORD = 1000, 50, 6, 400
_SEVERITIES = ("error", "warning", "info")
_RUN = ("command", "units_done", "units_failed", "findings", "schema")
"""Times and memory stay in ``run.json``: a continued run gives the same page, byte for byte."""


def figures(report: NucleiReport) -> list[dict[str, str]]:
    """Return the headline numbers."""
    done = [i for i in report.images if not i.problem]
    frames = sum(i.n_frames for i in done)
    failed = len(report.images) - len(done)
    notes = [f"{number(frames)} frames" if frames > len(done) else ""]
    notes.append(f"{number(failed)} not processed" if failed else "")
    size_note = f"n = {number(len(report.sizes))}" if len(report.sizes) else ""
    doubtful = report.n_doubtful
    return [
        _figure("Images", number(len(done)), note=", ".join(n for n in notes if n)),
        _figure("Nuclei outlined", number(report.n_objects)),
        _figure("Median size", number(report.median_size), report.size_unit, size_note),
        _figure("To look at first", number(doubtful), note="doubtful outlines"),
        _figure("Findings", number(len(report.findings)), note=_severities(report)),
    ]


def _figure(name: str, value: str, unit: str = "", note: str = "") -> dict[str, str]:
    return {"name": name, "value": value, "unit": unit, "note": note}


def _severities(report: NucleiReport) -> str:
    counts = {s: sum(f["severity"] == s for f in report.findings) for s in _SEVERITIES}
    names = {"error": "error", "warning": "warning", "info": "note"}
    return ", ".join(count_of(n, names[s]) for s, n in counts.items() if n)


def sample_note(report: NucleiReport, views: list[View], n_left_out: int) -> str:
    """Say which images and frames are shown, and what a colour means."""
    done = [i for i in report.images if not i.problem]
    shown = {view["key"] for view in views}
    if not views:
        return "No image can be shown: the inputs were not found where the run read them."
    text = []
    if len(shown) < len(done):
        text.append(
            f"A sample: {number(len(shown))} of {number(len(done))} images, a typical one "
            "first, then those with the most doubtful objects and others spread evenly over the "
            "list."
        )
    elif len(done) > 1:
        text.append("Every image is shown, a typical one first.")
    part = [v for v in views if len(v["frames"]) < v["length"] and not v["region"]]
    if part:
        shown_of = f"{len(part[0]['frames'])} of {part[0]['length']} {part[0]['walk']}s"
        text.append(f"Of {part[0]['title']}, {shown_of} are shown.")
    if n_left_out:
        text.append(f"{number(n_left_out)} images were left out to keep this page under 20 MB.")
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


def doubt_note(report: NucleiReport) -> str:
    """Say how the list of doubtful objects is ordered, and where it was cut."""
    listed = sum(1 + len(d.also) for d in report.doubtful)
    text = "Most doubtful first. In the image their outline is dashed."
    if listed < report.n_doubtful:
        return f"{text} Listed: {number(listed)} of {number(report.n_doubtful)} doubtful outlines."
    return text


def doubt_row(doubt: Doubtful, views: list[View], *, in_movie: bool) -> dict[str, Any]:
    """Return one doubtful object with its thumbnail and its place in the views."""
    frame = [f"frame {doubt.frame}"] if in_movie else []
    place = find_in_views(views, doubt)
    thumbnail = None
    if doubt.thumbnail is not None and doubt.thumbnail_labels is not None:
        painted = paint_outlines(doubt.thumbnail, doubt.thumbnail_labels, marked=doubt.label)
        thumbnail = png_uri(painted)
    view, at, y, x = place if place is not None else (None, 0, 0, 0)
    return {
        "label": doubt.label,
        "where": ", ".join([f"Nucleus {doubt.label}", *frame, doubt.key]),
        "reason": doubt.reason + _also(doubt),
        "thumbnail": thumbnail,
        "view": view,
        "at": at,
        "y": y,
        "x": x,
    }


def _also(doubt: Doubtful) -> str:
    if not doubt.also:
        return ""
    named = ", ".join(str(f) for f in doubt.also[:6])
    more = f" and {len(doubt.also) - 6} more" if len(doubt.also) > 6 else ""
    return f" Also in frame{'s' if len(doubt.also) > 1 else ''} {named}{more}."


def count_charts(report: NucleiReport) -> list[dict[str, Any]]:
    """Return a figure for each movie, six at most."""
    movies = [i for i in report.images if len(i.counts) > 1]
    return [_count_chart(image) for image in movies[:MAX_CHARTS]]


def _count_chart(image: ImageSummary) -> dict[str, Any]:
    counts = image.counts.tolist()
    step = image.interval_min
    x = [i * step for i in range(len(counts))] if step else list(range(len(counts)))
    svg = line_chart(
        x,
        counts,
        x_label="time (min)" if step else "frame",
        y_label="nuclei",
        title=f"Nuclei over time in {image.key}: from {counts[0]} to {counts[-1]}",
    )
    source = str(image.spacing["T"]["source"]) if step else ""
    every = f"one frame every {step:.4g} min (source: {source})" if step else "time step unknown"
    return {
        "svg": _markup(svg),
        "name": image.key,
        "caption": f"{image.key}: {count_of(len(counts), 'frame')}, {every}. "
        "Each point is one frame.",
        "counts": counts,
        "times": [f"{v:.4g}" for v in x] if step else [],
    }


def counts_note(report: NucleiReport) -> str:
    """Say what a count is."""
    n = sum(len(i.counts) > 1 for i in report.images)
    cut = f"The first {MAX_CHARTS} of {number(n)} movies. " if n > MAX_CHARTS else ""
    return f"{cut}Outlines in each frame, as segmented: no smoothing, no correction."


def size_chart(report: NucleiReport) -> dict[str, Any] | None:
    """Return the histogram of sizes, or ``None`` without objects."""
    if not len(report.sizes):
        return None
    what = "area" if report.size_unit in ("µm²", "px²") else "volume"
    low, high = np.percentile(report.sizes, [5, 95])
    title = f"Distribution of {what}, median {number(report.median_size)} {report.size_unit}"
    svg = histogram(
        report.sizes, x_label=f"{what} ({report.size_unit})", y_label="nuclei", title=title
    )
    median = f"Median {number(report.median_size)}"
    span = f"5 to 95 % of them between {number(float(low))} and {number(float(high))}"
    points = "The points below the bars are single nuclei"
    points += ", a sample of 400 at most." if len(report.sizes) > 400 else "."
    caption = f"n = {number(len(report.sizes))} outlines. {median}, {span} {report.size_unit}. "
    return {"svg": _markup(svg), "caption": caption + points}


def per_image_chart(report: NucleiReport) -> dict[str, Any] | None:
    """Return the counts of single images, or ``None`` for fewer than four."""
    counts = [i.n_objects / i.n_frames for i in report.images if not i.problem]
    if len(counts) < 4:
        return None
    movies = any(i.n_frames > 1 for i in report.images)
    what = "nuclei per frame" if movies else "nuclei per image"
    svg = strip_chart(
        counts,
        x_label="images, in rising order",
        y_label=what,
        title=f"{what.capitalize()} in each of {len(counts)} images",
    )
    median = number(float(np.median(counts)))
    caption = f"n = {number(len(counts))} images; each point is one. Median {median}."
    return {"svg": _markup(svg), "caption": caption}


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def finding_groups(report: NucleiReport) -> list[dict[str, Any]]:
    """Return the findings by rule, each with the places it names, the first 50 of them."""
    return [_finding_group(g) for g in group_findings(report.findings)]


def _finding_group(group: FindingGroup) -> dict[str, Any]:
    rows = [_place(f, group.beyond(f)) for f in group.rows[:MAX_PLACES]]
    often = number(len(group))
    if 1 < group.n_files < len(group):
        often += f" in {number(group.n_files)} images"
    only_most = "" if group.n_reason == len(group) else f"{number(group.n_reason)} of them: "
    return {
        "severity": group.severity,
        "rule": group.rule,
        "often": often,
        "reason": only_most + group.reason,
        "places": rows,
        "more": number(len(group) - len(rows)) if len(rows) < len(group) else "",
    }


def _place(finding: Mapping[str, Any], reason: str) -> dict[str, str]:
    """Return where a finding is, and what it says that the group does not."""
    parts = [str(finding["file"])]
    parts += [f"frame {finding['frame']}"] if _known(finding.get("frame")) else []
    parts += [f"nucleus {finding['object']}"] if finding.get("object") else []
    status = "" if finding["status"] == "open" else f" ({finding['status']})"
    return {"where": ", ".join(parts) + status, "reason": reason}


def _known(value: Any) -> bool:
    return value is not None and value == value  # NaN differs from itself


def images_note(n: int) -> str:
    """Say how many rows there are, and where the others stand."""
    if n > MAX_IMAGES:
        return f"The first {number(MAX_IMAGES)} of {number(n)} images; images.csv holds them all."
    return f"{count_of(n, 'image')}. Click a heading to sort."


def image_row(image: ImageSummary) -> dict[str, Any]:
    """Return one row of the table of images."""
    known = not image.problem
    size = " × ".join(f"{a} {n}" for a, n in zip(image.axes, image.shape, strict=True))
    return {
        "key": image.key,
        "n": number(image.n_objects) if known else "–",
        "n_sort": image.n_objects if known else "",
        "median": number(image.median_size),
        "median_sort": f"{image.median_size:.10g}"
        if image.median_size == image.median_size
        else "",
        "n_findings": image.n_findings,
        "shape": size or image.problem,
        "spacing": _spacing_text(image),
        "sha256": image.sha256,
    }


def _spacing_text(image: ImageSummary) -> str:
    lengths = {a: image.spacing[a] for a in "ZYX" if a in image.spacing}
    if not lengths:
        return "unknown"
    text = " × ".join(f"{float(s['value']):.4g}" for s in lengths.values())
    sources = "/".join(dict.fromkeys(str(s["source"]) for s in lengths.values()))
    return f"{text} µm ({sources})"


def record_groups(report: NucleiReport) -> list[dict[str, Any]]:
    """Return what ``run.json`` holds, as titled lists of key and value."""
    record = report.record
    versions = {n: record[n] for n in ("fatescope", "python", "system") if record.get(n)}
    groups = {
        "Model": record.get("model"),
        "Settings": record.get("settings"),
        "Computer": record.get("processor"),
        "Run": {n: record[n] for n in _RUN if record.get(n) is not None},
        "Versions": versions | (record.get("packages") or {}),
    }
    return [{"name": n, "rows": _flat(v)[:MAX_RECORD]} for n, v in groups.items() if v]


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
