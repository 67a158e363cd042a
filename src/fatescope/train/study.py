"""A study of Optuna: trials that several processes share, and that outlive each of them.

Which values a trial tries follows from the seed, its place in the study and the trials before it.
"""

from __future__ import annotations

import math
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from fatescope.base import FatescopeError, SettingsError
from fatescope.train.search_space import Choices, Space, Value

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.train.fit import Fitted
    from fatescope.train.one_fit import Report
    from fatescope.train.task import Row
    from fatescope.train.tune_settings import TuneSettings

SCORE = "validation_score"
"""The number of the log that a study makes as high as possible: see `ScoredTask`."""
FitTrial = Callable[[Mapping[str, Value], "Path", "Report"], "Fitted"]
"""Fits with some values of the settings that are searched; rows of the log hold `SCORE`."""
Tell = Callable[[int, int, str], None]
LEAST_FOR_IMPORTANCE = 10  # trials: it tells the best tenth from the others
_RETRIES = 2  # of a trial whose process was killed
_WAIT_SECONDS = 1.0  # between looks at the others
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """What all workers of a study agree on.

    Parameters
    ----------
    storage : str
        URL of a database, such as ``sqlite:////home/me/out/study.sqlite``.
    name : str
        Of the study in it.
    space : Space
    settings : TuneSettings
    stale_after_s : int
        A trial of which nothing is heard for so long was killed, and is run again.
    """

    storage: str
    name: str
    space: Space
    settings: TuneSettings
    stale_after_s: int


def open_study(plan: StudyPlan) -> optuna.Study:
    """Begin a study, or go on with it.

    Raises
    ------
    SettingsError
        If the database cannot be reached.
    """
    options: dict[str, Any]
    if plan.storage.startswith("sqlite"):
        options = {"pool_pre_ping": True, "connect_args": {"timeout": 60}}
    else:  # a server has few connections: none is held while a trial trains
        options = {"poolclass": NullPool}
    none = plan.settings.prune == "none"
    try:
        with _quiet():
            storage = RDBStorage(
                plan.storage,
                engine_kwargs=options,
                heartbeat_interval=max(1, plan.stale_after_s // 4),
                grace_period=plan.stale_after_s,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(_RETRIES),
            )
            return optuna.create_study(
                study_name=plan.name,
                storage=storage,
                direction="maximize",
                pruner=optuna.pruners.NopPruner() if none else optuna.pruners.MedianPruner(),
                load_if_exists=True,
            )
    except (SQLAlchemyError, ImportError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise SettingsError(
            f"--storage {plan.storage}: the study cannot be opened ({first}). Give the URL of a "
            "database that runs, with its driver installed, such as "
            "postgresql+psycopg://user@host/name, or leave --storage out."
        ) from error


def run_trials(
    plan: StudyPlan,
    fit_trial: FitTrial,
    *,
    folder: Path,
    tell: Tell | None = None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Run trials until the study has as many as planned, whoever else works on it.

    A trial counts once it is complete or pruned. One that was killed is noticed, marked as failed
    and run again, from its last checkpoint where that lies in ``folder``.

    Parameters
    ----------
    plan : StudyPlan
    fit_trial : callable
    folder : Path
        Takes a folder for each trial while it runs.
    tell : callable, optional
        Called with trials finished, trials in all, and what is going on.
    is_wanted : callable, optional
        Asked before each trial.
    """
    study = open_study(plan)
    total = plan.settings.trials

    def objective(trial: optuna.Trial) -> float:
        trials = study.get_trials(deepcopy=False)
        place = sum(t.number < trial.number and t.state != TrialState.FAIL for t in trials)
        if place >= total:
            raise _Surplus
        study.sampler = _sampler(plan.settings.seed, place)
        values = {name: _suggest(trial, name, plan.space) for name in plan.space}
        number = _first_number(trials[trial.number])
        done = sum(t.state in _FINISHED for t in trials)
        best = max((t.value or 0.0 for t in trials if t.state == TrialState.COMPLETE), default=None)
        said = "" if best is None else f", best {best:.3f}"

        def report(steps: int, steps_in_all: int, row: Row) -> None:
            epoch = int(row["epoch"])
            trial.report(row[SCORE], epoch)
            if tell is not None:
                tell(done, total, f"trial {trial.number + 1}, epoch {epoch + 1}{said}")
            if steps < steps_in_all and trial.should_prune():
                trial.set_user_attr("steps", steps)
                raise optuna.TrialPruned

        if tell is not None:
            tell(done, total, f"trial {trial.number + 1}{said}")
        place_of_fit = folder / f"{number:05d}"
        try:
            last = fit_trial(values, place_of_fit, report).history[-1]
        except optuna.TrialPruned:
            shutil.rmtree(place_of_fit, ignore_errors=True)
            raise
        shutil.rmtree(place_of_fit, ignore_errors=True)
        trial.set_user_attr("steps", int(last["step"]))
        if not math.isfinite(last[SCORE]):
            raise optuna.TrialPruned  # it diverged: no score, but a trial all the same
        return last[SCORE]

    with _quiet():
        while is_wanted():
            states = [t.state for t in study.get_trials(deepcopy=False)]
            if sum(s in _FINISHED for s in states) >= total:
                return
            taken = sum(s != TrialState.FAIL for s in states)
            if taken < total or TrialState.WAITING in states:
                study.optimize(objective, n_trials=1, catch=(_Surplus,))
            else:  # others are at work on the last ones; one of them may be killed yet
                time.sleep(_WAIT_SECONDS)
                fail_stale_trials(study)


class _Surplus(Exception):  # noqa: N818 - it is no error: two workers began the last trial at once
    """A trial that begins when others have taken all places."""


def _sampler(seed: int, place: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of one trial, which draws the same in whatever process it runs."""
    state = np.random.SeedSequence([seed, place]).generate_state(1)
    return optuna.samplers.TPESampler(seed=int(state[0]))


def _suggest(trial: optuna.Trial, name: str, space: Space) -> Value:
    searched = space[name]
    if isinstance(searched, Choices):
        chosen: Value = trial.suggest_categorical(name, searched.values)
        return chosen
    suggest = trial.suggest_int if searched.is_whole else trial.suggest_float
    value: float = suggest(name, searched.low, searched.high, log=searched.is_log)
    return value


def _first_number(trial: optuna.trial.FrozenTrial) -> int:
    """Return the number of the trial that was killed, where this one runs it again."""
    return int(trial.system_attrs.get("failed_trial", trial.number))


def trial_rows(study: optuna.Study) -> list[dict[str, Any]]:
    """Return a row for each trial: number, state, score, the values tried, epochs, steps, time."""
    names = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
        TrialState.RUNNING: "running",
        TrialState.WAITING: "waiting",
    }
    return [
        {
            "trial": t.number + 1,
            "state": names[t.state],
            "score": _score(t),
            **t.params,
            "epochs": len(t.intermediate_values),
            "steps": t.user_attrs.get("steps", ""),
            "seconds": "" if t.duration is None else round(t.duration.total_seconds(), 2),
            "run_again_for": t.system_attrs.get("failed_trial", -1) + 1 or "",
        }
        for t in study.get_trials(deepcopy=False)
    ]


def _score(trial: optuna.trial.FrozenTrial) -> float | str:
    """Return the score of a trial, of a pruned one the last that it reached; empty for none."""
    seen = trial.intermediate_values
    value = trial.value if trial.value is not None else seen[max(seen)] if seen else None
    return value if value is not None and math.isfinite(value) else ""


def importances(study: optuna.Study) -> dict[str, float]:
    """Return how much each setting decides whether a trial is among the best; the sum is 1.

    Empty where fewer than 10 trials are complete, or all have one score.

    References
    ----------
    Watanabe, Bansal, Hutter, PED-ANOVA, IJCAI 2023.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < LEAST_FOR_IMPORTANCE or len({t.value for t in complete}) == 1:
        return {}
    with _quiet():
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(value) for name, value in found.items()}


def best_values(study: optuna.Study) -> tuple[int, float, dict[str, Value]]:
    """Return number (from 1), score and values of the complete trial with the highest score.

    Raises
    ------
    FatescopeError
        If no trial is complete.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        raise FatescopeError(
            "no trial came to its end with a score: all were pruned or diverged. Search lower "
            "learning rates, or give --prune none."
        )
    best = max(complete, key=lambda t: (t.value, -t.number))
    return best.number + 1, float(best.value), dict(best.params)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from writing to the terminal, and from warning that heartbeats are young."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
