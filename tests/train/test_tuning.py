"""``fatescope tune`` on rendered nuclei: what a trial does, what it never opens, what it leaves."""

import csv
import json
import shlex
import shutil

import pytest
import torch
from tests.app.browsing import needs_chromium
from tests.pages.looking import reads_well
from typer.testing import CliRunner

pytest.importorskip("optuna")

from fatescope.base import InputError
from fatescope.cli.main import load_commands
from fatescope.prepare import read_samples, write_samples
from fatescope.systems.nuclei.training.task import NucleiTask
from fatescope.systems.training.tune import asked_for, plan_tuning, tune_recipe
from fatescope.train import StudyExecution, TuneSettings, fit_recipe_trial, read_recipe, trial_stage

RECIPE = {
    "name": "tiny",
    "network": {"widths": [8, 8, 16, 16], "n_outputs": 3},
    "crops": {"size_px": 32},
    "fit": {"steps": 40, "optimizer": "adam"},
    "then": [{"seed": 1, "fit": {"steps": 5}}],
    "tune": {"trials": 2, "share": 1.0, "score": "iou", "search": ["fit.batch=2:4"]},
}


@pytest.fixture(scope="module")
def without_test(pairs, tmp_path_factory):
    """The rendered pairs in which the files of the test unit are not there."""
    folder = tmp_path_factory.mktemp("without") / "pairs"
    shutil.copytree(pairs, folder)
    for sample in read_samples(folder, splits=["test"]):
        sample.image.unlink()
        sample.labels.unlink()
    return folder


def run_trial(data, folder, *, batch, epochs):
    rows = []
    fitted = fit_recipe_trial(
        {"fit.batch": batch},
        folder,
        lambda done, total, row: rows.append((done, total)),
        recipe=RECIPE,
        data=data,
        n_samples=6,
        settings=TuneSettings(epochs=epochs, score="iou"),
    )
    return rows, torch.cat([p.detach().ravel() for p in fitted.network.parameters()])


def test_batch_and_epochs_change_what_a_trial_does(pairs, tmp_path):
    rows, weights = {}, {}
    for batch, epochs in ((2, 1), (4, 1), (4, 2)):
        key = batch, epochs
        folder = tmp_path / f"{batch}-{epochs}"
        rows[key], weights[key] = run_trial(pairs, folder, batch=batch, epochs=epochs)
    assert rows == {(2, 1): [(3, 3)], (4, 1): [(2, 2)], (4, 2): [(2, 4), (4, 4)]}
    assert not torch.equal(weights[2, 1], weights[4, 1])
    assert not torch.equal(weights[4, 1], weights[4, 2])
    stage = trial_stage(RECIPE, {"fit.batch": 4}, n_samples=6, epochs=2)
    sizes = [len(t) for t in NucleiTask(stage, data=pairs).batch(0, stage.fit.batch)]
    assert sizes == [4, 4]


@pytest.fixture(scope="module")
def tuned(without_test, tmp_path_factory):
    return tune_recipe(
        RECIPE,
        data=without_test,
        out=tmp_path_factory.mktemp("tuned") / "out",
        settings=TuneSettings.from_values({}),
        execution=StudyExecution(),
    )


@pytest.mark.slow
@needs_chromium
def test_the_page_of_a_tuning_reads_well(tuned):
    reads_well(tuned.summary.out / "report.html")


@pytest.mark.slow
def test_a_recipe_is_tuned_without_a_test_file_and_train_takes_what_comes_out(without_test, tuned):
    out = tuned.summary.out
    assert tuned.counts == {"complete": 2}
    seen = read_samples(out / "data", splits=["train", "validation", "test", "unused"])
    assert {s.split for s in seen} == {"train", "validation"}
    printed = shlex.split(tuned.as_lines()[-1].partition("fatescope ")[2])
    planned = CliRunner().invoke(load_commands(None), [*printed, "--plan"])
    assert planned.exit_code == 0, planned.output
    best = read_recipe(out / "best.toml")
    assert best.fit.batch == tuned.best["fit.batch"] == best.then[0].fit.batch
    assert (best.fit.steps, best.then[0].fit.steps, best.fit.optimizer) == (40, 5, "adam")
    with (out / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(r["steps"]) for r in rows] == [-(-6 // int(r["fit.batch"])) for r in rows]
    assert max(float(r["score"]) for r in rows) == tuned.best_score
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Score of each trial" in page
    assert "fit.batch" in page

    more = tune_recipe(
        RECIPE,
        data=without_test,
        out=out,
        settings=TuneSettings.from_values({"trials": 3}),
        execution=StudyExecution(),
    )
    assert more.counts == {"complete": 3}, "the study of the first call goes on"


def test_flags_win_over_the_table_of_the_recipe_and_the_table_over_defaults():
    settings = asked_for(RECIPE, TuneSettings.from_values({"share": 0.5}))
    assert (settings.trials, settings.share, settings.epochs) == (2, 0.5, 1)


def test_without_validation_units_nothing_begins(pairs, tmp_path):
    (tmp_path / "pairs").mkdir()
    write_samples(tmp_path / "pairs" / "samples.csv", read_samples(pairs, splits=["train"]))
    with pytest.raises(InputError, match="no validation units"):
        tune_recipe(
            RECIPE,
            data=tmp_path / "pairs",
            out=tmp_path / "out",
            settings=TuneSettings(),
            execution=StudyExecution(),
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_plan_counts_trials_and_writes_nothing(pairs, tmp_path):
    before = sorted(pairs.iterdir())
    plan = plan_tuning(
        RECIPE, data=pairs, settings=TuneSettings(trials=50), execution=StudyExecution()
    )
    few = plan_tuning(RECIPE, data=pairs, settings=TuneSettings(), execution=StudyExecution())
    assert (plan.units, plan.workers, few.units) == (50, 1, 2)
    assert plan.cpu_seconds > 0
    assert sorted(pairs.iterdir()) == before


def test_the_command_takes_several_searches_and_refuses_one_that_cannot_be(without_test, tmp_path):
    (tmp_path / "mine.toml").write_text('name = "mine"\n[network]\nwidths = [8, 8, 16, 16]\n')
    call = ["tune", str(tmp_path / "mine.toml"), "--data", str(without_test), "--json"]
    searches = ["--search", "fit.learning_rate=0.001:0.01:log", "--search", "fit.batch=3,6"]
    more = ["--trials", "1", "--share", "0.5", "--score", "iou", "--out", str(tmp_path / "out")]
    app = load_commands("tune")
    done = CliRunner().invoke(app, [*call, *searches, *more])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["trials"] == {"complete": 1}
    assert set(answer["best"]) == {"fit.learning_rate", "fit.batch"}
    done = CliRunner().invoke(app, [*call, "--search", "fit.batch=0:3", *more])
    assert done.exit_code == 2
    assert "fit.batch = 0" in done.stderr
