"""The page about ``plate run``: survival, then wells as they were seen and what should be known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.plates import read_field
from fatescope.base import FatescopeError
from fatescope.pages.chart import number
from fatescope.pages.findings import caution_sentence
from fatescope.pages.page import ImageViewer, Outline, Section, Text, View
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import counted
from fatescope.pages.views import view_of
from fatescope.systems.plates.survival_page import write_survival
from fatescope.systems.viability.page import LAYERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import Finding, PlateLayout, Table

MAX_WELLS, MAX_FRAMES = 6, 6  # on the page

_METHOD = (
    "Cells were found and classified without a stain with the model {model}; found cells were "
    "linked from frame to frame by their distance, over at most {missed} frames in which one was "
    "not found. A cell died at the frame that makes all that the model said of it likeliest; a "
    "dead cell stays dead. Cells seen in fewer than {least} frames do not count."
)


def write_plate_run(
    out: Path,
    layout: PlateLayout,
    tables: Mapping[str, Table],
    findings: Sequence[Finding],
) -> Path:
    """Write ``report.html`` of a plate run, and return its path.

    Parameters
    ----------
    out : Path
        The output folder, with ``cells.parquet`` and ``fates.parquet``.
    layout : PlateLayout
        Images that are gone are not shown.
    tables : mapping of str to Table
        As ``plate survival`` has them; ``treatments`` without rows where there is no map.
    findings : sequence of Finding
        About the plate as a whole; those of wells and fields are in ``findings.csv``.
    """
    result = ResultFolder(out)
    asked = result.settings
    followed = _METHOD.format(
        model=result.model.get("name"),
        missed=asked.get("most_missed"),
        least=asked.get("least_frames"),
    )
    caution = caution_sentence(
        result.findings,
        result.record,
        n_images=sum(map(len, layout.images.values())),
        image="field",
    )
    return write_survival(
        out,
        tables,
        record=result.record,
        seen=_seen(result, layout),
        findings=[*result.findings, *(f.as_row() for f in findings)],
        followed=followed,
        caution=caution,
    )


def _seen(result: ResultFolder, layout: PlateLayout) -> Section | None:
    """Show a field of some wells, with the state of each cell that was followed."""
    cells, fates = result.table("cells"), result.table("fates")
    dies = {
        (w, int(c)): float(d)
        for w, c, d in zip(fates["well"], fates["cell"], fates["death_frame"], strict=True)
    }
    wells = list(dict.fromkeys(cells["well"]))
    chosen = [wells[i] for i in np.unique(np.linspace(0, len(wells) - 1, MAX_WELLS).astype(int))]
    views = []
    for well in chosen if wells else ():
        try:
            views.append(_view(layout, well, cells.rows(cells["well"] == well), dies))
        except (FatescopeError, OSError):
            continue
    if not views:
        return None
    viewer = ImageViewer(
        title="Cells that were followed, by state", views=views, noun="cell", layers=LAYERS
    )
    shown = f"A field of {number(len(views))} of {counted(len(wells), 'well')} is shown."
    return Section(title="What was seen", blocks=(Text(paragraphs=(shown,), tone="aside"), viewer))


def _view(
    layout: PlateLayout, well: str, cells: Table, dies: Mapping[tuple[str, int], float]
) -> View:
    field = cells["field"][0]
    image = read_field(layout, well, field)
    mine = cells.rows(cells["field"] == field)

    def draw(frame: int, step: int) -> tuple[Sequence[Outline], str]:
        outlines = _circles(mine.rows(mine["frame"] == frame), well, frame, dies, step)
        dead = sum(o.layer == "dead" for o in outlines)
        return outlines, f"{counted(len(outlines), 'cell')}, {number(dead)} dead"

    um = layout.spacing.um("YX")
    return view_of(
        image,
        draw,
        title=f"{well}, field {field}",
        channel=_transmitted(image.channels),
        among=np.unique(mine["frame"]).tolist(),
        um=None if um is None else um[-1],
        plane=image.size("Z") // 2,
        most=MAX_FRAMES,
    )


def _transmitted(names: Sequence[str]) -> int:
    from fatescope.base.stains import find_channel

    for wanted in ("brightfield", "phase"):
        try:
            return list(names).index(find_channel(names, wanted))
        except FatescopeError:
            continue
    return 0


def _circles(
    cells: Table, well: str, frame: int, dies: Mapping[tuple[str, int], float], step: int
) -> list[Outline]:
    """Draw each cell as a circle of the area of its nucleus, in half pixels of the image."""
    found = []
    columns: list[Any] = [cells[c].tolist() for c in ("cell", "y", "x", "area_px", "p_dead")]
    for cell, y, x, area, p in zip(*columns, strict=True):
        died = dies.get((well, int(cell)), np.nan)
        state = "dead" if died <= frame else "live"
        r = max(2.0, 2 * np.sqrt(area / np.pi) / step)
        cy, cx = 2 * (y + 0.5) / step, 2 * (x + 0.5) / step
        turn = np.arange(0, 2 * np.pi, np.pi / 6)
        points = [f"{cx + r * np.cos(a):.0f} {cy + r * np.sin(a):.0f}" for a in turn]
        found.append(
            Outline(
                label=int(cell),
                path=f"M{'L'.join(points)}Z",
                colour=LAYERS[state],
                at=((y + 0.5) / step, (x + 0.5) / step),
                words=f"cell {int(cell)}, probability of being dead {p:.2f}",
                layer=state,
            )
        )
    return found
