"""A run that is killed and continued has the curve and the weights of an unbroken one."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from fatescope.base import SettingsError
from fatescope.systems.nuclei.training.task import NucleiTask
from fatescope.train import Fit, FitSettings, InstanceRecipe, fit, fit_recipe, fit_together
from fatescope.train.export import load_weights, weights_bytes
from fatescope.train.fit import FitCost
from fatescope.train.networks import build_network

TINY = {
    "network": {"widths": (8, 8, 8, 8)},
    "crops": {"size_px": 64},
    "fit": {
        "steps": 30,
        "batch": 2,
        "steps_per_epoch": 5,
        "validate_every": 3,
        "learning_rate": 0.01,
    },
}
SCRIPT = """
import sys
from pathlib import Path
from fatescope.train import InstanceRecipe, fit_recipe
fit_recipe(InstanceRecipe.from_values({recipe!r}), data=Path(sys.argv[1]), out=Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def unbroken(pairs, tmp_path_factory):
    out = tmp_path_factory.mktemp("unbroken")
    return out, fit_recipe(InstanceRecipe.from_values(TINY), data=pairs, out=out)


@pytest.mark.slow
def test_the_loss_falls_and_the_log_holds_the_curve(unbroken):
    out, fitted = unbroken
    losses = [row["loss"] for row in fitted.history]
    assert len(losses) == 6
    assert losses[-1] < 0.8 * losses[0]
    assert "ap50" in fitted.history[2]
    assert "ap50" in fitted.history[-1]
    assert "ap50" not in fitted.history[0]
    lines = (out / "log.csv").read_text().splitlines()
    assert lines[0].startswith("epoch,step,learning_rate,")
    assert len(lines) == 7


@pytest.mark.slow
def test_killed_and_continued_is_the_same_curve_bit_for_bit(unbroken, pairs, tmp_path):
    whole, fitted = unbroken
    script = SCRIPT.format(recipe=TINY)
    run = subprocess.Popen([sys.executable, "-c", script, str(pairs), str(tmp_path)])
    log = tmp_path / "log.csv"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and run.poll() is None:
        if log.exists() and log.read_text().count("\n") >= 3:
            break
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert 3 <= log.read_text().count("\n") < 7, "killed too early or too late to tell"
    kept = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert 0 < kept["n_steps"] < TINY["fit"]["steps"]
    kept_rows = len(kept["history"])
    steps = []
    recipe = InstanceRecipe.from_values(TINY)
    again = fit_recipe(
        recipe, data=pairs, out=tmp_path, report=lambda done, total, row: steps.append(done)
    )
    assert len(steps) == 6 - kept_rows, "it began again instead of continuing"
    assert again.history == fitted.history
    assert log.read_bytes() == (whole / "log.csv").read_bytes()
    weights = fitted.network.state_dict()
    for name, value in again.network.state_dict().items():
        assert torch.equal(value, weights[name]), name


@pytest.mark.slow
def test_a_tuner_can_stop_a_fit_and_its_checkpoint_goes_on(unbroken, pairs, tmp_path):
    class PrunedError(Exception):
        pass

    def prune(done, total, row):
        if done == 10:
            raise PrunedError

    stage = InstanceRecipe.from_values(TINY)
    with pytest.raises(PrunedError):
        fit(NucleiTask(stage, data=pairs), stage.fit, folder=tmp_path, report=prune)
    gone_on = fit(NucleiTask(stage, data=pairs), stage.fit, folder=tmp_path)
    assert gone_on.history == unbroken[1].history


@pytest.mark.slow
def test_a_tuner_sees_the_scores_of_all_stages_and_prunes_by_them(pairs, tmp_path):
    class PrunedError(Exception):
        pass

    class Trial:
        """What a tuner such as Optuna asks for: a value after each step, in rising order."""

        def __init__(self, least):
            self.least, self.reported = least, {}

        def __call__(self, done, total, row):
            if "ap_mean" in row:
                assert done > max(self.reported, default=0)
                self.reported[done] = row["ap_mean"]
                if done >= total / 2 and row["ap_mean"] < self.least:
                    raise PrunedError

    recipe = InstanceRecipe.from_values({**TINY, "then": [{"seed": 4}]})
    hopeless, hopeful = Trial(least=1.1), Trial(least=0.0)
    with pytest.raises(PrunedError):
        fit_recipe(recipe, data=pairs, out=tmp_path, report=hopeless)
    assert list(hopeless.reported) == [15, 30]
    whole = fit_recipe(recipe, data=pairs, out=tmp_path, report=hopeful)
    assert list(hopeful.reported) == [45, 60]
    assert hopeful.reported[60] == whole.history[-1]["ap_mean"]


def test_the_cost_of_a_fit_is_its_steps_and_its_validations():
    cost = FitCost(step_seconds=0.5, batch_seconds=0.2, validation_seconds=3.0, n_weights=0)
    # Epochs of 4, 4 and 2 steps, scored after the second and after the last.
    settings = FitSettings(steps=10, steps_per_epoch=4, validate_every=2)
    assert cost.of_fit(settings) == 10 * 0.5 + 2 * 3
    assert cost.of_fit(settings, shared=True) == pytest.approx(10 * 0.3 + 2 * 3)


def test_a_schedule_that_follows_what_is_not_measured_is_refused_with_what_there_is(
    pairs, tmp_path
):
    plan = {**TINY["fit"], "schedule": {"kind": "plateau", "metric": "ap_men"}}
    with pytest.raises(SettingsError, match=r"follows 'ap_men'.*ap75, ap_mean"):
        fit_recipe(InstanceRecipe.from_values({**TINY, "fit": plan}), data=pairs, out=tmp_path)


class Line:
    """A straight line through noise, with a dropout; it counts how often a batch is asked for."""

    def __init__(self, seed=3, stream="line"):
        self.seed, self.stream, self.asked = seed, stream, []

    def build(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            layers = torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1)
            return torch.nn.Sequential(*layers)

    def batch(self, step, size):
        self.asked.append(step)
        x = torch.randn(size, 4, generator=torch.Generator().manual_seed(step))
        return x, x.sum(dim=1, keepdim=True)

    def loss(self, network, batch):
        x, y = batch
        return {"loss": ((network(x) - y) ** 2).mean()}

    def validate(self, network):
        return {}


PLAN = FitSettings(steps=12, batch=4, steps_per_epoch=3, learning_rate=0.05)
PLANS = {  # other optimisers, epochs, lengths: whatever a variant may change but its batches
    "a": PLAN,
    "b": PLAN.replace(optimizer="sgd", learning_rate=0.2, steps_per_epoch=5),
    "c": PLAN.replace(steps=7, ema_decay=0.0),
}


def same_weights(one, other):
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_networks_in_one_pass_get_the_weights_that_each_gets_alone(tmp_path):
    alone = {k: fit(Line(), p, folder=tmp_path / "alone" / k) for k, p in PLANS.items()}
    tasks = {k: Line() for k in PLANS}
    fits = [Fit(task=tasks[k], settings=p, folder=tmp_path / k) for k, p in PLANS.items()]
    for name, fitted in zip(PLANS, fit_together(fits), strict=True):
        assert fitted.history == alone[name].history
        assert same_weights(fitted.network, alone[name].network)
    assert not same_weights(alone["a"].network, alone["b"].network)


def test_a_batch_that_several_share_is_asked_for_once(tmp_path):
    tasks = {k: Line() for k in PLANS}
    fits = [Fit(task=tasks[k], settings=p, folder=tmp_path / k) for k, p in PLANS.items()]
    fit_together(fits)
    asked = [step for task in tasks.values() for step in task.asked]
    assert asked == list(range(12))
    with (tmp_path / "b" / "times.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["epoch"], r["models"]) for r in rows] == [("0", "3"), ("1", "3"), ("2", "2")]
    assert all(float(r["seconds"]) > 0 for r in rows)


def test_other_streams_and_other_sizes_of_batch_are_read_by_themselves(tmp_path):
    tasks = [Line(), Line(stream="another"), Line()]
    plans = [PLAN, PLAN, PLAN.replace(batch=8)]
    fits = [
        Fit(task=t, settings=p, folder=tmp_path / str(i))
        for i, (t, p) in enumerate(zip(tasks, plans, strict=True))
    ]
    fit_together(fits)
    assert [t.asked for t in tasks] == [list(range(12))] * 3


@pytest.mark.parametrize("at", [3, 5, 6])
def test_networks_in_one_pass_go_on_where_each_was_when_all_were_stopped(tmp_path, at):
    alone = {k: fit(Line(), p, folder=tmp_path / "alone" / k) for k, p in PLANS.items()}

    def stop(done, total, row):
        if done == at:
            raise KeyboardInterrupt

    def fits(report):
        return [
            Fit(task=Line(), settings=p, folder=tmp_path / k, report=report)
            for k, p in PLANS.items()
        ]

    with pytest.raises(KeyboardInterrupt):
        fit_together(fits(stop))
    for name, fitted in zip(PLANS, fit_together(fits(None)), strict=True):
        assert fitted.history == alone[name].history
        assert same_weights(fitted.network, alone[name].network)


def test_dropout_and_other_tasks_continue_bit_for_bit(tmp_path):
    whole = fit(Line(), PLAN, folder=tmp_path / "whole")
    torch.manual_seed(99)  # what else happens in the process changes nothing

    def stop(done, total, row):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(Line(), PLAN, folder=tmp_path / "parts", report=stop)
    again = fit(Line(), PLAN, folder=tmp_path / "parts")
    assert again.history == whole.history
    assert "ap50" not in whole.history[-1]
    for one, two in zip(again.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_the_average_is_what_it_says_for_every_optimiser(pairs, tmp_path, optimizer, ema_decay):
    values = {"optimizer": optimizer, "ema_decay": ema_decay, "steps": 4, "steps_per_epoch": 1}
    stage = InstanceRecipe.from_values(
        {**TINY, "fit": {**TINY["fit"], **values, "learning_rate": 0.001}}
    )
    weights, averages = [], []

    def keep(done, total, row):
        state = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
        weights.append(state["network"]["head.weight"].clone())
        averages.append(state["averaged"]["module.head.weight"].clone())

    fit(NucleiTask(stage, data=pairs), stage.fit, folder=tmp_path, report=keep)
    assert not torch.equal(weights[0], weights[1])
    expected = weights[0]
    for n, value in enumerate(weights[1:], start=2):
        decay = min(ema_decay, (1 + n) / (10 + n)) if ema_decay else 0.0
        expected = expected.lerp(value, 1 - decay)
        torch.testing.assert_close(averages[n - 1], expected)


def test_test_units_are_not_opened(pairs, tmp_path):
    import shutil

    folder = shutil.copytree(pairs, tmp_path / "data")
    (folder / "p8.png").write_bytes(b"not an image")
    (folder / "p8_labels.png").unlink()
    recipe = InstanceRecipe.from_values({**TINY, "fit": {**TINY["fit"], "steps": 5}})
    assert len(fit_recipe(recipe, data=folder, out=tmp_path / "out").history) == 1


@pytest.mark.slow
def test_stages_follow_each_other_and_a_deeper_network_begins_as_the_same_function(pairs, tmp_path):
    shallow = {**TINY["network"], "blocks": (1, 1, 1, 1)}
    first = {**TINY, "network": shallow, "fit": {**TINY["fit"], "steps": 10}}
    deeper = {**first, "network": {**TINY["network"], "blocks": (1, 2, 1, 3)}, "seed": 1}
    whole = fit_recipe(
        InstanceRecipe.from_values({**first, "then": [deeper]}), data=pairs, out=tmp_path / "whole"
    )
    one = fit_recipe(InstanceRecipe.from_values(first), data=pairs, out=tmp_path / "one")
    assert (tmp_path / "whole/stage-1/log.csv").read_bytes() == (
        tmp_path / "one/log.csv"
    ).read_bytes()
    start = weights_bytes(one.network)
    stage = InstanceRecipe.from_values(deeper)
    two = fit(
        NucleiTask(stage, data=pairs),
        stage.fit,
        folder=tmp_path / "two",
        weights=lambda network: load_weights(network, start),
    )
    assert whole.history == two.history
    networks = [
        build_network(InstanceRecipe.from_values(r).network, seed=3) for r in (first, deeper)
    ]
    for network in networks:
        load_weights(network, start)
    plane = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = (network.eval()(plane) for network in networks)
    assert torch.equal(before, after)


def test_a_later_stage_says_only_what_differs():
    recipe = InstanceRecipe.from_values({**TINY, "then": [{"seed": 4, "crops": {"turn": 0.1}}]})
    first, second = recipe.stages
    assert second.seed == 4
    assert second.crops == first.crops.replace(turn=0.1)
    assert (second.network, second.fit) == (first.network, first.fit)
    assert InstanceRecipe.from_values(recipe.model_dump()) == recipe


def test_stages_of_two_working_sizes_are_refused():
    with pytest.raises(SettingsError, match="diameter_px"):
        InstanceRecipe.from_values({**TINY, "then": [{"crops": {"diameter_px": 30}}]})
