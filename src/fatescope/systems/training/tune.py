"""Tune a recipe: trials on a share of the training images, the best values, and a page."""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import shlex
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.base import FatescopeError, InputError
from fatescope.engine import OfRun, Run, peak_memory_mb
from fatescope.engine.plan import RunPlan
from fatescope.pages.files import store_text
from fatescope.prepare import group_slices, read_samples, spread_share, write_samples
from fatescope.prepare.crop_share import holds_crops, plane_samples, write_crop_share
from fatescope.prepare.store import write_rows
from fatescope.systems.training.tune_page import write_tuning_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fatescope.base import Progress
    from fatescope.prepare import Sample
    from fatescope.train import StudyExecution, StudyPlan, TuneSettings
    from fatescope.train.search_space import Value
    from fatescope.train.study import FitTrial

_LOG = logging.getLogger(__name__)
_TRIALS = "trials"
TRIAL_MB = 0.01
_ENOUGH_ROWS = 6
"""Of each set, to estimate from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned(OfRun):
    """What a tuning found."""

    data: Path
    counts: dict[str, int]  # trials by state
    score: str
    best_trial: int
    best_score: float
    best: dict[str, Value]
    importance: dict[str, float]  # empty where there are too few trials

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        return {
            **self.summary.as_json(),
            "trials": self.counts,
            "score": self.score,
            "best_trial": self.best_trial,
            "best_score": self.best_score,
            "best": self.best,
            "importance": self.importance,
        }

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal."""
        counts = ", ".join(f"{k} {s}" for s, k in self.counts.items() if k)
        return [
            *self.summary.as_lines(),
            f"Trials: {counts}.",
            f"Train with it: {shlex.join(['fatescope', 'train', *self.training_words])}",
        ]

    @property
    def training_words(self) -> list[str]:
        """Return the words of the command that trains with the best settings, on the same data."""
        out = self.summary.out
        return [str(out / "best.toml"), "--data", str(self.data), "--out", f"{out}-trained"]


def tune_recipe(
    recipe: Mapping[str, Any] | str,
    *,
    data: Path,
    out: Path,
    settings: TuneSettings,
    execution: StudyExecution,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Tuned:
    """Search settings of a recipe, by short trainings scored on validation units.

    Parameters
    ----------
    recipe : mapping or str
        As TOML holds it, or a shipped name, or a file: see `fatescope.train.read_recipe_values`.
    data : Path
        Folder with ``samples.csv``. Rows of the split ``test`` are not opened.
    out : Path
        Takes ``best.toml``, ``trials.csv``, ``report.html``, ``data/samples.csv`` (the images that
        trials saw) and, unless ``execution`` names another database, ``study.sqlite``.
    settings : TuneSettings
        What is set here wins over the table ``[tune]`` of the recipe.
    execution : StudyExecution
    progress : callable, optional
        Called with trials finished, trials in all, and what is going on.
    fresh : bool
        Remove what an earlier run left in ``out`` first. A study in another database goes on.

    Returns
    -------
    Tuned
        Killed and called again, the study goes on; with more ``trials`` too.
    """
    from fatescope.train import StudyPlan, best_values, importances, open_study, recipe_text
    from fatescope.train.search_space import changed
    from fatescope.train.study import trial_rows

    recipe = _values(recipe)
    settings = asked_for(recipe, settings)
    space, samples = _space(recipe, settings), tuning_samples(data, settings)
    record = {
        "recipe": {k: v for k, v in recipe.items() if k != "tune"},
        "tune": settings.model_dump(mode="json", exclude={"trials"}),
        "data": str(data),
    }
    with Run.open(out, command="tune", settings=record, fresh=fresh) as run:
        run.pending([f"{settings.trials} trials"])
        if fresh:
            (out / "study.sqlite").unlink(missing_ok=True)
        n_samples = _lay_out(samples, out / "data", data)
        plan = StudyPlan(
            storage=execution.storage or f"sqlite:///{(out / 'study.sqlite').resolve()}",
            name=_name(record, samples),
            space=space,
            settings=settings,
            stale_after_s=execution.stale_after_s,
        )
        study = open_study(plan)
        run.wrote("data/samples.csv")
        fit_trial = _fit_trial(recipe, out, plan, n_samples=n_samples)
        _run_all(plan, fit_trial, out / _TRIALS, workers=execution.workers, progress=progress)
        shutil.rmtree(out / _TRIALS, ignore_errors=True)
        number, score, best = best_values(study)
        rows, decides = trial_rows(study), importances(study)
        write_rows(out / "trials.csv", rows)
        best_recipe = recipe_text(changed(recipe, best))
        store_text(out / "best.toml", best_recipe)
        write_tuning_page(
            out / "report.html",
            rows,
            space=space,
            settings=settings,
            best_trial=number,
            importance=decides,
            n_samples=n_samples,
            recipe=best_recipe,
        )
        files = ["trials.csv", "best.toml", "report.html"]
        run.record(f"{settings.trials} trials", files=files)
        run.processes = execution.workers - 1
        summary = run.finish()
    states = [row["state"] for row in rows]
    return Tuned(
        summary=summary,
        data=data,
        counts={state: states.count(state) for state in dict.fromkeys(states)},
        score=settings.score or "",
        best_trial=number,
        best_score=score,
        best=best,
        importance=decides,
    )


def _values(recipe: Mapping[str, Any] | str) -> Mapping[str, Any]:
    from fatescope.train import read_recipe_values

    return read_recipe_values(recipe) if isinstance(recipe, str) else recipe


def asked_for(recipe: Mapping[str, Any], settings: TuneSettings) -> TuneSettings:
    """Return the table ``[tune]`` of a recipe, with what was given beside it put over it."""
    from fatescope.train import find_trainable, parse_recipe

    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    parsed = parse_recipe(recipe)
    chosen = parsed.tune.replace(**given)
    return chosen.replace(score=chosen.score or find_trainable(parsed.task).metric)


def tuning_samples(data: Path, settings: TuneSettings) -> list[Sample]:
    """Return the share of the training rows and all validation rows; no row of another split."""
    if holds_crops(data):
        training, validation = (plane_samples(data, split=s) for s in ("train", "validation"))
    else:
        training, validation = (read_samples(data, splits=[s]) for s in ("train", "validation"))
    for split, rows in (("training", training), ("validation", validation)):
        if not rows:
            raise InputError(
                f"{data}: there are no {split} units. Divide the images again: fatescope prepare "
                "pairs --validation SHARE --test SHARE."
            )
    return [*spread_share(training, share=settings.share, seed=settings.seed), *validation]


def _space(recipe: Mapping[str, Any], settings: TuneSettings) -> Any:
    from fatescope.train import read_space

    return read_space(settings.search, recipe)


def _name(record: Mapping[str, Any], samples: Sequence[Sample]) -> str:
    """Name a study by all that its scores depend on, so that others in the database stay apart."""
    known = {k: v for k, v in record.items() if k != "data"}
    rows = [[s.key, s.frame, s.plane, s.split] for s in samples]
    text = json.dumps([known, rows], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{record['recipe'].get('name', 'nuclei')}-{digest}"


def _lay_out(samples: Sequence[Sample], folder: Path, data: Path) -> int:
    """Write what trials may open; return how many images, or crops, make an epoch."""
    folder.mkdir(exist_ok=True)
    write_samples(folder / "samples.csv", samples)
    if holds_crops(data):
        return write_crop_share(folder, data, samples)
    return sum(s.split == "train" for s in samples)


def _fit_trial(
    recipe: Mapping[str, Any], out: Path, plan: StudyPlan, *, n_samples: int
) -> FitTrial:
    from fatescope.train import fit_recipe_trial

    return partial(
        fit_recipe_trial,
        recipe=dict(recipe),
        data=out / "data",
        n_samples=n_samples,
        settings=plan.settings,
    )


def _run_all(
    plan: StudyPlan,
    fit_trial: FitTrial,
    folder: Path,
    *,
    workers: int,
    progress: Progress | None,
) -> None:
    """Run the trials here and in further processes, until the study is complete."""
    from fatescope.train import run_trials

    with _others(workers - 1, plan, fit_trial, folder) as others:
        run_trials(plan, fit_trial, folder=folder, tell=progress)
        for other in others:
            other.join()


@contextmanager
def _others(n: int, *arguments: Any) -> Iterator[list[Any]]:
    """Start further workers, and end them where this one fails; their trials are run again."""
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=work_on_study, args=arguments, daemon=True) for _ in range(n)]
    try:
        for other in others:
            other.start()
        yield others
    finally:
        for other in others:
            other.terminate()
            other.join()


def work_on_study(plan: StudyPlan, fit_trial: FitTrial, folder: Path) -> None:
    """Run trials in a further process, as long as the one that started it lives."""
    from fatescope.train import run_trials

    above = multiprocessing.parent_process()
    try:
        run_trials(
            plan,
            fit_trial,
            folder=folder,
            is_wanted=lambda: above is None or above.is_alive(),
        )
    except FatescopeError as error:
        _LOG.warning("a worker ended: %s", error)


def plan_tuning(
    recipe: Mapping[str, Any] | str,
    *,
    data: Path,
    settings: TuneSettings,
    execution: StudyExecution,
) -> RunPlan:
    """Estimate `tune_recipe`, by a few steps of the recipe as it stands; nothing is written.

    A few images are read, or one volume of each set, so that the answer takes seconds however much
    there is. Pruned trials cost less than this says.
    """
    import psutil

    from fatescope.train import find_trainable, measure_cost, trial_stage

    begun = time.process_time()
    recipe = _values(recipe)
    settings = asked_for(recipe, settings)
    _space(recipe, settings)
    samples = tuning_samples(data, settings)
    few = [_some_of(samples, split) for split in ("train", "validation")]
    (_, read, there), (_, scored, to_score) = few
    with tempfile.TemporaryDirectory() as folder:
        n_read = _lay_out([s for rows, _, _ in few for s in rows], Path(folder), data)
        n_samples = round(n_read * there / read)
        stage = trial_stage(recipe, {}, n_samples=n_samples, epochs=settings.epochs)
        before, empty = time.process_time(), psutil.Process().memory_info().rss
        task = find_trainable(stage.task).build_task(stage, data=Path(folder))
        task.batch(0, 1)  # some read their training images now
        reading, held = time.process_time() - before, psutil.Process().memory_info().rss - empty
        cost = measure_cost(task, stage.fit)
    more = (there + to_score) / (read + scored)
    reading *= more
    cost = replace(cost, validation_seconds=cost.validation_seconds * to_score / scored)
    memory_mb = peak_memory_mb() + (more - 1) * max(0, held) / 1e6
    started = time.process_time() - begun
    seconds = started + settings.trials * (reading + cost.of_fit(stage.fit))
    return RunPlan(
        command="tune",
        units=settings.trials,
        cpu_seconds=round(seconds, 1),
        wall_seconds=round(seconds / execution.workers, 1),
        peak_memory_mb=round(execution.workers * memory_mb),
        output_mb=round(1 + TRIAL_MB * settings.trials, 1),
        workers=execution.workers,
        what="trials",
    )


def _some_of(samples: Sequence[Sample], split: str) -> tuple[list[Sample], int, int]:
    """Return rows of a set, evenly spread, whole volumes; how many volumes these are, and of all.

    A plane that belongs to no volume counts as one.
    """
    volumes = group_slices([s for s in samples if s.split == split])
    n = 1
    while n < len(volumes) and sum(map(len, _spread(volumes, n))) < _ENOUGH_ROWS:
        n += 1
    return [s for rows in _spread(volumes, n) for s in rows], n, len(volumes)


def _spread(volumes: Sequence[list[Sample]], n: int) -> list[list[Sample]]:
    return [volumes[(2 * i + 1) * len(volumes) // (2 * n)] for i in range(n)]
