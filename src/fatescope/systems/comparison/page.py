"""The page of a comparison: the answer, scores by kind, and the images that differ most."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fatescope.evaluate import compare_scores, explain_errors, pool_scores
from fatescope.pages.differences import differences
from fatescope.pages.images import display_limits, jpeg_uri, shrink_mean, to_grey
from fatescope.pages.page import (
    Frame,
    ImageViewer,
    PageTable,
    Pane,
    Section,
    Text,
    View,
    outlines_of,
    write_page,
)
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, result_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import LabelImage
    from fatescope.evaluate import (
        ComparedScore,
        CompareSettings,
        LabelScores,
        PairedDifference,
    )
    from fatescope.pages.chart import Chart

FEW_UNITS = 6  # percentile intervals of fewer are too narrow (record 0121)
_LAYERS = {"found": "#56b4e9", "wrong": "#d55e00", "missed": "#f0e442"}
_MOST_PX = 600  # of an image on the page, along its longer side
SCORES: dict[ComparedScore, str] = {
    "ap_50": "AP at 0.50",
    "ap_75": "AP at 0.75",
    "mean_ap_50_90": "mean AP 0.50-0.90",
    "iou": "pixel IoU",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparePage:
    """What stands on the page; ``scores``, ``kinds`` and ``units`` by image."""

    difference: PairedDifference
    lead: str
    names: tuple[str, str]
    kinds: Sequence[str]
    units: Sequence[str]
    scores: tuple[Sequence[LabelScores], Sequence[LabelScores]]  # old, new
    images: Sequence[tuple[str, NDArray[Any], LabelImage, Mapping[Any, LabelImage]]]


def write_compare_page(path: Path, page: ComparePage, *, settings: CompareSettings) -> Path:
    """Write the page, one file without network, and return its path."""
    made = result_page(
        Head(
            title=f"{page.names[0]} and {page.names[1]}",
            kind="comparison of two models",
            answer=page.lead,
        ),
        figures=(_images(page),),
        doubt=(_limits(page),),
        details=(_scores(page, settings), _kinds(page, settings)),
        record=ResultFolder(path.parent).record,
    )
    return write_page(path, made)


def _differences(
    rows: Sequence[tuple[str, PairedDifference]], page: ComparePage, first: str
) -> tuple[Chart, PageTable]:
    counted = {"images": lambda d: d.n_images, "units": lambda d: d.n_units}
    return differences(rows, page.names, first=first, counted=counted)


def _scores(page: ComparePage, settings: CompareSettings) -> Section:
    rows = [
        (words, compare_scores(*page.scores, units=page.units, score=score, settings=settings))
        for score, words in SCORES.items()
    ]
    old, new = (pool_scores(s) for s in page.scores)
    words = (
        f"{old.n_true} true objects; {page.names[0]} outlined {old.n_pred}, of which "
        f"{old.tp[0]} are right (IoU of 0.50 or more), {page.names[1]} {new.n_pred}, of which "
        f"{new.tp[0]} are right. All scores are pooled over images. The answer above is by "
        f"{SCORES[settings.score]}."
    )
    return Section(
        title="Scores", blocks=(Text(paragraphs=(words,)), *_differences(rows, page, "score"))
    )


def _kinds(page: ComparePage, settings: CompareSettings) -> Section | None:
    names = sorted(set(page.kinds) - {""})
    if len(names) < 2:
        return None
    rows = []
    for name in names:
        chosen = [i for i, kind in enumerate(page.kinds) if kind == name]
        old, new = ([side[i] for i in chosen] for side in page.scores)
        units = [page.units[i] for i in chosen]
        d = compare_scores(old, new, units=units, score=settings.score, settings=settings)
        rows.append((name, d))
    return Section(
        title=f"{SCORES[settings.score]} by kind of image",
        blocks=_differences(rows, page, "kind"),
    )


def _images(page: ComparePage) -> Section:
    if not page.images:
        none = "In no image did right minus wrong objects change."
        return Section(title="Where they differ most", blocks=(Text(paragraphs=(none,)),))
    words = (
        "Those in which right minus wrong objects changed most: the truth, then the outlines of "
        "both. They move together."
    )
    viewer = ImageViewer(
        title="Images in which the two differ most",
        layers=_LAYERS,
        views=[_view(page.names, *image) for image in page.images],
    )
    return Section(title="Where they differ most", blocks=(Text(paragraphs=(words,)), viewer))


def _view(
    names: tuple[str, str],
    key: str,
    pixels: NDArray[Any],
    truth: LabelImage,
    found: Mapping[Any, LabelImage],
) -> View:
    step = max(1, -(-max(pixels.shape) // _MOST_PX))
    black, white = display_limits(pixels)
    uri = jpeg_uri(to_grey(shrink_mean(pixels, step=step), limits=(black, white)), quality=80)
    height, width = pixels.shape

    def pane(title: str, *layers: tuple[str, LabelImage, set[int]]) -> Pane:
        outlines = [
            o
            for layer, labels, wanted in layers
            for o in outlines_of(labels, wanted, layer=layer, colour=partial(_colour, layer))
        ]
        return Pane(title=title, image=uri, width=width, height=height, outlines=outlines)

    everything = set(range(1, int(truth.max(initial=0)) + 1))
    panes = [pane("truth", ("found", truth, everything))]
    for name, labels in zip(names, (found["old"], found["new"]), strict=True):
        table = explain_errors(truth, labels)
        matched = table["kind"] == "matched"
        right = set(table["label_pred"][matched].tolist())
        missed = everything - set(table["label_true"][matched].tolist())
        wrong = set(range(1, int(labels.max(initial=0)) + 1)) - right
        title = f"{name}: {len(right)} right, {len(wrong)} wrong, {len(missed)} missed"
        layers = (("missed", truth, missed), ("wrong", labels, wrong), ("found", labels, right))
        panes.append(pane(title, *layers))
    return View(title=key, frames=(Frame(panes=panes),), black=black, white=white)


def _colour(layer: str, _: int) -> str:
    return _LAYERS[layer]


def _limits(page: ComparePage) -> Section:
    few = (
        f" {page.difference.n_units} units are few: the true interval is likely to be wider."
        if page.difference.n_units < FEW_UNITS
        else ""
    )
    words = (
        "Both networks saw the same images, of units that neither lists among those it was "
        "trained or tuned on. Intervals: percentiles of a bootstrap over units, the same draw "
        f"for both.{few}",
        "Each image is analysed at the working size by its true median diameter: what is "
        "compared is the network, not the guess of a size. Units are distinguished by their "
        "names; the same images under another name would not be noticed.",
    )
    return Section(title="How far this can be believed", blocks=(Text(paragraphs=words),))
