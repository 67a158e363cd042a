"""The page about ``plate run``: survival, then wells as they were seen and what should be known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.acquire.plates import read_field
from fatescope.base import FatescopeError
from fatescope.engine import read_record
from fatescope.pages.findings import caution_sentence, read_findings
from fatescope.pages.images import display_limits, jpeg_uri, shrink_mean, to_grey
from fatescope.pages.page import Frame, ImageViewer, Outline, PageTable, Pane, Section, Text, View
from fatescope.systems.plates.survival_page import write_survival
from fatescope.systems.viability.page import LAYERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import Finding, PlateLayout, Table

MAX_WELLS, MAX_FRAMES, MAX_ROWS = 6, 6, 40
_SIDE_PX = 600

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
    more = [*_seen(out, layout), *_notes(out, findings), _followed(out)]
    record = read_record(out)
    caution = caution_sentence(
        read_findings(out, record),
        record,
        n_images=sum(map(len, layout.images.values())),
        image="field",
    )
    return write_survival(out, tables, more=more, caution=caution)


def _seen(out: Path, layout: PlateLayout) -> list[Section]:
    """Show a field of some wells, with the state of each cell that was followed."""
    cells = read_table(out / "cells.parquet")
    fates = read_table(out / "fates.parquet")
    dies = {
        (str(w), int(c)): float(d)
        for w, c, d in zip(fates["well"], fates["cell"], fates["death_frame"], strict=True)
    }
    wells = list(dict.fromkeys(map(str, cells["well"])))
    chosen = [wells[i] for i in np.unique(np.linspace(0, len(wells) - 1, MAX_WELLS).astype(int))]
    views = []
    for well in chosen if wells else ():
        mine = cells.rows(cells["well"].astype(str) == well)
        try:
            views.append(_view(layout, well, mine, dies))
        except (FatescopeError, OSError):
            continue
    if not views:
        return []
    viewer = ImageViewer(
        title="Cells that were followed, by state", views=views, noun="cell", layers=LAYERS
    )
    return [Section(title="What was seen", blocks=(viewer,))]


def _view(
    layout: PlateLayout, well: str, cells: Table, dies: Mapping[tuple[str, int], float]
) -> View:
    field = str(cells["field"][0])
    image = read_field(layout, well, field)
    mine = cells.rows(cells["field"].astype(str) == field)
    every = np.unique(mine["frame"].astype(int))
    shown = every[np.unique(np.linspace(0, len(every) - 1, MAX_FRAMES).astype(int))]
    channel = _transmitted(image.channels)
    step = max(1, -(-max(image.size("Y"), image.size("X")) // _SIDE_PX))
    limits = display_limits(image.read(T=int(shown[0]), C=channel, Z=image.size("Z") // 2))
    frames = []
    for t in shown.tolist():
        plane = image.read(T=t, C=channel, Z=image.size("Z") // 2)
        grey = to_grey(shrink_mean(plane, step=step), limits=limits)
        now = mine.rows(mine["frame"].astype(int) == t)
        outlines = _circles(now, well, t, dies, step)
        dead = sum(o.layer == "dead" for o in outlines)
        pane = Pane(
            image=jpeg_uri(grey, quality=80),
            width=grey.shape[1],
            height=grey.shape[0],
            outlines=outlines,
        )
        frames.append(
            Frame(panes=(pane,), index=int(t), words=f"{len(outlines)} cells, {dead} dead")
        )
    um = layout.spacing.um("YX")
    return View(
        title=f"{well}, field {field}",
        frames=frames,
        length=image.size("T"),
        interval_min=layout.spacing.interval_min,
        um=None if um is None else um[-1] * step,
        step=step,
        black=limits[0],
        white=limits[1],
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


def _followed(out: Path) -> Section:
    record = read_record(out)
    asked = record.get("settings") or {}
    text = _METHOD.format(
        model=(record.get("model") or {}).get("name"),
        missed=asked.get("most_missed"),
        least=asked.get("least_frames"),
    )
    return Section(title="How cells were followed", blocks=(Text(paragraphs=(text,)),))


def _notes(out: Path, findings: Sequence[Finding]) -> list[Section]:
    table = read_table(out / "findings.csv")
    frames: dict[tuple[str, ...], list[int]] = {}
    for i in range(len(table)):
        said = tuple(str(table[c][i] or "") for c in ("severity", "rule", "file", "reason"))
        frame = table["frame"][i]
        known = frame is not None and np.isfinite(float(frame))
        frames.setdefault(said, []).extend([int(frame)] if known else [])
    rows = [[*key[:3], _in_runs(found), key[3]] for key, found in frames.items()]
    rows += [[f.severity, f.rule, f.file, "", f.reason] for f in findings]
    if not rows:
        return []
    note = f"The first {MAX_ROWS}; all are in findings.csv." if len(rows) > MAX_ROWS else ""
    blocks: list[Any] = [
        PageTable(columns=("severity", "rule", "where", "frames", "reason"), rows=rows[:MAX_ROWS])
    ]
    if note:
        blocks.append(Text(paragraphs=(note,), tone="aside"))
    return [Section(title="Findings", blocks=blocks)]


def _in_runs(frames: Sequence[int]) -> str:
    """Return frames as a person writes them: 0-7, 9."""
    known = np.unique(np.asarray(frames, dtype=np.int64))
    parts = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    runs = [(int(p[0]), int(p[-1])) for p in parts if len(p)]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)
