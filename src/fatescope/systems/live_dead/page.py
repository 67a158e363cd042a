"""The page about one run of ``predict live-dead``, from the files of its output folder alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.engine import open_recorded, read_record
from fatescope.pages.chart import Axis, Chart, Points, histogram
from fatescope.pages.findings import caution_sentence, findings_section, read_findings
from fatescope.pages.images import display_limits, jpeg_uri, shrink_labels, shrink_mean, to_grey
from fatescope.pages.page import (
    Fact,
    Frame,
    ImageViewer,
    Outline,
    Page,
    PageTable,
    Pane,
    Section,
    Text,
    View,
    outlines_of,
)
from fatescope.pages.settings import methods_section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fatescope.base import Table

MAX_IMAGES, MAX_FRAMES, MAX_POINTS = 12, 12, 60
_SIDE_PX = 640
COLOURS = {"live": "#56B4E9", "dead": "#E69F00"}
"""Two of Okabe and Ito's colours, which all eyes tell apart."""

METHODS = (
    "Cells were found in bright field with fatescope {version} and the model “{name}” (SHA-256 "
    "{sha}): a network proposes boxes with a score, peaks of the score are kept that overlap no "
    "better one, and the probability that a cell is dead was calibrated on images that the network "
    "was not trained on. Cells with a probability of at least {dead_from} count as dead. Areas "
    "and intensities are those of the ellipse in each box. {n} cells were measured in {images} "
    "images."
)


def live_dead_page(out: Path) -> Page:
    """Return the page about a finished run of ``predict live-dead``.

    Parameters
    ----------
    out : Path
        The output folder. Inputs that are gone are not shown.
    """
    record = read_record(out)
    objects, viability = read_table(out / "objects.csv"), read_table(out / "viability.csv")
    findings = read_findings(out, record)
    n, alive = int(viability["n"].sum()), int(viability["alive"].sum())
    done = [said for said in record["inputs"] if said["state"] == "done"]
    share = f"{100 * alive / n:.0f} % alive" if n else "no cell"
    return Page(
        title="Live and dead cells",
        kind="live-dead",
        lead=f"{n} cell{'' if n == 1 else 's'} in {len(done)} image{'' if len(done) == 1 else 's'}"
        f", {alive} live and {n - alive} dead{f': {share}' if n else ''}.",
        caution=caution_sentence(findings, record, n_images=len(done)),
        facts=(
            Fact(name="Cells", value=str(n)),
            Fact(name="Live", value=str(alive)),
            Fact(name="Dead", value=str(n - alive)),
        ),
        sections=[
            *_images(out, record, objects),
            _viability(viability),
            *_certainty(objects),
            findings_section(findings),
            _methods(record, n, len(done)),
        ],
        version=str(record.get("fatescope", "")),
    )


def _images(out: Path, record: Mapping[str, Any], objects: Table) -> list[Section]:
    """Show the first images with the outlines of cells, coloured by state."""
    views: list[View] = []
    for said in record["inputs"]:
        if len(views) == MAX_IMAGES:
            break
        if said["state"] == "done" and (view := _view(out, said, record, objects)) is not None:
            views.append(view)
    if not views:
        return []
    more = sum(s["state"] == "done" for s in record["inputs"]) - len(views)
    notes = ["An outline is the ellipse in the box of a cell, not the cell's own border."]
    notes += [f"{more} more images are in the folder."] if more > 0 else []
    viewer = ImageViewer(title="Cells in images", views=views, noun="cell", layers=COLOURS)
    note = Text(paragraphs=(" ".join(notes),), tone="aside")
    return [Section(title="Cells", blocks=[note, viewer])]


def _view(
    out: Path, said: Mapping[str, Any], record: Mapping[str, Any], objects: Table
) -> View | None:
    key = said["image"]
    if (pair := open_recorded(out, record, said)) is None:
        return None
    image, labels = pair
    axis, walk = ("Z", "plane") if image.size("Z") > 1 else ("T", "frame")
    n = image.size(axis)
    shown = np.unique(np.linspace(0, n - 1, MAX_FRAMES).round().astype(int)).tolist()
    step = max(1, -(-max(image.size("Y"), image.size("X")) // _SIDE_PX))
    channel = said.get("channel", 0)
    limits = display_limits(image.read(**_at(axis, n // 2), C=channel))
    mine = objects.rows(objects["image"] == key) if len(objects) else objects
    frames = []
    for index in shown:
        grey = to_grey(
            shrink_mean(image.read(**_at(axis, index), C=channel), step=step), limits=limits
        )
        plane = shrink_labels(labels.read(**_at(axis, index)), step=step)
        rows = mine.rows(mine["frame"] == (index if axis == "T" else 0)) if len(mine) else mine
        pane = Pane(
            image=jpeg_uri(grey, quality=85),
            width=grey.shape[1],
            height=grey.shape[0],
            outlines=_outlines(plane, rows),
        )
        frames.append(Frame(panes=(pane,), index=index))
    pixel = said.get("spacing", {}).get("X", {}).get("value")
    return View(
        title=key,
        frames=frames,
        walk=walk,
        length=n,
        um=None if pixel is None else pixel * step,
        step=step,
        black=limits[0],
        white=limits[1],
    )


def _at(axis: str, index: int) -> dict[str, int]:
    """Return the place of a plane: the other axis is at its beginning."""
    return {"T": 0, "Z": 0, axis: index}


def _outlines(labels: NDArray[Any], rows: Table) -> list[Outline]:
    said = (
        {
            int(label): (str(state), float(p), float(score))
            for label, state, p, score in zip(
                *(rows[c].tolist() for c in ("label", "state", "p_dead", "score")), strict=True
            )
        }
        if len(rows)
        else {}
    )
    found = []
    for one in outlines_of(labels):
        if one.label in said:
            state, p, score = said[one.label]
            words = f"{state}, p(dead) {p:.2f}, score {score:.2f}"
            found.append(replace(one, colour=COLOURS[state], layer=state, words=words))
    return found


def _viability(viability: Table) -> Section:
    """Show the share of live cells in each image and frame, with its interval."""
    known = viability.rows(viability["n"] > 0) if len(viability) else viability
    if len(known) == 0:
        text = "No cell was found, so there is no viability."
        return Section(title="Viability", blocks=(Text(paragraphs=(text,)),))
    few = known.rows(np.arange(len(known)) < MAX_POINTS)
    several = len(set(few["frame"].tolist())) > 1
    names = [
        f"{i}, frame {f}" if several else str(i)
        for i, f in zip(few["image"], few["frame"], strict=True)
    ]
    share, low, high = (few[c].astype(np.float64) for c in ("viability", "low", "high"))
    chart = Chart(
        title="Share of live cells, image by image",
        x=Axis(title="image"),
        y=Axis(title="share of live cells", ends=(0.0, 1.0)),
        marks=(
            Points(
                name="live",
                x=np.arange(1, len(few) + 1),
                y=share,
                low=low,
                high=high,
                colour=COLOURS["live"],
                words=[
                    f"{n}: {a} of {k} live"
                    for n, a, k in zip(names, few["alive"], few["n"], strict=True)
                ],
            ),
        ),
        caption="Bars are 95 % intervals of a share of so many cells (Wilson): they do not hold "
        "what differs from well to well, nor errors of the model.",
    )
    rows = [
        [name, str(n), str(a), f"{s:.3f}", f"{lo:.3f} to {hi:.3f}"]
        for name, n, a, s, lo, hi in zip(
            names, few["n"], few["alive"], share, low, high, strict=True
        )
    ]
    table = PageTable(columns=("image", "cells", "live", "viability", "95 %"), rows=rows)
    more = len(known) - len(few)
    note = [Text(paragraphs=(f"{more} more rows are in viability.csv.",), tone="aside")]
    return Section(title="Viability", blocks=(chart, table, *(note if more > 0 else [])))


def _certainty(objects: Table) -> list[Section]:
    if len(objects) == 0:
        return []
    p = objects["p_dead"].astype(np.float64)
    unsure = int(((p > 0.1) & (p < 0.9)).sum())
    chart = histogram(
        p,
        x=Axis(title="probability that a cell is dead"),
        title="How sure the model is",
        what="cells",
        caption=f"n = {len(p)} cells; {unsure} of them between 0.1 and 0.9.",
    )
    return [Section(title="Certainty", blocks=(chart,))]


def _methods(record: Mapping[str, Any], n: int, images: int) -> Section:
    settings, model = record["settings"], record.get("model") or {}
    text = METHODS.format(
        version=record.get("fatescope"),
        name=model.get("name"),
        sha=model.get("sha256"),
        dead_from=settings.get("dead_from"),
        n=n,
        images=images,
    )
    return methods_section(text, record)
