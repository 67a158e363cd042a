"""A study of a task that nothing in the package knows: shared, pruned, killed, gone on with."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

pytest.importorskip("optuna")

from fatescope.base import FatescopeError, InputError, SettingsError
from fatescope.train import (
    FitSettings,
    Range,
    ScoredTask,
    StudyPlan,
    TuneSettings,
    best_values,
    fit,
    importances,
    open_study,
    run_trials,
)
from fatescope.train.study import trial_rows

SPACE = {
    "learning_rate": Range(low=1e-3, high=1.0, is_whole=False, is_log=True),
    "batch": Range(low=1, high=8, is_whole=True, is_log=False),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    """A database that workers share: a file, or the server that FATESCOPE_POSTGRES names."""
    if request.param == "sqlite":
        return None
    if "FATESCOPE_POSTGRES" not in os.environ:
        pytest.skip("FATESCOPE_POSTGRES names no server, such as postgresql+psycopg://me@host/db")
    pytest.importorskip("psycopg")
    return os.environ["FATESCOPE_POSTGRES"]


class Line:
    """Sums four numbers; the score is 1 where it does."""

    seed = 0

    def build(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return torch.nn.Linear(4, 1)

    def batch(self, step, size):
        x = torch.randn(size, 4, generator=torch.Generator().manual_seed(step))
        return x, x.sum(dim=1, keepdim=True)

    def loss(self, network, batch):
        x, y = batch
        return {"loss": ((network(x) - y) ** 2).mean()}

    def validate(self, network):
        return {"agreement": 1 - float((network.weight.detach() - 1).abs().mean())}


def fit_line(values, folder, report):
    settings = FitSettings(
        steps=12, steps_per_epoch=4, validate_every=1, gradient_clip=0, optimizer="sgd"
    ).replace(**values)
    return fit(ScoredTask(Line(), score="agreement"), settings, folder=folder, report=report)


def slow_line(values, folder, report):
    def slowly(done, total, row):
        report(done, total, row)
        time.sleep(0.2)

    return fit_line(values, folder, slowly)


def plan_in(folder, **more):
    execution = {"stale_after_s": more.pop("stale_after_s", 120)}
    url = more.pop("url", None) or f"sqlite:///{folder / 'study.sqlite'}"
    settings = TuneSettings(**{"trials": 12, "epochs": 3, "prune": "none", **more})
    # A server is shared by all tests, so a study there has the name of its folder.
    return StudyPlan(storage=url, name=str(folder), space=SPACE, settings=settings, **execution)


def states_of(plan):
    return [row["state"] for row in trial_rows(open_study(plan))]


@pytest.mark.slow
def test_a_study_finds_values_that_are_better_than_most(tmp_path):
    plan = plan_in(tmp_path, trials=12)
    run_trials(plan, fit_line, folder=tmp_path / "fits")
    rows = trial_rows(open_study(plan))
    number, score, values = best_values(open_study(plan))
    assert states_of(plan) == ["complete"] * 12
    assert score == max(row["score"] for row in rows) == rows[number - 1]["score"]
    assert {name: rows[number - 1][name] for name in SPACE} == values
    found = importances(open_study(plan))
    assert set(found) == set(SPACE)
    assert sum(found.values()) == pytest.approx(1)
    assert not list((tmp_path / "fits").iterdir()), "the fits of trials are not kept"


@pytest.mark.slow
def test_one_worker_repeats_a_study_however_often_it_is_stopped(tmp_path):
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole, parts = (plan_in(tmp_path / name, trials=12) for name in ("whole", "parts"))
    run_trials(whole, fit_line, folder=tmp_path / "fits")
    for trials in (3, 4, 12):
        some = plan_in(tmp_path / "parts", trials=trials)
        run_trials(some, fit_line, folder=tmp_path / "fits")
        assert len(states_of(some)) == trials
    tried = [
        [row[n] for n in ("score", *SPACE)]
        for p in (whole, parts)
        for row in trial_rows(open_study(p))
    ]
    assert tried[:12] == tried[12:]
    other = plan_in(tmp_path, trials=2, seed=1)
    run_trials(other, fit_line, folder=tmp_path / "fits")
    assert trial_rows(open_study(other))[0]["batch"] != tried[0][2] or (
        trial_rows(open_study(other))[0]["learning_rate"] != tried[0][1]
    )


@pytest.mark.slow
def test_a_trial_that_is_behind_the_median_ends_early(tmp_path):
    plan = plan_in(tmp_path, trials=25, prune="median")
    run_trials(plan, fit_line, folder=tmp_path / "fits")
    rows = trial_rows(open_study(plan))
    pruned = [row for row in rows if row["state"] == "pruned"]
    assert pruned
    assert all(row["epochs"] < 3 and row["steps"] < 12 for row in pruned)
    assert all(row["epochs"] == 3 for row in rows if row["state"] == "complete")
    assert len(rows) == 25
    assert not list((tmp_path / "fits").iterdir())


def test_a_trial_that_diverges_has_no_score_and_counts(tmp_path):
    def diverge(values, folder, report):
        fitted = fit_line(values, folder, report)
        fitted.history[-1]["validation_score"] = float("nan")
        return fitted

    plan = plan_in(tmp_path, trials=3)
    run_trials(plan, diverge, folder=tmp_path / "fits")
    assert states_of(plan) == ["pruned"] * 3
    with pytest.raises(FatescopeError, match="no trial came to its end with a score"):
        best_values(open_study(plan))


def test_an_error_of_a_fit_ends_the_study_and_is_shown(tmp_path):
    def refuse(values, folder, report):
        raise InputError("there is no sample to learn from.")

    with pytest.raises(InputError, match="no sample"):
        run_trials(plan_in(tmp_path), refuse, folder=tmp_path / "fits")


@pytest.mark.parametrize("score", ["loss", "learning_rate", "step", "nothing"])
def test_a_score_that_is_not_measured_on_validation_units_is_refused(tmp_path, score):
    task, settings = ScoredTask(Line(), score=score), FitSettings(steps=2)
    with pytest.raises(SettingsError, match=f"{score}: not measured on validation.*agreement"):
        fit(task, settings, folder=tmp_path)


def test_without_validation_units_nothing_is_tuned(tmp_path):
    task = Line()
    task.validate = lambda network: {}
    with pytest.raises(InputError, match="no validation units"):
        fit(ScoredTask(task, score="agreement"), FitSettings(steps=2), folder=tmp_path)


def test_a_database_that_is_not_there_is_a_sentence(tmp_path):
    plan = plan_in(tmp_path / "missing")
    with pytest.raises(SettingsError, match=r"--storage sqlite.*cannot be opened"):
        open_study(plan)


@pytest.mark.slow
def test_three_workers_share_a_study_to_the_exact_number_of_trials(tmp_path, url):
    plan = plan_in(tmp_path, trials=9, url=url)
    open_study(plan)
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=run_trials, args=(plan, slow_line), kwargs={"folder": tmp_path / w})
        for w in "abc"
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(240)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    rows = trial_rows(open_study(plan))
    assert sum(row["state"] == "complete" for row in rows) == 9
    assert len({row["learning_rate"] for row in rows if row["state"] == "complete"}) == 9


WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.train.test_study import plan_in, slow_line
from fatescope.train import run_trials
folder = Path({folder!r})
plan = plan_in(folder, trials=4, stale_after_s=4, url={url!r})
run_trials(plan, slow_line, folder=folder / "fits")
"""


@pytest.mark.slow
def test_a_killed_trial_is_noticed_and_run_again_from_its_checkpoint(tmp_path, url):
    plan = plan_in(tmp_path, trials=4, stale_after_s=4, url=url)
    root = str(Path(__file__).parents[2])
    code = WORKER.format(root=root, folder=str(tmp_path), url=url)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    worker = subprocess.Popen([sys.executable, "-c", code], env=environment)
    checkpoint = tmp_path / "fits" / "00001" / "checkpoints" / "last.ckpt"
    until = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < until and worker.poll() is None:
        time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert states_of(plan) == ["complete", "running"]

    begun = []

    def watched(values, folder, report):
        begun.append((folder.name, (folder / "checkpoints" / "last.ckpt").exists()))
        return fit_line(values, folder, report)

    run_trials(plan, watched, folder=tmp_path / "fits")
    rows = trial_rows(open_study(plan))
    assert sum(row["state"] == "complete" for row in rows) == 4
    assert [row["state"] for row in rows].count("failed") == 1
    again = next(row for row in rows if row["run_again_for"])
    assert again["run_again_for"] == 2
    assert [again[n] for n in SPACE] == [rows[1][n] for n in SPACE]
    assert ("00001", True) in begun, "it went on from the checkpoint of the killed one"
