"""Before and after: the package that a training went on from, or what came out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fatescope.base import InputError
from fatescope.evaluate import CompareSettings, PairedDifference, compare_scores
from fatescope.models import export_model, load_model, read_package
from fatescope.report.lineage import store_text
from fatescope.workflows.compare import compare_models, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.evaluate import ComparedScore
    from fatescope.train.scoring import Scored
    from fatescope.workflows.execute import Progress

SCORE: ComparedScore = "mean_ap_50_90"
"""What decides: outlines that come closer count, also where all objects are found already."""
COMPARED, TUNED, SENTENCE = "compared", "tuned", "kept.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Which package is in ``package/``, and why."""

    which: str  # "new", or "start"
    words: str
    difference: PairedDifference | None  # None where nothing could be compared


def keep_better(
    start: Path | str,
    *,
    out: Path,
    data: Path,
    left_out: Sequence[Scored] | None = None,
    progress: Progress | None = None,
) -> Kept:
    """Compare ``out/package`` with the package it went on from, and leave the better one there.

    Parameters
    ----------
    start : path or str
        The package whose weights were the beginning.
    out : Path
        Output folder of the training. Where the old package is kept, the new one moves to
        ``tuned/``, and ``package/`` is a copy of the old one. ``kept.txt`` says which and why.
    data : Path
        Folder with ``samples.csv``; its test units decide.
    left_out : sequence of Scored, optional
        Scores of networks that were each trained without the picture that they are scored on:
        these decide in place of test units.
    progress : callable, optional

    Returns
    -------
    Kept
        The new one is kept where its mean AP 0.50-0.90 is higher, however little; the sentence
        says whether chance could have made the difference. It is also kept, and this is said,
        where there is no picture that both have not seen.
    """
    try:
        difference, names = _difference(
            start, out=out, data=data, left_out=left_out, progress=progress
        )
    except InputError as error:
        return _said(out, Kept(which="new", words=f"Not compared: {error}", difference=None))
    told = sentence(difference, names)
    told = f"{told[0].upper()}{told[1:]}."
    if difference.difference > 0:
        kept = Kept(which="new", words=f"The new package is kept. {told}", difference=difference)
        return _said(out, kept)
    (out / "package").rename(out / TUNED)
    export_model(start, out / "package")
    words = (
        f"The package it went on from is kept, because the new one is not better. {told} "
        f"The new one is in {TUNED}/. More pictures, or more kinds of them, are what helps most."
    )
    return _said(out, Kept(which="start", words=words, difference=difference))


def _difference(
    start: Path | str,
    *,
    out: Path,
    data: Path,
    left_out: Sequence[Scored] | None,
    progress: Progress | None,
) -> tuple[PairedDifference, tuple[str, str]]:
    settings = CompareSettings(score=SCORE, precision="fp32")
    if left_out is None:
        found = compare_models(
            start,
            out / "package",
            data=data,
            out=out / COMPARED,
            settings=settings,
            progress=progress,
        )
        return found.difference, found.names
    from fatescope.train import score_samples

    old = load_model(start, precision="fp32")
    before = score_samples(
        old,
        [s.sample for s in left_out],
        description=old.description,
        thresholds=old.description.thresholds,
    )
    difference = compare_scores(
        [s.scores for s in before],
        [s.scores for s in left_out],
        units=[s.sample.unit for s in left_out],
        score=SCORE,
        settings=settings,
    )
    return difference, (old.name, f"{read_package(out / 'package').name} (each left out)")


def _said(out: Path, kept: Kept) -> Kept:
    store_text(out / SENTENCE, kept.words + "\n")
    return kept
