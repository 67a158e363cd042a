"""The page of a comparison: the answer, scores by kind, and the images that differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fatescope.evaluate import compare_scores, explain_errors, pool_scores
from fatescope.report import Outlines, draw_versus
from fatescope.report import lineage as show
from fatescope.report.versus import FOUND, MISSED, WRONG

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

FEW_UNITS = 6
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
    pictures: Sequence[tuple[str, NDArray[Any], LabelImage, Mapping[Any, LabelImage]]]


def write_compare_page(path: Path, page: ComparePage, *, settings: CompareSettings) -> Path:
    """Write the page, one file without network, and return its path."""
    sections = [_scores(page, settings), _kinds(page, settings), _pictures(page), _limits(page)]
    title = f"{page.names[0]} and {page.names[1]}"
    lead = page.lead[0].upper() + page.lead[1:] + "."
    return show.store_text(path, show.build_page(title, [s for s in sections if s], lead=lead))


def _row(name: str, d: PairedDifference) -> tuple[str, ...]:
    span = "" if d.low is None or d.high is None else f"{d.low:+.3f} to {d.high:+.3f}"
    return (
        name,
        str(d.n_images),
        str(d.n_units),
        f"{d.old:.3f}",
        f"{d.new:.3f}",
        f"{d.difference:+.3f}",
        span,
        d.outcome,
    )


def _columns(page: ComparePage, first: str) -> tuple[str, ...]:
    return (first, "pictures", "units", *page.names, "difference", "95 %", "outcome")


def _scores(page: ComparePage, settings: CompareSettings) -> show.Section:
    rows = [
        _row(
            words,
            compare_scores(*page.scores, units=page.units, score=score, settings=settings),
        )
        for score, words in SCORES.items()
    ]
    old, new = (pool_scores(s) for s in page.scores)
    return show.Section(
        title="Scores",
        paragraphs=(
            f"{old.n_true} true objects; {page.names[0]} outlined {old.n_pred}, of which "
            f"{old.tp[0]} are right (IoU of 0.50 or more), {page.names[1]} {new.n_pred}, of which "
            f"{new.tp[0]} are right. All scores are pooled over images. The answer above is by "
            f"{SCORES[settings.score]}.",
        ),
        columns=_columns(page, "score"),
        rows=rows,
    )


def _kinds(page: ComparePage, settings: CompareSettings) -> show.Section | None:
    names = sorted(set(page.kinds) - {""})
    if len(names) < 2:
        return None
    rows = []
    for name in names:
        chosen = [i for i, kind in enumerate(page.kinds) if kind == name]
        old, new = ([side[i] for i in chosen] for side in page.scores)
        units = [page.units[i] for i in chosen]
        d = compare_scores(old, new, units=units, score=settings.score, settings=settings)
        rows.append(_row(name, d))
    return show.Section(
        title=f"{SCORES[settings.score]} by kind of image",
        columns=_columns(page, "kind"),
        rows=rows,
    )


def _pictures(page: ComparePage) -> show.Section:
    words = (
        "Those in which right minus wrong objects changed most. Left the truth, then the outlines "
        "of both."
        if page.pictures
        else "In no image did right minus wrong objects change."
    )
    return show.Section(
        title="Where they differ most",
        paragraphs=(words,),
        figures=[_figure(page.names, *picture) for picture in page.pictures],
    )


def _figure(
    names: tuple[str, str],
    key: str,
    pixels: NDArray[Any],
    truth: LabelImage,
    found: Mapping[Any, LabelImage],
) -> str:
    everything = set(range(1, int(truth.max(initial=0)) + 1))
    panels = [Outlines(words="truth", layers=[(truth, everything, FOUND)])]
    for name, labels in zip(names, (found["old"], found["new"]), strict=True):
        table = explain_errors(truth, labels)
        matched = table["kind"] == "matched"
        right = set(table["label_pred"][matched].tolist())
        missed = everything - set(table["label_true"][matched].tolist())
        wrong = set(range(1, int(labels.max(initial=0)) + 1)) - right
        panels.append(
            Outlines(
                words=f"{name}: {len(right)} right, {len(wrong)} wrong, {len(missed)} missed",
                layers=[(truth, missed, MISSED), (labels, wrong, WRONG), (labels, right, FOUND)],
            )
        )
    return draw_versus(pixels, panels, title=key)


def _limits(page: ComparePage) -> show.Section:
    few = (
        f" {page.difference.n_units} units are few: the true interval is likely to be wider."
        if page.difference.n_units < FEW_UNITS
        else ""
    )
    return show.Section(
        title="How far this can be believed",
        paragraphs=(
            "Both networks saw the same images, of units that neither lists among those it was "
            "trained or tuned on. Intervals: percentiles of a bootstrap over units, the same draw "
            f"for both.{few}",
            "Each image is analysed at the working size by its true median diameter: what is "
            "compared is the network, not the guess of a size. Units are told apart by their "
            "names; the same images under another name would not be noticed.",
        ),
    )
