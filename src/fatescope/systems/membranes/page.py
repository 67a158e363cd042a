"""The page about one run of ``predict membrane``, from the files of its output folder alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_labels
from fatescope.base import FatescopeError
from fatescope.pages.chart import Axis, Chart, Line
from fatescope.pages.findings import caution_sentence, findings_sections
from fatescope.pages.outlines import colour_of
from fatescope.pages.page import Page, PageTable, Section, SolidViewer, Text, outlines_of
from fatescope.pages.result import ResultFolder
from fatescope.pages.sizes import SIZE_UNITS, sizes_section
from fatescope.pages.skeleton import Head, counted, none_or, result_page, text_section
from fatescope.pages.solids import SOLID_STEPS, cell_solids
from fatescope.pages.views import images_section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import LabelImage, Table
    from fatescope.pages.page import Outline

MAX_ROWS, MAX_LINES = 50, 6  # contacts in the table, cells in the chart

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
    result = ResultFolder(out)
    objects, contacts = result.table("objects"), result.table("contacts")
    return result_page(
        Head(
            title="Cells between membranes",
            kind="membranes",
            answer=_answer(result, len(objects), len(contacts)),
            caution=caution_sentence(result.findings, result.record, n_images=len(result.done)),
        ),
        figures=(
            images_section(result, objects, _outlines, title="Cells in planes"),
            _solids(result, objects),
        ),
        findings=findings_sections(result.findings),
        details=(sizes_section(objects), _over_time(result), _contacts(contacts)),
        methods=_methods(result),
        record=result.record,
    )


def _answer(result: ResultFolder, n: int, touching: int) -> str:
    doubted = {(f["file"], f["frame"], f["object"]) for f in result.findings if f["object"]}
    return (
        f"{counted(n, 'cell')} in {counted(len(result.done), 'image')}, "
        f"{none_or(len(doubted))} of them doubtful, with {counted(touching, 'contact')}."
    )


def _outlines(labels: LabelImage, _: Table) -> Sequence[Outline]:
    return outlines_of(labels)


def _solids(result: ResultFolder, objects: Table) -> Section | None:
    """Show the cells of one frame of the first volume as solids."""
    made = (_solid_viewer(result.folder, said, objects) for said in result.done)
    viewer = next((v for v in made if v is not None), None)
    return None if viewer is None else Section(title="Cells in space", blocks=(viewer,))


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
        caption=f"{key}{when}: {counted(len(solids), 'cell')}. Surfaces are smoothed; volumes are "
        "those of the table.",
    )


def _over_time(result: ResultFolder) -> Section | None:
    """Show the size of the cells that are followed longest, if cells are named at several times."""
    table = result.table("over_time", may_be_absent=True)
    size = next((c for c in SIZE_UNITS if c in table), None)
    if size is None:
        return None
    names = table["name"].astype(str)
    times = table["time"].astype(np.float64)
    found, count = np.unique(names, return_counts=True)
    followed = [str(found[i]) for i in np.argsort(-count, kind="stable") if count[i] > 1]
    if not followed:
        return None
    marks = [
        Line(
            name=name,
            x=times[names == name],
            y=table[size][names == name].astype(np.float64),
            colour=colour_of(i + 1),
        )
        for i, name in enumerate(followed[:MAX_LINES])
    ]
    what = size.split("_")[0]
    chart = Chart(
        title=f"{what.capitalize()} of named cells over time",
        x=Axis(title="time, as the markers count it"),
        y=Axis(title=what, unit=SIZE_UNITS[size]),
        marks=marks,
        caption=f"The {len(marks)} cells with most times, of {len(followed)} that are named at "
        "more than one. All, with surface and neighbours, are in over_time.csv.",
    )
    return Section(title="Over time", blocks=(chart,))


def _contacts(contacts: Table) -> Section:
    size = next((c for c in ("area_um2", "length_um") if c in contacts), None)
    if size is None or len(contacts) == 0:
        return text_section("Contacts", "No two cells touch.")
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


def _methods(result: ResultFolder) -> str:
    settings = result.settings
    starts = (
        "given markers"
        if settings.get("markers")
        else "nuclei of another channel"
        if settings.get("nuclei_channel") is not None
        else "the middle between them, pieces without a membrane between them being merged,"
    )
    walls = _RIDGES
    if result.model.get("name", "classical") != "classical":
        sha256 = str(result.model["sha256"])[:12]
        walls = _NETWORK.format(model=result.model["name"], sha256=sha256)
    return METHODS.format(version=result.version, starts=starts, walls=walls)
