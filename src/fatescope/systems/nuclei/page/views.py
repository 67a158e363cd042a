"""Previews of a run as views of the page: encoded images and outlines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import number
from fatescope.pages.images import jpeg_uri
from fatescope.pages.outlines import colour_of, outline_paths
from fatescope.pages.page import Frame, Outline, Pane, View, fullest
from fatescope.pages.page.images import centres
from fatescope.systems.nuclei.page.carried_colours import carry_colours

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fatescope.systems.nuclei.page.values import Doubtful, ImageSummary, NucleiReport, Preview

_QUALITY = 82  # of JPEG, of 100
_MAX_OUTLINES = 12_000  # of a frame; a page with more is slow; not measured


@dataclass(slots=True, kw_only=True)
class NucleiShown:
    """An image, or a part of it, that the page shows: its first preview and all frames."""

    preview: Preview
    image: ImageSummary
    frames: list[Frame] = field(default_factory=list)
    is_crowded: bool = False

    @property
    def walk(self) -> str:
        """What the slider walks."""
        return "frame" if self.preview.plane is None else "plane"

    def view(self) -> View:
        """Return the view of the page."""
        preview, image = self.preview, self.image
        name = f"{preview.key} – {preview.region}" if preview.region else preview.key
        is_movie = self.walk == "frame"
        crowd = " So many nuclei: here only doubtful ones are outlined; the crops show all."
        return View(
            title=name,
            frames=self.frames,
            walk=self.walk,
            opens_at=0 if is_movie else fullest(self.frames),
            length=image.n_frames if is_movie else image.shape[image.axes.index("Z")],
            interval_min=image.interval_min if is_movie else None,
            um=None if image.pixel_um is None else image.pixel_um * preview.step,
            step=preview.step,
            black=preview.limits[0],
            white=preview.limits[1],
            about=_about(preview, image) + crowd * self.is_crowded,
        )


def build_views(report: NucleiReport) -> list[NucleiShown]:
    """Encode previews, grouped by image and region, in the order of the report."""
    images = {image.key: image for image in report.images}
    doubted = {(d.key, d.frame, d.label) for d in report.doubtful} | report.marked
    shown: dict[tuple[str, str], NucleiShown] = {}
    numbers: dict[int, int] = {}
    last: Preview | None = None
    for preview in report.previews:
        numbers = _colour_numbers(preview, last, numbers, report)
        last = preview
        group = (preview.key, preview.region)
        if group not in shown:
            shown[group] = NucleiShown(preview=preview, image=images[preview.key])
        frame, is_crowded = _frame(preview, report, doubted, numbers)
        shown[group].frames.append(frame)
        shown[group].is_crowded |= is_crowded
    for one in shown.values():
        one.frames.sort(key=lambda frame: frame.index)
    return list(shown.values())


def find_in_views(
    shown: Sequence[NucleiShown], doubt: Doubtful
) -> tuple[int, int, float, float] | None:
    """Return (view, frame, y, x) in preview pixels where an object can be seen, or ``None``.

    The finest view that holds the point wins.
    """
    best: tuple[int, int, float, float] | None = None
    for i, one in enumerate(shown):
        preview = one.preview
        if preview.key != doubt.key:
            continue
        place = zip((doubt.y, doubt.x), preview.origin, strict=True)
        py, px = ((v - o + 0.5) / preview.step for v, o in place)
        height, width = preview.image.shape
        index = doubt.frame if one.walk == "frame" else doubt.plane
        at = next((k for k, f in enumerate(one.frames) if f.index == index), None)
        if at is None or not (0 <= py < height and 0 <= px < width):
            continue
        if best is None or preview.step < shown[best[0]].preview.step:
            best = i, at, round(py, 1), round(px, 1)
    return best


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
    doubted: Collection[tuple[str, int, int]],
    numbers: Mapping[int, int],
) -> tuple[Frame, bool]:
    """Return a frame, and whether it holds so many objects that only doubtful ones are drawn."""
    place = preview.key, preview.frame
    sizes = report.objects.get(place, {})
    middle = centres(preview.labels)
    labels = preview.labels
    is_crowded = len(middle) > _MAX_OUTLINES
    if is_crowded:
        kept = [label for label in middle if (*place, label) in doubted]
        labels = np.where(np.isin(labels, kept), labels, 0)
    outlines = [
        Outline(
            label=label,
            path=path,
            colour=colour_of(numbers[label]),
            at=middle[label],
            words=f"{number(sizes[label])} {report.size_unit}" if label in sizes else "",
            is_doubtful=(*place, label) in doubted,
        )
        for label, path in outline_paths(labels).items()
    ]
    whole = preview.plane is None and not preview.region
    n = len(sizes) if sizes and whole else len(outlines)
    height, width = preview.image.shape
    uri = jpeg_uri(preview.image, quality=_QUALITY)
    pane = Pane(image=uri, width=width, height=height, outlines=outlines)
    return Frame(index=preview.index, panes=(pane,), words=f"n = {n}"), is_crowded
