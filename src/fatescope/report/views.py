"""Previews as the page's script reads them: encoded images and outline paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.report.colours import carry_colours
from fatescope.report.outlines import PALETTE, outline_paths
from fatescope.report.images import jpeg_uri
from fatescope.report.scale_bar import scale_bar
from fatescope.report.chart import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fatescope.report.values import Doubtful, ImageSummary, NucleiReport, Preview

_QUALITY = 82
_MAX_OUTLINES = 12_000
View = dict[str, Any]


def build_views(report: NucleiReport, *, budget_bytes: int) -> tuple[list[View], int]:
    """Encode previews, grouped by image and region, until the budget is used up.

    Parameters
    ----------
    report : NucleiReport
    budget_bytes : int
        For all images and outlines together.

    Returns
    -------
    views : list of dict
        Plain values for JSON. A frame that would pass the budget is left out, and so is
        everything after it.
    n_left_out : int
        Previews that did not fit.
    """
    images = {image.key: image for image in report.images}
    doubted = {(d.key, d.frame, d.label) for d in report.doubtful} | report.marked
    views: dict[tuple[str, str], View] = {}
    used, n_done = 0, 0
    numbers: dict[int, int] = {}
    last: Preview | None = None
    for preview in report.previews:
        numbers = _colour_numbers(preview, last, numbers, report)
        last = preview
        frame = _frame(preview, report, doubted, numbers)
        used += _weight(frame)
        if used > budget_bytes:
            break
        group = (preview.key, preview.region)
        if group not in views:
            views[group] = _view(preview, images[preview.key], tracked=bool(report.colours))
        views[group]["frames"].append(frame)
        views[group]["crowded"] |= frame["n_drawn"] < frame["n_seen"]
        n_done += 1
    for view in views.values():
        view["frames"].sort(key=lambda f: f["index"])
        if view["crowded"]:
            view["about"] += (
                " So many nuclei: here only doubtful ones are outlined; the crops show all."
            )
    return list(views.values()), len(report.previews) - n_done


def find_in_views(views: list[View], doubt: Doubtful) -> tuple[int, int, float, float] | None:
    """Return (view, frame, y, x) in preview pixels where an object can be seen, or ``None``.

    The finest view that holds the point wins.
    """
    best: tuple[int, int, float, float] | None = None
    for i, view in enumerate(views):
        if view["key"] != doubt.key:
            continue
        place = zip((doubt.y, doubt.x), view["origin"], strict=True)
        py, px = ((v - o + 0.5) / view["step"] for v, o in place)
        inside = 0 <= py < view["height"] and 0 <= px < view["width"]
        index = doubt.frame if view["walk"] == "frame" else doubt.plane
        at = next((k for k, f in enumerate(view["frames"]) if f["index"] == index), None)
        if inside and at is not None and (best is None or view["step"] < views[best[0]]["step"]):
            best = i, at, round(py, 1), round(px, 1)
    return best


def _view(preview: Preview, image: ImageSummary, *, tracked: bool) -> View:
    height, width = preview.picture.shape
    pixel = image.pixel_um
    name = f"{preview.key} – {preview.region}" if preview.region else preview.key
    walk = "frame" if preview.plane is None else "plane"
    steps = image.n_frames if walk == "frame" else image.shape[image.axes.index("Z")]
    return {
        "key": preview.key,
        "region": preview.region,
        "title": name,
        "walk": walk,
        "length": int(steps),
        "interval": image.interval_min if walk == "frame" else None,
        "height": height,
        "width": width,
        "step": preview.step,
        "origin": list(preview.origin),
        "um": None if pixel is None else pixel * preview.step,
        "tracked": tracked,
        "black": preview.limits[0],
        "white": preview.limits[1],
        "about": _about(preview, image),
        "crowded": False,
        "frames": [],
    }


def _about(preview: Preview, image: ImageSummary) -> str:
    low, high = preview.limits
    parts = [
        f"Grey values: black is {number(low)}, white is {number(high)} in the file's units, linear."
    ]
    if preview.step > 1:
        parts.append(
            f"Shown at 1/{preview.step} of the input's resolution (block means; labels nearest)."
        )
    if preview.region:
        y, x = preview.origin
        parts.append(f"Cut out at row {y}, column {x}, full resolution.")
    pixel = image.spacing.get("X")
    if pixel is None:
        parts.append("The pixel size is unknown; the bar counts input pixels.")
    else:
        said = {"file": "from the file", "user": "given by the user"}.get(
            str(pixel["source"]), str(pixel["source"])
        )
        parts.append(f"1 input pixel is {float(pixel['value']):.4g} µm ({said}).")
    y_step = image.spacing.get("Y")
    if pixel and y_step and float(y_step["value"]) != float(pixel["value"]):
        parts.append(f"Along Y it is {float(y_step['value']):.4g} µm; the image is not stretched.")
    return " ".join([*parts, preview.note]).strip()


def _colour_numbers(
    preview: Preview, last: Preview | None, before: dict[int, int], report: NucleiReport
) -> dict[int, int]:
    """Return what decides the colour of each label: its track, else what lay there before."""
    labels = np.unique(preview.labels).tolist()
    if report.colours:
        place = preview.key, preview.frame
        return {label: report.colours.get((*place, label), label) for label in labels}
    if last is None or (last.key, last.region) != (preview.key, preview.region):
        return {label: label for label in labels}
    return carry_colours(last.labels, before, preview.labels)


def _frame(
    preview: Preview,
    report: NucleiReport,
    doubted: set[tuple[str, int, int]],
    numbers: dict[int, int],
) -> dict[str, Any]:
    sizes = report.objects.get((preview.key, preview.frame), {})
    whole = preview.plane is None and not preview.region
    centres = _centres(preview.labels)
    labels = preview.labels
    n_seen = len(centres)
    if n_seen > _MAX_OUTLINES:
        place = preview.key, preview.frame
        kept = [label for label in centres if (*place, label) in doubted]
        labels = np.where(np.isin(labels, kept), labels, 0)
    outlines = []
    for label, path in outline_paths(labels).items():
        size = sizes.get(label)
        said = "" if size is None else f"{number(size)} {report.size_unit}"
        is_doubtful = int((preview.key, preview.frame, label) in doubted)
        y, x = centres[label]
        colour = (numbers[label] - 1) % len(PALETTE)
        outlines.append([label, colour, is_doubtful, said, y, x, path])
    return {
        "index": preview.index,
        "n": len(sizes) if sizes and whole else len(outlines),
        "n_seen": n_seen,
        "n_drawn": len(outlines),
        "picture": jpeg_uri(preview.picture, quality=_QUALITY),
        "outlines": outlines,
    }


def _centres(labels: np.ndarray[Any, Any]) -> dict[int, tuple[float, float]]:
    """Return for each label the middle of its pixels, in preview pixels from the corner."""
    y, x = np.nonzero(labels)
    value, row = np.unique(labels[y, x], return_inverse=True)
    n = np.bincount(row, minlength=len(value))
    means = [np.bincount(row, weights=v + 0.5, minlength=len(value)) / n for v in (y, x)]
    return {
        int(v): (round(float(a), 1), round(float(b), 1))
        for v, a, b in zip(value, *means, strict=True)
    }


def _weight(frame: dict[str, Any]) -> int:
    """About how many bytes a frame takes in the page."""
    return len(frame["picture"]) + sum(len(o[6]) + len(o[3]) + 40 for o in frame["outlines"]) + 60


def without_first_picture(views: list[View]) -> list[View]:
    """Return the views less what `first_picture` wrote, which the script takes from there."""
    if not views:
        return views
    first, *others = views[0]["frames"]
    outlines = [[*o[:6], ""] for o in first["outlines"]]
    bare = {**first, "picture": "", "outlines": outlines}
    return [{**views[0], "frames": [bare, *others]}, *views[1:]]


def first_picture(views: list[View]) -> Iterator[str]:
    """Write the first frame of the first view as SVG, for readers without the script."""
    view = views[0]
    frame = view["frames"][0]
    yield f'<svg viewBox="0 0 {view["width"]} {view["height"]}">'
    yield f'<image href="{frame["picture"]}" width="{view["width"]}" height="{view["height"]}"/>'
    yield '<g transform="scale(.5)">'
    for _, colour, doubt, _, _, _, path in frame["outlines"]:
        yield f'<path class="c{colour}{" doubt" if doubt else ""}" d="{path}"/>'
    yield "</g>"
    yield scale_bar(view["width"], view["height"], um=view["um"], step=view["step"])
    yield "</svg>"
