"""The page about stitched wells: seams as images, and how sure every place is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image
from fatescope.pages.chart import Axis, histogram, number
from fatescope.pages.findings import findings_sections
from fatescope.pages.images import display_limits, shrink_mean, to_grey
from fatescope.pages.page import (
    Block,
    Frame,
    ImageViewer,
    PageTable,
    Pane,
    Section,
    Text,
    View,
    write_page,
)
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, counted, result_page
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Table

_SIDE_PX, _MOST_WELLS = 1200, 6  # of an image of seams; on the page
_MEANING = (
    "Fields are coloured as on a chessboard, magenta and green. Where they overlap and agree, the "
    "image is grey; a cell that is seen twice stands out in both colours."
)
_METHOD = (
    "Light was evened by what all fields share. Neighbours were matched by the correlation "
    "of what both show, at every shift in reach of the stage's; a match counts if it is stronger "
    "than all found in pairs that cannot match (one field upside down). Positions are the least "
    "squares of all matches, weighted by their precision, without those that disagree with the "
    "others. One placement serves all channels, planes and frames."
)


def write_seams(path: Path, one: NDArray[Any], other: NDArray[Any]) -> None:
    """Write two halves of the fields of a well as one PNG, in magenta and green.

    Parameters
    ----------
    path : Path
    one, other : ndarray, shape (Y, X)
        0 where a half has no field.
    """
    from PIL import Image as PillowImage

    step = max(1, -(-max(one.shape) // _SIDE_PX))
    limits = display_limits(np.concatenate([one[one > 0], other[other > 0]]))
    magenta, green = (to_grey(shrink_mean(h, step=step), limits=limits) for h in (one, other))
    with write_beside(path) as part:
        PillowImage.fromarray(np.stack([magenta, green, magenta], axis=-1)).save(part, format="PNG")


def write_stitching(out: Path) -> Path:
    """Write ``report.html`` from the tables and seams of an output folder; return its path."""
    result = ResultFolder(out)
    positions, edges = result.table("positions"), result.table("edges")
    wells = list(dict.fromkeys(positions["well"]))
    n, placed = len(positions), int(positions["placed"].sum())
    used = edges["used"] == 1
    agreement = (
        histogram(
            edges["residual_px"][used],
            x=Axis(title="disagreement of an overlap with the placement", unit="px"),
            title="Overlaps that were used",
            what="overlaps",
            caption=f"n = {number(int(used.sum()))} of {counted(len(edges), 'overlap')}.",
        )
        if used.any()
        else None
    )
    of = f"{number(placed)} of {counted(n, 'field')} in {counted(len(wells), 'well')}"
    others = f"; {number(n - placed)} lie where the stage put them"
    answer = f"{of} tied to their neighbours{others if placed < n else ''}."
    page = result_page(
        Head(title="Stitched wells", kind="stitching", answer=answer),
        figures=(_seams(out, wells),),
        doubt=(agreement,),
        findings=findings_sections(result.findings, images="fields"),
        details=(_table(wells, positions, edges),),
        methods=_METHOD,
        record=result.record,
    )
    return write_page(out / "report.html", page)


def _seams(out: Path, wells: Sequence[str]) -> Section:
    views = []
    for well in wells[:_MOST_WELLS]:
        channels = read_image(out / "seams" / f"{well}.png").read()
        grey = channels.ndim == 2  # black seams: equal channels are read as one
        colours = np.stack([channels] * 3 if grey else list(channels), axis=-1)
        views.append(View(title=well, frames=(Frame(panes=(Pane.of(colours),)),)))
    blocks: list[Block] = [
        Text(paragraphs=(_MEANING,)),
        ImageViewer(title="Seams", views=views, noun="field"),
    ]
    if len(wells) > _MOST_WELLS:
        more = f"{_MOST_WELLS} of {number(len(wells))} wells; all are in the folder seams."
        blocks.append(Text(paragraphs=(more,), tone="aside"))
    return Section(title="Seams", blocks=blocks)


def _table(wells: Sequence[str], positions: Table, edges: Table) -> Section:
    rows = []
    for well in wells:
        mine, pairs = positions.rows(positions["well"] == well), edges.rows(edges["well"] == well)
        used = pairs.rows(pairs["used"] == 1)
        rows.append(
            (
                well,
                str(len(mine)),
                str(int((mine["placed"] == 0).sum())),
                f"{len(used)} / {len(pairs)}",
                f"{np.median(used['quality']):.2f}" if len(used) else "–",
                f"{np.sqrt(np.mean(used['residual_px'] ** 2)):.2f}" if len(used) else "–",
                f"{used['residual_px'].max():.2f}" if len(used) else "–",
            )
        )
    columns = (
        "well", "fields", "by the stage alone", "overlaps used", "median quality",
        "RMS disagreement (px)", "worst (px)",
    )  # fmt: skip
    return Section(title="Wells", blocks=(PageTable(columns=columns, rows=rows),))
