"""Before and after: the package that a training went on from, or what came out of it.

Validation units choose, and test units, which took no part in the choice, say what was kept is
worth. Where each unit was left out once, the choice is nested: each unit is scored by the package
that the other units chose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fatescope.base import InputError
from fatescope.evaluate import (
    CompareSettings,
    LabelScores,
    PairedDifference,
    compare_scores,
    summarise_scores,
)
from fatescope.models import export_model, load_model, read_package
from fatescope.pages.files import store_text
from fatescope.prepare import read_samples
from fatescope.systems.comparison.compare import compare_models, outcome_sentence, unseen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Progress
    from fatescope.evaluate import ComparedScore
    from fatescope.models import Model
    from fatescope.prepare import Sample
    from fatescope.train.scoring import Scored

SCORE: ComparedScore = "mean_ap_50_90"
"""What decides: outlines that come closer count, also where all objects are found already."""
COMPARED, TUNED, SENTENCE = "compared", "tuned", "kept.txt"
_SETTINGS = CompareSettings(score=SCORE, precision="fp32")
Which = Literal["new", "start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Which package is in ``package/``, and why."""

    which: Which
    words: str
    difference: PairedDifference | None  # what chose; None where nothing could be compared
    test_score: float | None  # of what was kept, on units that did not choose


@dataclass(frozen=True, slots=True, kw_only=True)
class _Both:
    """Scores of both packages on the same images."""

    old: list[LabelScores]
    new: list[LabelScores]
    units: list[str]
    names: tuple[str, str]

    def difference(self, *, without: str | None = None) -> PairedDifference:
        """Compare both, if asked for without one unit."""
        rows = [i for i, u in enumerate(self.units) if u != without]
        return compare_scores(
            [self.old[i] for i in rows],
            [self.new[i] for i in rows],
            units=[self.units[i] for i in rows],
            score=SCORE,
            settings=_SETTINGS,
        )

    def nested(self) -> list[LabelScores]:
        """Return each unit's scores by the package that the other units chose."""
        chosen = {u: _better(self.difference(without=u)) for u in set(self.units)}
        return [(self.new if chosen[u] == "new" else self.old)[i] for i, u in enumerate(self.units)]


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
        ``tuned/``, and ``package/`` is a copy of the old one. ``kept.txt`` says which and why;
        ``compared/`` holds both on the test units.
    data : Path
        Folder with ``samples.csv``; its validation units decide.
    left_out : sequence of Scored, optional
        Scores of networks that were each trained without the image that they are scored on:
        these decide in place of validation units.
    progress : callable, optional

    Returns
    -------
    Kept
        The new one is kept where its mean AP 0.50-0.90 is higher, however little; the sentence
        says whether chance could have made the difference. It is also kept, and this is said,
        where there is no image to choose by that the old one has not seen.

    Notes
    -----
    The new package was stopped and its thresholds were chosen on the same validation units, so
    the choice leans towards it; the test score does not.
    """
    package = out / "package"
    try:
        both = (
            _on_validation(start, package, data)
            if left_out is None
            else _paired(start, package, left_out)
        )
    except InputError as error:
        words = f"Not compared, so the new package is kept: {error}"
        return _said(out, Kept(which="new", words=words, difference=None, test_score=None))
    difference = both.difference()
    which = _better(difference)
    if left_out is None:
        score, worth = _on_test(start, package, which, out=out, data=data, progress=progress)
    else:
        score, worth = _nested(both)
    images = "validation images" if left_out is None else "images left out"
    why = outcome_sentence(difference, both.names, images=images)
    words = f"{why} {worth}"
    if which == "new":
        words = f"The new package is kept. {words}"
    else:
        package.rename(out / TUNED)
        export_model(start, package)
        words = (
            f"The package it went on from is kept, because the new one is not better. {words} The "
            f"new one is in {TUNED}/. More images, or more kinds of them, are what helps most."
        )
    return _said(out, Kept(which=which, words=words, difference=difference, test_score=score))


def _better(difference: PairedDifference) -> Which:
    return "new" if difference.difference > 0 else "start"


def _on_validation(start: Path | str, package: Path, data: Path) -> _Both:
    """Score both packages on the validation units, none of which the old one may have seen."""
    old, new = (load_model(p, precision="fp32") for p in (start, package))
    samples = unseen(data, [old.description], split="validation")
    return _Both(
        old=_scores(old, samples),
        new=_scores(new, samples),
        units=[s.unit for s in samples],
        names=(old.name, new.name),
    )


def _paired(start: Path | str, package: Path, left_out: Sequence[Scored]) -> _Both:
    """Score the old package on the images left out, beside the networks trained without them."""
    old = load_model(start, precision="fp32")
    return _Both(
        old=_scores(old, [s.sample for s in left_out]),
        new=[s.scores for s in left_out],
        units=[s.sample.unit for s in left_out],
        names=(old.name, f"{read_package(package).name} (each left out)"),
    )


def _scores(model: Model, samples: Sequence[Sample]) -> list[LabelScores]:
    from fatescope.train import score_samples

    scored = score_samples(
        model,
        samples,
        description=model.description,
        thresholds=model.description.instances.thresholds,
    )
    return [s.scores for s in scored]


def _on_test(
    start: Path | str,
    package: Path,
    which: Which,
    *,
    out: Path,
    data: Path,
    progress: Progress | None,
) -> tuple[float | None, str]:
    """Return the test score of what was kept, and the sentence that gives it."""
    if not read_samples(data, splits=["test"]):
        return None, "There is no test unit, so what was kept has no score of its own."
    try:
        found = compare_models(
            start, package, data=data, out=out / COMPARED, settings=_SETTINGS, progress=progress
        ).difference
    except InputError as error:
        return None, f"What was kept has no score of its own: {error}"
    score = found.new if which == "new" else found.old
    return score, (
        f"On {found.n_images} test images of {found.n_units} units, which took no part in the "
        f"choice, what was kept has a mean AP 0.50-0.90 of {score:.3f}."
    )


def _nested(both: _Both) -> tuple[float | None, str]:
    """Return the score of choosing without the unit that is scored, and its sentence."""
    if len(set(both.units)) < 2:
        return None, "One unit was left out, so what was kept has no score of its own."
    score = float(summarise_scores(both.nested(), _SETTINGS)["mean_ap_50_90"])
    return score, (
        "Chosen again without each unit in turn, and scored on it, what is kept has a mean AP "
        f"0.50-0.90 of {score:.3f}."
    )


def _said(out: Path, kept: Kept) -> Kept:
    store_text(out / SENTENCE, kept.words + "\n")
    return kept
