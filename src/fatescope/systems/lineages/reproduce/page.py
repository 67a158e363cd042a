"""The page of the reproduction: published, reproduced, worth on unseen embryos, corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.compact import COMPACT_NAMES
from fatescope.lineage.quality import founders_of
from fatescope.pages.chart import Axis, Chart, Line, Points, number
from fatescope.pages.page import Beside, Drawing, PageTable, Section, Text
from fatescope.systems.lineages import drawings as show
from fatescope.systems.lineages.draw_embryo import draw_tree_page
from fatescope.systems.lineages.embryo import prepare_embryo
from fatescope.systems.lineages.published import movement
from fatescope.systems.lineages.reproduce.scores import (
    ATLAS,
    ATLAS_TRACKS,
    CORRECTED,
    MAJORITY,
    REPORTED,
    Score,
)
from fatescope.systems.lineages.settings import DrawSettings
from fatescope.systems.reproduction.engine import in_order

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.pages.chart.values import Shape
    from fatescope.pages.page import Block
    from fatescope.systems.lineages.reproduce.outcome import NamesOutcome
    from fatescope.systems.lineages.reproduce.published import RunAgain
    from fatescope.systems.lineages.training.names import FittedNames
    from fatescope.systems.reproduction.settings import NamesRecipe

_POST_EPOCHS = 30
_MOVED, _MOVED_EARLY = ("Z2", "Z3", "Eprp", "Eplp"), ("E", "MS", "C", "D", "P4")
"""Cells of the published figure, and those of an embryo that ends before these are born."""
_TRAINING, _ROWS, _EMBRYOS = "training rows", "rows held back", "embryos held back"
_CONSTANT, _ON_LOSS = "step(1.), as published", "step(loss)"
_CURVES = {
    _TRAINING: "#0072B2",
    _ROWS: "#D55E00",
    _EMBRYOS: "#D55E00",
    _CONSTANT: "#0072B2",
    _ON_LOSS: "#D55E00",
}
_POST = "about 0.90 after 30 epochs; 0.9043 after 50 in the notebook"
_LATER = "0.9829 in the notebook"


def names_page(
    outcome: NamesOutcome, recipe: NamesRecipe, *, quick: bool
) -> tuple[str, list[Section]]:
    """Return the lead and the sections."""
    return _lead(outcome), in_order(
        [_table(outcome)],
        doubt=_caveats(outcome, quick=quick),
        details=[
            _explored(outcome.published.reported),
            _reported(outcome, recipe),
            _later(outcome, recipe),
            _corrected(outcome, recipe),
        ],
    )


def _lead(outcome: NamesOutcome) -> str:
    majority, published, corrected, tracks = (
        outcome.scores[m] for m in (MAJORITY, REPORTED, CORRECTED, ATLAS_TRACKS)
    )
    return (
        f"Of embryos that it has not seen, the reported run names {_percent(published.mean)} of "
        "the rows right, where always saying the most frequent name gives "
        f"{_percent(majority.mean)}, the corrected network {_percent(corrected.mean)}"
        f"{_ends(corrected)} and an atlas of the same training embryos, with tracks, "
        f"{_percent(tracks.mean)}; of random rows of its own table the reported run names "
        f"{_percent(outcome.published.reported.fit.accuracy)} right (published: 90 %)."
    )


def _table(outcome: NamesOutcome) -> Section:
    def row(method: str, what: str) -> tuple[str, ...]:
        score = outcome.scores[method]
        return (
            what,
            f"{len(score.per_embryo)} embryos",
            f"{score.mean:.3f}",
            score.span,
        )

    def again(done: RunAgain, published: str, which: str) -> list[tuple[str, ...]]:
        accuracy = _accuracy(done.fit.fitted.course("validation_accuracy"))
        return [
            (f"{which}, published", "random rows of one table", published, "not given"),
            (
                f"{which}, run again",
                f"random rows of {done.table}",
                accuracy,
                "one table: none",
            ),
        ]

    runs = outcome.published
    table = PageTable(
        columns=("what", "scored on", "accuracy", "95 % interval over embryos"),
        rows=[
            *again(runs.reported, _POST, "the reported run"),
            row(REPORTED, "the same network on other embryos"),
            *again(runs.later, _LATER, "a later run of the notebook"),
            row(CORRECTED, "corrected network"),
            row(MAJORITY, MAJORITY),
            row(ATLAS, ATLAS),
            row(ATLAS_TRACKS, ATLAS_TRACKS),
        ],
    )
    return Section(title="Published, run again, corrected", blocks=(table, _unseen(outcome)))


def _explored(done: RunAgain) -> Section:
    """Return what the post begins with: how some cells move, and the lineage of the embryo."""
    embryo = prepare_embryo(done.table, done.lineage)
    there = set(done.lineage.name)
    cells = _MOVED if there & set(_MOVED) else _MOVED_EARLY
    moved = movement(embryo, DrawSettings(cells=",".join(cells), coordinates="raw"))
    tree, _ = draw_tree_page(embryo, DrawSettings(), length_px=900)
    words = (
        "The post begins with the movements of some cells, which stay in one part of the embryo, "
        f"and with the diagram of the lineage; here both are of {done.table}.",
    )
    blocks: list[Block] = [Text(paragraphs=words)]
    if moved is not None:
        blocks.append(moved)
    blocks.append(Drawing(svg=tree, title=f"Lineage of {done.table}"))
    return Section(title="Movement and lineage", blocks=blocks)


def _reported(outcome: NamesOutcome, recipe: NamesRecipe) -> Section:
    runs = outcome.published
    done = runs.reported
    counts = {n: int(c) for n, c in zip(done.names, done.label_counts, strict=True) if c}
    title = "Rows of each compact name"
    bars = show.chart_class_bars(
        list(counts),
        list(counts.values()),
        [done.rows_per_name] * len(counts),
        founders_of(list(counts)),
        title=f"{title}, before and after RandomOverSampler",
        caption=f"{done.table}, all rows.",
    )
    pie = show.draw_class_pie(counts, founders_of(list(counts)), title=title)
    fit, on_loss = done.fit.fitted, runs.on_loss.fitted
    rates = _chart(
        "Learning rate: as published, and given the loss",
        "learning rate",
        {
            _CONSTANT: fit.course("learning_rate"),
            _ON_LOSS: on_loss.course("learning_rate"),
        },
    )
    words = (
        f"All rows of {_which(done)}; {', '.join(done.run.columns)} as they stand in it; the "
        f"{len(counts)} compact names of {done.run.letters} letters. {_sampling(done)}",
        f"Layers {_layers(done)}, ReLU, dropout 0.2 after the second and the third, Adam at "
        f"0.001, batches of {done.run.layout.batch}, {recipe.epochs} epochs. The notebook "
        "calls ReduceLROnPlateau (factor 0.7, patience 6) as step(1.): the learning rate falls "
        "every seventh epoch, whatever the loss does. The post says that it falls when the "
        "loss stays; given the training loss, the same network reaches "
        f"{_accuracy(on_loss.course('validation_accuracy'))}. Accuracy on training rows is that "
        "of the network after each epoch, without dropout, as on the rows held back.",
    )
    accuracy, loss, _ = _curves(fit, _ROWS)
    blocks = (
        Text(paragraphs=words),
        bars,
        Drawing(svg=pie, title=title),
        Beside(blocks=(accuracy, loss)),
        rates,
    )
    return Section(title="The reported run", blocks=blocks)


def _later(outcome: NamesOutcome, recipe: NamesRecipe) -> Section:
    done = outcome.published.later
    words = (
        "Four days after the post the notebook was run on another table and stored with "
        "98.29 %, which is often taken for the reported run. Here: "
        f"{_which(done)}, frames of up to {recipe.crop_nuclei} nuclei; "
        f"{', '.join(done.run.columns)}; the {int((done.label_counts > 0).sum())} names of "
        f"{done.run.letters} letters. {_sampling(done)}",
        f"Layers {_layers(done)} (32 outputs for fewer names), dropout 0.2 after the second to "
        f"the fourth, batches of {done.run.layout.batch}, {recipe.later_epochs} epochs, "
        "step(1.).",
    )
    curves = Beside(blocks=_curves(done.fit.fitted, _ROWS))
    return Section(
        title="A later run of the same notebook", blocks=(Text(paragraphs=words), curves)
    )


def _sampling(done: RunAgain) -> str:
    return (
        f"RandomOverSampler makes {number(done.fit.rows_after_sampling)} rows of "
        f"{number(done.fit.rows)}, and only then 10 % of the rows are drawn for testing: "
        f"{100 * done.fit.copies:.0f} % of them are copies of training rows. Always naming the "
        f"largest class would be right for {100 * done.fit.majority:.0f} % of the rows before "
        "sampling."
    )


def _which(done: RunAgain) -> str:
    if done.same_table:
        return done.table
    return f"{done.table} (the published table is not among the data; this one is like it)"


def _layers(done: RunAgain) -> str:
    sizes = done.run.layout.sizes(len(done.run.columns), len(COMPACT_NAMES))
    return "-".join(str(n) for n in sizes)


def _accuracy(course: FloatArray) -> str:
    """Return the last accuracy in words, and that after 30 epochs where there were more."""
    epochs = [n for n in (_POST_EPOCHS, len(course)) if n <= len(course)]
    return ", ".join(f"{course[n - 1]:.3f} after {n} epochs" for n in dict.fromkeys(epochs))


def _unseen(outcome: NamesOutcome) -> Chart:
    """Chart the accuracy of each method on each unseen embryo."""
    methods = list(outcome.scores)
    rows = [
        (value, i, f"{key}: {value:.3f}")
        for i, method in enumerate(methods)
        for key, value in zip(outcome.test, outcome.scores[method].per_embryo, strict=True)
    ]
    intervals = [
        Line(name="95 % interval", x=s.interval, y=[i, i], colour="#7fb3b5", width=9.0)
        for i, s in enumerate(outcome.scores.values())
        if s.interval is not None
    ]
    points = Points(
        name="an unseen embryo",
        x=[value for value, _, _ in rows],
        y=[i for _, i, _ in rows],
        colour="#182026",
        words=[words for _, _, words in rows],
    )
    return Chart(
        title="Accuracy on unseen embryos",
        x=Axis(title="accuracy", ends=(0.0, 1.0)),
        y=Axis(title="method", labels=methods),
        marks=(*intervals, points),
        caption=f"n = {len(outcome.test)} embryos; over the rows that carry one of the 32 names.",
        height_px=40 * len(methods),
    )


def _corrected(outcome: NamesOutcome, recipe: NamesRecipe) -> Section:
    words = (
        f"{outcome.source}: {outcome.n_train} embryos for training, {outcome.n_validation} to "
        f"watch it, {len(outcome.test)} for the numbers. Each embryo, in training too, is laid "
        "into body axes without its names: time from the number of nuclei, the pose by search "
        "over proper rotations against the mean of the training embryos (mean distance left "
        f"{outcome.residual_um:.2f} µm). The label set is fixed; over-sampling "
        f"({recipe.rows_per_class} rows a name) happens inside the training set; at the end "
        "the shares of the names in the training rows are put back.",
        "network/ is the package: the network, its weights, the mean embryo, a card. The atlas "
        "in the tables above is built from the training embryos alone, and scored on the same "
        "rows; a row that it gives no name counts as wrong.",
    )
    curves = Beside(blocks=_curves(outcome.corrected, _EMBRYOS))
    return Section(title="Corrected", blocks=(Text(paragraphs=words), curves))


def _curves(fit: FittedNames, held: str) -> tuple[Chart, Chart, Chart]:
    """Chart accuracy, loss and learning rate of a training."""
    return (
        _chart(
            "Accuracy",
            "accuracy",
            {_TRAINING: fit.course("training_accuracy"), held: fit.course("validation_accuracy")},
        ),
        _chart("Loss", "cross-entropy", {_TRAINING: fit.course("loss")}),
        _chart("Learning rate", "learning rate", {_TRAINING: fit.course("learning_rate")}),
    )


def _chart(title: str, what: str, curves: dict[str, FloatArray]) -> Chart:
    """Chart values by epoch; a learning rate holds for a whole epoch, accuracy ends at 1."""
    shape: Shape = "steps" if what == "learning rate" else "straight"
    return Chart(
        title=title,
        x=Axis(title="epoch"),
        y=Axis(title=what, ends=(0.0, 1.0) if what == "accuracy" else None),
        marks=[
            Line(name=n, x=np.arange(1, len(y) + 1), y=y, colour=_CURVES[n], shape=shape)
            for n, y in curves.items()
        ],
    )


def _caveats(outcome: NamesOutcome, *, quick: bool) -> Section:
    words = (
        "The accuracy on random rows depends on the table and on the seed: one table, one "
        "seed, no interval.",
        f"Rendered embryos say nothing about real ones; {len(outcome.test)} are too few for an "
        "interval."
        if quick
        else f"The interval is over {len(outcome.test)} embryos of one collection, compressed, "
        "imaged alike; other laboratories are not covered.",
    )
    return Section(title="How far this can be believed", blocks=(Text(paragraphs=words),))


def _ends(score: Score) -> str:
    if score.interval is None:
        return f" (no interval: {len(score.per_embryo)} embryos)"
    return " (95 % {} to {})".format(*map(_percent, score.interval))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
