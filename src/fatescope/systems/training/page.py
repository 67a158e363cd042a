"""The page of a training: the verdict, the loss, scores on validation images, the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.pages import side_by_side, write_film
from fatescope.pages.chart import Axis, Chart, Guide, Line, Points
from fatescope.pages.page import (
    Beside,
    Code,
    Frame,
    ImageViewer,
    PageTable,
    Pane,
    Section,
    Text,
    View,
    write_page,
)
from fatescope.pages.skeleton import Head, result_page
from fatescope.prepare import read_plane
from fatescope.train.recipe_text import recipe_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import Table
    from fatescope.pages.chart import Mark
    from fatescope.train import Recipe

FILM = "film"
_MOST_FRAMES = 25  # stills on the page; the film has all
_STEPS = Axis(title="step")
_DOUBT = (
    "Scores are of validation units, which also decide when training ends, and of one seed: "
    "the score on test units is in the card of the package."
)


def write_training_page(
    path: Path,
    history: Sequence[Mapping[str, float]],
    *,
    verdict: str,
    recipe: Recipe,
    scores: Mapping[str, str],
    scored_on: str = "",
    baselines: Mapping[str, Mapping[str, float]] | None = None,
    film: Sequence[Path] = (),
) -> Path:
    """Write the curves of a training, with the numbers to save, and return the path.

    Parameters
    ----------
    path : Path
        Of the HTML file.
    history : sequence of mappings
        Rows of ``log.csv`` with ``step`` and ``loss``; ``learning_rate`` and scores where measured.
    verdict : str
        One sentence on how it went.
    recipe : Recipe
        What was trained.
    scores : mapping of column to words
        The columns of ``history`` that are scores of 0 to 1 on validation samples.
    scored_on : str
        One sentence on how they are measured.
    baselines : mapping, optional
        By their words, the scores of methods without training: lines on the chart of each
        score.
    film : sequence of Path
        Images of the same validation units, epoch after epoch.
    """
    loss = Chart(
        title="Loss in training",
        x=_STEPS,
        y=Axis(title="loss"),
        marks=(_line(history, "loss", "training"),),
    )
    lines = [_line(history, c, w) for c, w in _measured(history, scores)]
    charts = [loss]
    if lines:
        points = [Points(name=m.name, x=m.x, y=m.y, size_px=4.0) for m in lines]
        marks: tuple[Mark, ...] = (*lines, *points)
        charts.append(_of_scores("Scores on validation units", marks, scored_on))
    if baselines:
        charts += [
            _beside_baselines(line, words, {n: s[c] for n, s in baselines.items() if c in s})
            for line, (c, words) in zip(lines, _measured(history, scores), strict=True)
        ]
    if any("learning_rate" in row for row in history):
        charts.append(
            Chart(
                title="Learning rate",
                x=_STEPS,
                y=Axis(title="learning rate"),
                marks=(_line(history, "learning_rate", "learning rate"),),
            )
        )
    page = result_page(
        Head(title=recipe.name, kind="training", answer=verdict),
        figures=(Section(title="Curves", blocks=(Beside(blocks=charts),)),),
        doubt=(Text(paragraphs=(_DOUBT,)),),
        details=(_film(film) if film else None,),
        again=(_as_code(recipe),),
    )
    return write_page(path, page)


def write_variants_page(
    path: Path,
    logs: Mapping[str, Table],
    *,
    lead: str,
    recipe: Recipe,
    table: Table,
    metric: str,
    scores: Mapping[str, str],
    scored_on: str = "",
) -> Path:
    """Write the curves of several trainings, one chart for each quantity, and return the path.

    The loss and the score that decides stand first.

    Parameters
    ----------
    path : Path
        Of the HTML file.
    logs : mapping of name to Table
        ``log.csv`` of each variant.
    lead : str
        Which variant is best.
    recipe : Recipe
        With its variants.
    table : Table
        One row for each variant, as ``variants.csv`` has it.
    metric : str
        The column that decides.
    scores : mapping of column to words
    scored_on : str
        One sentence on how they are measured.
    """
    histories = {name: rows_of(log) for name, log in logs.items()}
    measured = {c: w for c, w in scores.items() if any(c in log for log in logs.values())}

    def chart(column: str, words: str, axis: Axis, caption: str = "") -> Chart:
        lines = [_line(history, column, name) for name, history in histories.items()]
        points = [Points(name=m.name, x=m.x, y=m.y, size_px=4.0) for m in lines]
        marks: tuple[Mark, ...] = (*lines, *points)
        return Chart(title=words, x=_STEPS, y=axis, marks=marks, caption=caption)

    of_score = {
        c: chart(c, w[0].upper() + w[1:], Axis(title="score", ends=(0.0, 1.0)), scored_on)
        for c, w in measured.items()
    }
    first = [chart("loss", "Loss in training", Axis(title="loss")), of_score.pop(metric)]
    charts = [*of_score.values()]
    if all("learning_rate" in log for log in logs.values()):
        charts.append(chart("learning_rate", "Learning rate", Axis(title="learning rate")))
    numbers = PageTable(
        columns=("variant", "steps", "loss", *measured.values(), "seconds an epoch"),
        rows=[
            (name, f"{step:.0f}", *(f"{v:.3f}" if v == v else "" for v in rest))
            for name, step, *rest in zip(
                *(table[c].tolist() for c in ("variant", "step", "loss", *measured)),
                table["seconds_per_epoch"].tolist(),
                strict=True,
            )
        ],
    )
    pages = Text(paragraphs=(), links=[(f"{n}/report.html", f"Page of {n}") for n in logs])
    page = result_page(
        Head(title=recipe.name, kind="training", answer=lead),
        figures=(
            Section(title="At the end", blocks=(numbers, pages)),
            Section(title="Curves of all variants", blocks=(Beside(blocks=first),)),
        ),
        doubt=(Text(paragraphs=(_DOUBT,)),),
        details=(
            Section(title="Other curves", blocks=(Beside(blocks=charts),)) if charts else None,
        ),
        again=(_as_code(recipe),),
    )
    return write_page(path, page)


def _as_code(recipe: Recipe) -> Code:
    text = recipe_text(recipe.model_dump(mode="json", exclude_none=True, exclude={"tune"}))
    note = "The recipe, defaults included, as fatescope train takes it."
    return Code(text=text, title="recipe.toml", note=note, file_name="recipe.toml")


def rows_of(log: Table) -> list[dict[str, float]]:
    """Return the rows of a log; a score is there only where it was measured."""
    columns = {name: log[name].tolist() for name in log}
    return [
        {name: float(v) for name, v in zip(columns, row, strict=True) if v == v}
        for row in zip(*columns.values(), strict=True)
    ]


def _line(history: Sequence[Mapping[str, float]], column: str, name: str) -> Line:
    known = [row for row in history if column in row]
    return Line(name=name, x=[row["step"] for row in known], y=[row[column] for row in known])


def _measured(
    history: Sequence[Mapping[str, float]], scores: Mapping[str, str]
) -> list[tuple[str, str]]:
    return [(c, w) for c, w in scores.items() if any(c in r for r in history)]


def _of_scores(title: str, marks: tuple[Mark, ...], caption: str) -> Chart:
    return Chart(
        title=title,
        x=_STEPS,
        y=Axis(title="score", ends=(0.0, 1.0)),
        marks=marks,
        caption=caption,
    )


def _beside_baselines(line: Line, words: str, baselines: Mapping[str, float]) -> Chart:
    """Return one score with what methods reach without training."""
    guides = [Guide(words=f"{n} {v:.3f}", axis="y", at=v) for n, v in baselines.items()]
    points = Points(name=line.name, x=line.x, y=line.y, size_px=4.0)
    caption = "Dashed: methods without training, on the same planes."
    return _of_scores(words[0].upper() + words[1:], (*guides, line, points), caption)


def _film(stills: Sequence[Path]) -> Section:
    """Return the stills of all validations as a film."""
    frames = []
    for still in stills:
        pane = Pane.read(still, "plane, interior, drawn")
        frames.append(Frame(panes=(pane,), index=int(still.stem) + 1))
    last = frames[-1].index
    view = View(
        title="validation planes", frames=tuple(frames), walk="epoch", first=1, length=last, step=0
    )
    words = (
        "The same planes of a validation unit after each validation; also film.mp4 and film.gif."
    )
    viewer = ImageViewer(title="Validation planes over epochs", views=(view,))
    return Section(title="The same planes over epochs", blocks=(Text(paragraphs=(words,)), viewer))


def write_training_film(out: Path) -> list[Path]:
    """Make films of the stills in ``film/``; return the stills for the page."""
    stills = sorted((out / FILM).glob("*.png"))
    if not stills:
        return []
    frames = []
    for still in stills:
        pixels = read_plane(still)
        width = pixels.shape[1] // 3
        panes = [pixels[:, i * width : (i + 1) * width] for i in range(3)]
        titles = ("validation plane", "interior", "drawn")
        frames.append(side_by_side(panes, titles, note=f"epoch {int(still.stem) + 1}"))
    write_film(out / FILM, frames)
    step = max(1, -(-len(stills) // _MOST_FRAMES))
    return [*stills[:-1:step], stills[-1]]
