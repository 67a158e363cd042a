"""The page about one run of ``predict viability``, from the files of its output folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.engine import open_recorded, read_record
from fatescope.pages.chart import Axis, histogram
from fatescope.pages.findings import caution_sentence, findings_section, read_findings
from fatescope.pages.images import display_limits, jpeg_uri, shrink_labels, shrink_mean, to_grey
from fatescope.pages.page import (
    Fact,
    Frame,
    ImageViewer,
    Outline,
    Page,
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

    from fatescope.base import Image, Table

MAX_IMAGES, MAX_FRAMES = 6, 8
_SIDE_PX = 900
LAYERS = {"live": "#009e73", "dead": "#d55e00"}
"""Okabe-Ito: green-blue for living, vermilion for dead."""

METHODS = (
    "Cells were classified without a stain with fatescope {version} and the model {model}: each "
    "pixel was compared with the light around it, a network gave the probability of each class "
    "({classes}), nuclei are connected pixels of the two classes of nuclei, divided by the "
    "distance to their outline where they touch, and the state of a nucleus is that of its mean "
    "probability."
)


def viability_page(out: Path) -> Page:
    """Return the page about a finished run of ``predict viability``.

    Parameters
    ----------
    out : Path
        The output folder. Inputs that are gone are not shown.
    """
    record = read_record(out)
    objects = read_table(out / "objects.parquet")
    findings = read_findings(out, record)
    n = len(objects)
    dead = int((objects["class"].astype(str) == "dead").sum()) if n else 0
    done = sum(said["state"] == "done" for said in record["inputs"])
    share = f"{1 - dead / n:.1%} of them alive" if n else "none"
    sections = [*_images(out, record, objects), *_numbers(objects), findings_section(findings)]
    return Page(
        title="Living and dead cells",
        kind="viability",
        lead=f"{n} cells in {done} image{'' if done == 1 else 's'}, {share}.",
        caution=caution_sentence(findings, record, n_images=done),
        facts=(
            Fact(name="Cells", value=str(n)),
            Fact(name="Dead", value=str(dead)),
        ),
        sections=[*sections, _methods(record)],
        version=str(record.get("fatescope", "")),
    )


def _images(out: Path, record: Mapping[str, Any], objects: Table) -> list[Section]:
    views = []
    done = [said for said in record["inputs"] if said["state"] == "done"]
    for said in done[:MAX_IMAGES]:
        if (view := _view(out, said, record, objects)) is not None:
            views.append(view)
    if not views:
        return []
    more = len(done) - len(views)
    note = [Text(paragraphs=(f"{more} more are in the folder.",), tone="aside")] if more > 0 else []
    viewer = ImageViewer(title="Nuclei by state", views=views, noun="cell", layers=LAYERS)
    return [Section(title="Outlines", blocks=[viewer, *note])]


def _view(
    out: Path, said: Mapping[str, Any], record: Mapping[str, Any], objects: Table
) -> View | None:
    key = said["image"]
    if (pair := open_recorded(out, record, said)) is None:
        return None
    image, labels = pair
    mine = objects.rows(objects["image"].astype(str) == key) if len(objects) else objects
    n_frames = image.size("T")
    shown = np.unique(np.linspace(0, n_frames - 1, min(n_frames, MAX_FRAMES)).round().astype(int))
    step = max(1, -(-max(image.size("Y"), image.size("X")) // _SIDE_PX))
    channel = said.get("channel", 0)
    limits = display_limits(image.read(T=int(shown[0]), C=channel, Z=0))
    pixel = said.get("spacing", {}).get("X", {}).get("value")
    frames = [_frame(image, labels, mine, int(t), channel, step, limits) for t in shown]
    return View(
        title=key,
        frames=frames,
        length=n_frames,
        interval_min=image.spacing.interval_min,
        um=None if pixel is None else pixel * step,
        step=step,
        black=limits[0],
        white=limits[1],
    )


def _frame(
    image: Image,
    labels: Image,
    objects: Table,
    t: int,
    channel: int,
    step: int,
    limits: tuple[float, float],
) -> Frame:
    grey = to_grey(shrink_mean(image.read(T=t, C=channel, Z=0), step=step), limits=limits)
    plane = shrink_labels(labels.read(T=t), step=step)
    mine = objects.rows(objects["frame"].astype(np.int64) == t) if len(objects) else objects
    states = {}
    if len(mine):
        states = dict(zip(mine["label"].astype(int).tolist(), map(str, mine["class"]), strict=True))
    dead = sum(s == "dead" for s in states.values())
    pane = Pane(
        image=jpeg_uri(grey, quality=80),
        width=grey.shape[1],
        height=grey.shape[0],
        outlines=state_outlines(plane, states),
    )
    return Frame(panes=(pane,), index=t, words=f"{len(states)} cells, {dead} dead")


def state_outlines(labels: NDArray[Any], states: Mapping[int, str]) -> list[Outline]:
    """Return the outlines of nuclei, each in the colour of its state."""
    found: list[Outline] = []
    for state, colour in LAYERS.items():
        wanted = {label for label, s in states.items() if s == state}
        found += outlines_of(labels, wanted, layer=state, colour=lambda _, c=colour: c)  # type: ignore[misc]
    return found


def _numbers(objects: Table) -> list[Section]:
    if not len(objects):
        text = "No cell was found."
        return [Section(title="Cells", blocks=(Text(paragraphs=(text,)),))]
    chart = histogram(
        objects["p_dead"].astype(np.float64),
        x=Axis(title="probability of being dead", ends=(0, 1)),
        title="How sure the state of cells is",
        what="cells",
        caption=f"n = {len(objects)} cells (of all frames). The middle is where nobody can say.",
    )
    return [Section(title="Certainty", blocks=(chart,))]


def _methods(record: Mapping[str, Any]) -> Section:
    model = record.get("model") or {}
    classes = next((i["classes"] for i in record["inputs"] if "classes" in i), ())
    text = METHODS.format(
        version=record.get("fatescope"), model=model.get("name"), classes=", ".join(classes)
    )
    return methods_section(text, record)
