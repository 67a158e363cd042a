"""The page about one run of ``predict live-dead``, from the files of its output folder alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Chart, Points, histogram, number
from fatescope.pages.findings import caution_sentence, findings_sections
from fatescope.pages.page import Page, PageTable, Section, outlines_of
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import (
    Head,
    counted,
    result_page,
    share_in_words,
    text_section,
    unsure,
)
from fatescope.pages.views import images_section

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.base import LabelImage, Table
    from fatescope.pages.page import Outline

COLOURS = {"live": "#56B4E9", "dead": "#E69F00"}
"""Two of Okabe and Ito's colours, which all eyes tell apart."""

METHODS = (
    "Cells were found in bright field with fatescope {version} and the model “{name}” (SHA-256 "
    "{sha}): a network proposes boxes with a score, peaks of the score are kept that overlap no "
    "better one, and the probability that a cell is dead was calibrated on images that the network "
    "was not trained on. Cells with a probability of at least {dead_from} count as dead. Areas "
    "and intensities are those of the ellipse in each box. {n} cells were measured in "
    "{images}."
)


def live_dead_page(out: Path) -> Page:
    """Return the page about a finished run of ``predict live-dead``.

    Parameters
    ----------
    out : Path
        The output folder. Inputs that are gone are not shown.
    """
    result = ResultFolder(out)
    objects, viability = result.table("objects"), result.table("viability")
    n, n_images = len(objects), len(result.done)
    return result_page(
        Head(
            title="Live and dead cells",
            kind="live-dead",
            answer=_answer(*result.at_the_end(objects)),
            caution=caution_sentence(result.findings, result.record, n_images=n_images),
        ),
        figures=(
            images_section(
                result,
                objects,
                _outlines,
                title="Cells in images",
                layers=COLOURS,
                note="An outline is the ellipse in the box of a cell, not the cell's own border.",
                words=_words,
            ),
        ),
        doubt=(unsure(objects["p_dead"], "cell", "dead") if len(objects) else None,),
        findings=findings_sections(result.findings),
        details=(_certainty(objects), _viability(viability)),
        methods=METHODS.format(
            version=result.version,
            name=result.model.get("name"),
            sha=result.model.get("sha256"),
            dead_from=result.settings.get("dead_from"),
            n=number(n),
            images=counted(n_images, "image"),
        ),
        record=result.record,
    )


def _answer(objects: Table, where: str) -> str:
    if len(objects) == 0:
        return f"No cell was found in {where}."
    dead = int((objects["state"] == "dead").sum())
    return f"{share_in_words(dead, len(objects), 'cell', 'dead')} in {where}."


def _words(rows: Table) -> str:
    dead = int((rows["state"] == "dead").sum()) if len(rows) else 0
    return f"{counted(len(rows), 'cell')}, {number(dead)} dead"


def _outlines(labels: LabelImage, rows: Table) -> list[Outline]:
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
        return text_section("Viability", "No cell was found, so there is no viability.")
    several = len(set(known["frame"].tolist())) > 1
    names = [
        f"{i}, frame {f}" if several else str(i)
        for i, f in zip(known["image"], known["frame"], strict=True)
    ]
    share, low, high = (known[c].astype(np.float64) for c in ("viability", "low", "high"))
    chart = Chart(
        title="Share of live cells, image by image",
        x=Axis(title="image"),
        y=Axis(title="share of live cells", ends=(0.0, 1.0)),
        marks=(
            Points(
                name="live",
                x=np.arange(1, len(known) + 1),
                y=share,
                low=low,
                high=high,
                colour=COLOURS["live"],
                words=[
                    f"{n}: {a} of {k} live"
                    for n, a, k in zip(names, known["alive"], known["n"], strict=True)
                ],
            ),
        ),
        caption="Bars are 95 % intervals of a share of so many cells (Wilson): they do not hold "
        "what differs from well to well, nor errors of the model.",
    )
    rows = [
        [name, str(n), str(a), f"{s:.3f}", f"{lo:.3f} to {hi:.3f}"]
        for name, n, a, s, lo, hi in zip(
            names, known["n"], known["alive"], share, low, high, strict=True
        )
    ]
    table = PageTable(columns=("image", "cells", "live", "viability", "95 %"), rows=rows)
    return Section(title="Viability", blocks=(chart, table))


def _certainty(objects: Table) -> Section | None:
    if len(objects) == 0:
        return None
    p = objects["p_dead"].astype(np.float64)
    chart = histogram(
        p,
        x=Axis(title="probability that a cell is dead"),
        title="How sure the model is",
        what="cells",
        caption=f"n = {number(len(p))} cells.",
    )
    return Section(title="Certainty", blocks=(chart,))
