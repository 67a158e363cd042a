"""The page about one run of ``predict membrane``, from the files of its output folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_labels, read_table
from fatescope.base import FatescopeError
from fatescope.engine import open_recorded, read_record
from fatescope.pages.chart import Axis, Chart, Line, histogram
from fatescope.pages.findings import caution_sentence, findings_section, read_findings
from fatescope.pages.images import display_limits, jpeg_uri, shrink_labels, shrink_mean, to_grey
from fatescope.pages.outlines import colour_of
from fatescope.pages.page import (
    Fact,
    Frame,
    ImageViewer,
    Page,
    PageTable,
    Pane,
    Section,
    SolidViewer,
    Text,
    View,
    fullest,
    outlines_of,
)
from fatescope.pages.settings import methods_section
from fatescope.pages.solids import cell_solids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fatescope.base import Image, Table

MAX_IMAGES, MAX_PLANES, MAX_ROWS, MAX_LINES = 6, 12, 50, 6
_SIDE_PX = 480
SOLID_STEPS = 96

METHODS = (
    "Cells were segmented with fatescope {version}: each plane was divided by its own brightness, "
    "{walls}, and cells were grown from {starts} up to them by watershed. Volumes "
    "count half of each wall; contact areas are those of the faces between cells."
)

_RIDGES = (
    "the outer surface was taken as the closed region of signal, membranes were found as ridges of "
    "the width of a membrane"
)
_NETWORK = (
    "the outer surface was taken as the closed region of signal, membranes inside of it were drawn "
    "by the network {model} ({sha256})"
)


def membrane_page(out: Path) -> Page:
    """Return the page about a finished run of ``predict membrane``.

    Parameters
    ----------
    out : Path
        The output folder. Inputs that are gone are not shown.
    """
    record = read_record(out)
    objects = read_table(out / "objects.csv")
    contacts = read_table(out / "contacts.csv")
    findings = read_findings(out, record)
    sections = [
        *_images(out, record),
        *_solids(out, record, objects),
        *_sizes(objects),
        *_over_time(out),
        _contacts(contacts),
        findings_section(findings),
    ]
    n, touching = len(objects), len(contacts)
    done = sum(said["state"] == "done" for said in record["inputs"])
    cells = f"{n} cell{'' if n == 1 else 's'}"
    return Page(
        title="Cells between membranes",
        kind="membranes",
        lead=f"{cells} in {done} image{'' if done == 1 else 's'}, {touching} contacts.",
        caution=caution_sentence(findings, record, n_images=done),
        facts=(Fact(name="Cells", value=str(n)), Fact(name="Contacts", value=str(touching))),
        sections=[*sections, _methods(record)],
        version=str(record.get("fatescope", "")),
    )


def _images(out: Path, record: Mapping[str, Any]) -> list[Section]:
    """Show planes of the first images with the outlines of cells."""
    views = []
    done = [said for said in record["inputs"] if said["state"] == "done"]
    for said in done[:MAX_IMAGES]:
        if (view := _view(out, said, record)) is not None:
            views.append(view)
    if not views:
        return []
    more = len(done) - len(views)
    note = [Text(paragraphs=(f"{more} more are in the folder.",), tone="aside")] if more > 0 else []
    viewer = ImageViewer(title="Cells in planes", views=views, noun="cell")
    return [Section(title="Outlines", blocks=[viewer, *note])]


def _view(out: Path, said: Mapping[str, Any], record: Mapping[str, Any]) -> View | None:
    key = said["image"]
    if (pair := open_recorded(out, record, said)) is None:
        return None
    image, labels = pair
    walk = "plane" if image.size("Z") > 1 else "frame"
    axis = "Z" if walk == "plane" else "T"
    shown = _shown(labels, axis)
    step = max(1, -(-max(image.size("Y"), image.size("X")) // _SIDE_PX))
    channel = said.get("channel", 0)
    limits = display_limits(image.read(**{axis: image.size(axis) // 2, "C": channel}))
    frames = []
    for index in shown.tolist():
        at = {axis: index}
        whole = image.read(**at, C=channel, **({"T": 0} if axis == "Z" else {}))
        grey = to_grey(shrink_mean(whole, step=step), limits=limits)
        plane = shrink_labels(labels.read(**at, **({"T": 0} if axis == "Z" else {})), step=step)
        pane = Pane(
            image=jpeg_uri(grey, quality=80),
            width=grey.shape[1],
            height=grey.shape[0],
            outlines=outlines_of(plane),
        )
        frames.append(Frame(panes=(pane,), index=index))
    pixel = said.get("spacing", {}).get("X", {}).get("value")
    return View(
        title=key,
        frames=frames,
        walk=walk,
        length=image.size(axis),
        opens_at=0 if axis == "T" else fullest(frames),
        um=None if pixel is None else pixel * step,
        step=step,
        black=limits[0],
        white=limits[1],
    )


def _shown(labels: Image, axis: str) -> NDArray[np.intp]:
    """Choose planes (or frames) evenly among those from the first to the last with cells."""
    filled = [i for i in range(labels.size(axis)) if labels.read(**{axis: i}).any()]
    first, last = (filled[0], filled[-1]) if filled else (0, labels.size(axis) - 1)
    return np.unique(np.linspace(first, last, MAX_PLANES).round().astype(np.intp))


def _solids(out: Path, record: Mapping[str, Any], objects: Table) -> list[Section]:
    """Show the cells of one frame of the first volume as solids."""
    for said in record["inputs"]:
        if said["state"] == "done" and (viewer := _solid_viewer(out, said, objects)) is not None:
            return [Section(title="Cells in space", blocks=(viewer,))]
    return []


def _solid_viewer(out: Path, said: Mapping[str, Any], objects: Table) -> SolidViewer | None:
    key = said["image"]
    known = [said.get("spacing", {}).get(a, {}).get("value") for a in "ZYX"]
    zarr = out / "labels" / f"{key}.ome.zarr"
    try:
        labels = read_labels(zarr if zarr.is_dir() else out / "labels" / f"{key}.tif")
    except (FatescopeError, OSError):
        return None
    rows = objects.rows(objects["image"] == key)
    if labels.size("Z") < 2 or len(rows) == 0 or None in known:
        return None
    frame = int(rows["frame"].max())
    rows = rows.rows(rows["frame"] == frame)
    names = (
        dict(zip(rows["label"].tolist(), rows["name"].tolist(), strict=True))
        if "name" in rows
        else {}
    )
    volumes = dict(zip(rows["label"].tolist(), rows["volume_um3"].tolist(), strict=True))
    reach = max(s * n for s, n in zip(known, (labels.size(a) for a in "ZYX"), strict=True))
    solids = cell_solids(
        labels.read(T=frame) if "T" in labels.axes else labels.read(),
        spacing_um=known,
        step_um=reach / SOLID_STEPS,
        name=lambda label: str(names.get(label) or label),
        words=lambda label: f"{volumes.get(label, np.nan):.0f} µm³",
        colour=colour_of,
    )
    when = f", frame {frame}" if labels.size("T") > 1 else ""
    return SolidViewer(
        title="Cells in space",
        solids=solids,
        caption=f"{key}{when}: {len(solids)} cells. Surfaces are smoothed; volumes are those "
        "of the table.",
    )


def _sizes(objects: Table) -> list[Section]:
    names = {"volume_um3": "µm³", "area_um2": "µm²", "volume_px": "voxels", "area_px": "px"}
    known = {c: objects[c].astype(np.float64) for c in names if c in objects}
    known = {c: v[~np.isnan(v)] for c, v in known.items()}
    if not any(map(len, known.values())):
        return [Section(title="Sizes", blocks=(Text(paragraphs=("No cell was found.",)),))]
    column = max(known, key=lambda c: len(known[c]))  # of equals the first
    values = known[column]
    what = column.split("_")[0]
    low, middle, high = np.percentile(values, [5, 50, 95])
    chart = histogram(
        values,
        x=Axis(title=what, unit=names[column]),
        title=f"Distribution of {what}",
        what="cells",
        caption=f"n = {len(values)} cells. Median {middle:.4g}, 5 to 95 % of them between "
        f"{low:.4g} and {high:.4g} {names[column]}.",
    )
    return [Section(title="Sizes", blocks=(chart,))]


def _over_time(out: Path) -> list[Section]:
    """Show the size of the cells that are followed longest, if cells are named at several times."""
    path = out / "over_time.csv"
    if not path.is_file():
        return []
    table = read_table(path)
    size = next((c for c in ("volume_um3", "area_um2", "volume_px", "area_px") if c in table), None)
    if size is None:
        return []
    names = table["name"].astype(str)
    times = table["time"].astype(np.float64)
    found, count = np.unique(names, return_counts=True)
    followed = [str(found[i]) for i in np.argsort(-count, kind="stable") if count[i] > 1]
    if not followed:
        return []
    marks = [
        Line(
            name=name,
            x=times[names == name],
            y=table[size][names == name].astype(np.float64),
            colour=colour_of(i + 1),
        )
        for i, name in enumerate(followed[:MAX_LINES])
    ]
    what, unit = size.split("_")
    chart = Chart(
        title=f"{what.capitalize()} of named cells over time",
        x=Axis(title="time, as the markers count it"),
        y=Axis(title=what, unit=unit.replace("um", "µm").replace("3", "³").replace("2", "²")),
        marks=marks,
        caption=f"The {len(marks)} cells with most times, of {len(followed)} that are named at "
        "more than one. All, with surface and neighbours, are in over_time.csv.",
    )
    return [Section(title="Over time", blocks=(chart,))]


def _contacts(contacts: Table) -> Section:
    size = next((c for c in ("area_um2", "length_um") if c in contacts), None)
    if size is None or len(contacts) == 0:
        return Section(title="Contacts", blocks=(Text(paragraphs=("No two cells touch.",)),))
    values = contacts[size].astype(np.float64)
    rows = [
        [str(contacts[c][i]) for c in ("image", "frame", "label_a", "label_b")]
        + ["–" if np.isnan(values[i]) else f"{values[i]:.1f}"]
        for i in np.argsort(-values, kind="stable")[:MAX_ROWS]
    ]
    unit = "area (µm²)" if size == "area_um2" else "length (µm)"
    table = PageTable(columns=("image", "frame", "cell", "cell", unit), rows=rows)
    chosen = "first" if np.isnan(values).all() else "largest"
    note = f"The {len(rows)} {chosen} of {len(contacts)}; all are in contacts.csv."
    if unknown := int(np.isnan(values).sum()):
        note += f" The size of {unknown} is unknown, since the size of a pixel is."
    return Section(title="Contacts", blocks=(table, Text(paragraphs=(note,), tone="aside")))


def _methods(record: Mapping[str, Any]) -> Section:
    settings = record["settings"]
    starts = (
        "given markers"
        if settings.get("markers")
        else "nuclei of another channel"
        if settings.get("nuclei_channel") is not None
        else "the middle between them, pieces without a membrane between them being merged,"
    )
    model = record.get("model") or {}
    walls = _RIDGES
    if model.get("name", "classical") != "classical":
        walls = _NETWORK.format(model=model["name"], sha256=str(model["sha256"])[:12])
    text = METHODS.format(version=record.get("fatescope"), starts=starts, walls=walls)
    return methods_section(text, record)
