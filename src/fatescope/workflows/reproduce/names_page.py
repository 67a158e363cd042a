"""The page of the reproduction: published, reproduced, worth on unseen embryos, corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.compact import COMPACT_NAMES
from fatescope.lineage.quality import founders_of
from fatescope.report import lineage as show
from fatescope.report.svg import number

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.train.compact_names import FittedNames
    from fatescope.workflows.reproduce.lineage_names import NamesOutcome, Score
    from fatescope.workflows.reproduce.settings import NamesRecipe

_CURVES = {"training rows": "#0072B2", "rows held back": "#D55E00", "embryos held back": "#D55E00"}
_BLOG_ACCURACY = "about 90 %"


def write_names_page(out: Path, outcome: NamesOutcome, recipe: NamesRecipe, *, quick: bool) -> Path:
    """Write ``report.html`` and return its path."""
    sections = [
        _table(outcome),
        _published(outcome, recipe),
        _unseen(outcome),
        _corrected(outcome, recipe),
        _caveats(outcome, quick=quick),
    ]
    page = show.build_page("lineage-names-2020", sections, lead=_lead(outcome, quick=quick))
    return show.store_text(out / "report.html", page)


def _lead(outcome: NamesOutcome, *, quick: bool) -> str:
    majority, published, corrected = outcome.scores[:3]
    text = (
        f"The published figure is reproduced ({_percent(outcome.published.accuracy)} on random "
        f"rows), but on embryos that the network has not seen it names {_percent(published.mean)} "
        f"of the rows, where always saying the most frequent name gives {_percent(majority.mean)}. "
        "Embryos laid in common axes, split by embryo and sampled inside the training set: "
        f"{_percent(corrected.mean)} [{_percent(corrected.low)}, {_percent(corrected.high)}]. An "
        f"atlas of the same training embryos, with tracks: {_percent(outcome.scores[-1].mean)}."
    )
    return f"Quick run on rendered embryos: it shows that all runs. {text}" if quick else text


def _table(outcome: NamesOutcome) -> show.Section:
    def row(score: Score, what: str) -> tuple[str, ...]:
        return (
            what,
            f"{len(score.per_embryo)} embryos",
            f"{score.mean:.3f}",
            f"{score.low:.3f} to {score.high:.3f}",
        )

    majority, published, corrected = outcome.scores[:3]
    p = outcome.published
    return show.Section(
        title="Published, reproduced, corrected",
        columns=("", "judged on", "accuracy", "95 % interval over embryos"),
        rows=[
            ("published", "random rows of one table", _BLOG_ACCURACY, "not given"),
            (
                "reproduced as published",
                f"random rows of {outcome.table}",
                f"{p.accuracy:.3f}",
                "one table: none",
            ),
            row(published, "the same network on other embryos"),
            row(corrected, "corrected network"),
            row(majority, "always the most frequent name"),
            *(row(s, s.method) for s in outcome.scores[3:]),
        ],
    )


def _published(outcome: NamesOutcome, recipe: NamesRecipe) -> show.Section:
    p, counts = outcome.published, outcome.label_counts
    present = [i for i in range(len(COMPACT_NAMES)) if counts[i]]
    names = [COMPACT_NAMES[i] for i in present]
    bars = show.draw_class_bars(
        names,
        [int(counts[i]) for i in present],
        [outcome.sampled] * len(present),
        founders_of(names),
        title="Rows of each compact name, before and after RandomOverSampler",
        note=f"{outcome.table}, frames of up to {recipe.crop_nuclei} nuclei",
    )
    pie = show.draw_class_pie(
        {n: int(counts[i]) for n, i in zip(names, present, strict=True)},
        founders_of(names),
        title="Rows of each compact name",
    )
    return show.Section(
        title="As published",
        paragraphs=(
            f"One table, x, y, z, time and size as they stand in it; the {len(names)} compact "
            f"names of three letters. RandomOverSampler makes {number(p.rows_after_sampling)} rows "
            f"of {number(p.rows)}, and only then 10 % of the rows are drawn for testing: "
            f"{100 * p.copies:.0f} % of them are copies of training rows. Always naming the "
            f"largest class would be right for {100 * p.majority:.0f} % of the rows before "
            "sampling.",
            "Layers 5-256-128-128-128-64-32, ReLU, dropout 0.2 three times, Adam at 0.001, batches "
            "of 150, ReduceLROnPlateau (factor 0.7, patience 6) on the training loss. The notebook "
            "handed a constant to the scheduler; the text says that the rate falls when the loss "
            "stays, and that is what runs here.",
        ),
        figures=(bars, pie, *_curves(p.fitted, "rows held back")),
    )


def _unseen(outcome: NamesOutcome) -> show.Section:
    rows = []
    for i, key in enumerate(outcome.test):
        rows.append((key, *(f"{s.per_embryo[i]:.3f}" for s in outcome.scores)))
    return show.Section(
        title="Each unseen embryo",
        paragraphs=("Accuracy over the rows that carry one of the 32 names.",),
        columns=("embryo", *(s.method for s in outcome.scores)),
        rows=rows,
    )


def _corrected(outcome: NamesOutcome, recipe: NamesRecipe) -> show.Section:
    return show.Section(
        title="Corrected",
        paragraphs=(
            f"{outcome.source}: {outcome.n_train} embryos for training, {outcome.n_validation} to "
            f"watch it, {len(outcome.test)} for the numbers. Each embryo, in training too, is laid "
            "into body axes without its names: time from the number of nuclei, the pose by search "
            "over proper rotations against the mean of the training embryos (mean distance left "
            f"{outcome.residual_um:.2f} µm). The label set is fixed; over-sampling "
            f"({recipe.rows_per_class} rows a name) happens inside the training set; at the end "
            "the shares of the names in the training rows are put back.",
            "network/ is the package: weights as safetensors, the mean embryo, a card. The atlas "
            "in the tables above is built from the training embryos alone, and judged on the same "
            "rows; a row that it gives no name counts as wrong.",
        ),
        figures=_curves(outcome.corrected, "embryos held back"),
    )


def _curves(fit: FittedNames, held: str) -> tuple[str, str, str]:
    epochs = np.arange(1, len(fit.loss) + 1, dtype=float)
    accuracy = show.draw_curves(
        epochs,
        {"training rows": fit.train_accuracy, held: fit.check_accuracy},
        _CURVES,
        x_label="epoch",
        y_label="accuracy",
        title="accuracy",
        y_range=(0.0, 1.0),
    )
    others = [
        show.draw_curves(
            epochs,
            {"training rows": values},
            _CURVES,
            x_label="epoch",
            y_label=label,
            title=title,
        )
        for values, label, title in (
            (fit.loss, "cross-entropy", "loss"),
            (fit.rate * 1000, "learning rate (1/1000)", "learning rate"),
        )
    ]
    return accuracy, others[0], others[1]


def _caveats(outcome: NamesOutcome, *, quick: bool) -> show.Section:
    return show.Section(
        title="How far this can be believed",
        paragraphs=(
            "What was right in 2020: names were shortened to a question that the data can answer, "
            "the imbalance was seen and treated, the rate was adapted, the curves were shown.",
            "The blog's table for the 32 names is not named; a table with exactly these 32 is "
            "taken. The figure depends on it, on the seed and on how many frames are used.",
            f"The interval is over {len(outcome.test)} embryos of one collection, compressed, "
            "imaged alike; other laboratories are not covered."
            + (" Rendered embryos say nothing about real ones." if quick else ""),
        ),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
