"""The page about one run of ``predict viability``, from the files of its output folder alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.chart import Axis, histogram, number
from fatescope.pages.findings import caution_sentence, findings_sections
from fatescope.pages.page import Outline, Page, Section, outlines_of
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, counted, result_page, share_in_words, unsure
from fatescope.pages.views import images_section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import LabelImage, Table

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
    result = ResultFolder(out)
    objects = result.table("objects")
    classes = next((said["classes"] for said in result.done if "classes" in said), ())
    return result_page(
        Head(
            title="Living and dead cells",
            kind="viability",
            answer=_answer(*result.at_the_end(objects)),
            caution=caution_sentence(result.findings, result.record, n_images=len(result.done)),
        ),
        figures=(
            images_section(
                result, objects, _outlines, title="Nuclei by state", layers=LAYERS, words=_words
            ),
        ),
        doubt=(unsure(objects["p_dead"], "cell", "dead") if len(objects) else None,),
        findings=findings_sections(result.findings),
        details=(_certainty(objects),),
        methods=METHODS.format(
            version=result.version, model=result.model.get("name"), classes=", ".join(classes)
        ),
        record=result.record,
    )


def _answer(objects: Table, where: str) -> str:
    if len(objects) == 0:
        return f"No cell was found in {where}."
    dead = int((objects["class"] == "dead").sum())
    return f"{share_in_words(dead, len(objects), 'cell', 'dead')} in {where}."


def _words(rows: Table) -> str:
    dead = int((rows["class"] == "dead").sum()) if len(rows) else 0
    return f"{counted(len(rows), 'cell')}, {number(dead)} dead"


def _outlines(labels: LabelImage, rows: Table) -> list[Outline]:
    states = dict(zip(rows["label"].tolist(), rows["class"], strict=True)) if len(rows) else {}
    return state_outlines(labels, states)


def state_outlines(labels: NDArray[Any], states: Mapping[int, str]) -> list[Outline]:
    """Return the outlines of nuclei, each in the colour of its state."""
    found: list[Outline] = []
    for state, colour in LAYERS.items():
        wanted = {label for label, s in states.items() if s == state}
        found += outlines_of(labels, wanted, layer=state, colour=lambda _, c=colour: c)  # type: ignore[misc]
    return found


def _certainty(objects: Table) -> Section | None:
    if not len(objects):
        return None
    chart = histogram(
        objects["p_dead"].astype(np.float64),
        x=Axis(title="probability of being dead", ends=(0, 1)),
        title="How sure the state of cells is",
        what="cells",
        caption=f"n = {number(len(objects))} cells (of all frames). The middle is where nobody "
        "can say.",
    )
    return Section(title="Certainty", blocks=(chart,))
