"""Schedules are torch's own; the kicks are ours. Continued, both go on as if never stopped."""

import json
from itertools import pairwise

import pytest
import torch

from fatescope.base import SettingsError
from fatescope.train import FitSettings, InstanceRecipe, fit_recipe
from fatescope.train.schedule_settings import Kicks, OneCycle
from fatescope.train.schedules import LearningRate, rates_used

FLAT = [0.5] * 40
RISING = [i / 100 for i in range(40)]
KINDS = {
    "constant": {},
    "one-cycle": {"warmup": 0.3},
    "cosine": {"floor_ratio": 0.1},
    "warm-restarts": {"period": 7, "growth": 2},
    "plateau": {"patience": 1, "factor": 0.5},
    "kicks": {"patience": 2, "period": 20},
}


def settings(kind, steps=400, rate=100.0, **values):
    plan = {"kind": kind, **KINDS[kind], **values}
    return FitSettings.from_values({"steps": steps, "learning_rate": rate, "schedule": plan})


def rates(fit, measured=(), *, every=10):
    """The rate of each step; a measurement after each tenth."""
    schedule, out = LearningRate(fit), []
    values = iter(measured)
    for step in range(fit.steps):
        out.append(schedule.value)
        schedule.after_step()
        if (step + 1) % every == 0 and (value := next(values, None)) is not None:
            schedule.after_epoch({"ap_mean": value, "loss": 1 - value})
    return out


def test_one_cycle_rises_to_the_highest_rate_and_ends_at_almost_nothing():
    course = rates(settings("one-cycle", steps=100))
    assert course[0] == pytest.approx(100 / 25)
    assert max(course) == pytest.approx(100, rel=1e-2)
    assert course.index(max(course)) == pytest.approx(30, abs=1)
    assert course[-1] < 0.1


def test_a_constant_rate_is_one_rate():
    assert set(rates(settings("constant", steps=30), FLAT)) == {100.0}


def test_cosine_and_warm_restarts_have_the_values_worked_out_by_hand():
    course = rates(settings("cosine", steps=100))
    assert course[0] == 100
    assert course[50] == pytest.approx(55)
    again = rates(settings("warm-restarts", steps=30))
    assert [i for i, rate in enumerate(again) if rate == 100] == [0, 7, 21]


@pytest.mark.parametrize("metric", ["ap_mean", "loss"])
def test_on_a_plateau_the_rate_falls(metric):
    flat = rates(settings("plateau", metric=metric, steps=100), FLAT)
    rising = rates(settings("plateau", metric=metric, steps=100), RISING)
    assert flat[-1] < 100 / 10
    assert set(rising) == {100.0}


def test_kicks_give_the_published_peaks_and_floors():
    course = rates(settings("kicks", steps=300, period=60, patience=2), FLAT)
    turns = [course[0]]
    turns += [
        b for a, b, c in zip(course, course[1:], course[2:], strict=False) if b < a and c >= b
    ]
    assert round(turns[1], 1) == 50  # the floor of the first fall
    peaks = [b for a, b in pairwise(course) if b > a]
    assert peaks[0] == pytest.approx(62.5, rel=0.01)
    assert min(course[70:130]) == 25
    assert peaks[1] == pytest.approx(31.25, rel=0.01)  # published, rounded up, as 31.3


def test_a_kicked_rate_falls_as_a_cosine_and_waits_at_its_floor_for_a_plateau():
    course = rates(settings("kicks", period=100, patience=3), RISING)
    assert course[0] == 100
    assert course[50] == pytest.approx(75)
    assert [course[step] for step in (100, 250, 399)] == [50, 50, 50]


def test_a_better_number_puts_a_kick_off_and_a_kick_never_cuts_a_fall_short():
    plan = settings("kicks", period=100, patience=4)
    late = [0.9 if i >= 8 else 0.5 for i in range(40)]

    def kicks(measured):
        return [i + 1 for i, (a, b) in enumerate(pairwise(rates(plan, measured))) if b > a]

    assert kicks(FLAT)[:2] == [101, 201]
    assert kicks(late)[0] == 131


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_that_is_stopped_goes_on_with_the_same_rates(kind):
    fit = settings(kind, steps=90)
    whole = rates(fit, FLAT)
    first = LearningRate(fit)
    for step in range(45):
        first.after_step()
        if (step + 1) % 10 == 0:
            first.after_epoch({"ap_mean": 0.5, "loss": 0.5})
    second = LearningRate(fit)
    second.load_state_dict(json.loads(json.dumps(first.state_dict(), default=float)))
    course = []
    for step in range(45, 90):
        course.append(second.value)
        second.after_step()
        if (step + 1) % 10 == 0:
            second.after_epoch({"ap_mean": 0.5, "loss": 0.5})
    assert course == whole[45:]


def test_parts_of_a_network_follow_at_a_share_of_the_rate_floors_included(tmp_path):
    from fatescope.train import fit

    class TwoParts:
        seed = 0

        def build(self):
            network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
            network.rate_groups = lambda: [
                (0.1, list(network[0].parameters())),
                (1.0, list(network[1].parameters())),
            ]
            return network

        def batch(self, step, size):
            return (torch.ones(size, 2),)

        def loss(self, network, batch):
            return {"loss": network(*batch).square().mean()}

        def validate(self, network):
            return {}

    plan = settings("cosine", steps=5, rate=0.1, floor_ratio=0.5)
    fit(TwoParts(), plan.replace(steps_per_epoch=5), folder=tmp_path)
    state = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    used = [group["lr"] for group in state["optimizer"]["param_groups"]]
    assert used[0] == pytest.approx(0.1 * used[2])
    assert used[2] >= 0.05


def test_the_recipe_names_its_schedule_and_a_wrong_one_is_refused():
    with pytest.raises(SettingsError, match="schedule"):
        FitSettings.from_values({"schedule": {"kind": "staircase"}})


@pytest.mark.slow
def test_a_kicked_run_that_is_stopped_goes_on_with_the_same_rates(pairs, tmp_path):
    kicks = {"kind": "kicks", "metric": "loss", "patience": 1, "period": 3, "percent": 50}
    fit = {"steps": 24, "batch": 1, "steps_per_epoch": 3, "validate_every": 9, "schedule": kicks}
    fit["learning_rate"] = 0.3  # too high: it wanders
    recipe = InstanceRecipe.from_values(
        {"network": {"widths": (8, 8, 8, 8)}, "crops": {"size_px": 32}, "fit": fit}
    )
    whole = fit_recipe(recipe, data=pairs, out=tmp_path / "whole")
    assert len({round(row["learning_rate"], 9) for row in whole.history}) > 2, "there was no kick"

    def stop(done, total, what):
        if done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_recipe(recipe, data=pairs, out=tmp_path / "parts", report=stop)
    again = fit_recipe(recipe, data=pairs, out=tmp_path / "parts")
    assert json.dumps(again.history) == json.dumps(whole.history)


@pytest.mark.parametrize("steps", [1, 2, 8, 9, 10, 19])
def test_one_cycle_rises_and_falls_however_short_the_fit(steps):
    rate = LearningRate(FitSettings(steps=steps, learning_rate=0.1, schedule=OneCycle()))
    seen = [rate.value]
    for _ in range(steps):
        rate.after_step()
        seen.append(rate.value)
    assert seen[0] < max(seen) == pytest.approx(0.1)
    assert steps == 1 or seen[-1] < 0.01


def test_rates_replayed_from_a_log_are_those_of_the_steps():
    plan = FitSettings(
        steps=12,
        learning_rate=0.1,
        schedule=Kicks(metric="loss", percent=50, patience=1, floor_ratio=0.5, period=2),
    )
    rate, used, history = LearningRate(plan), [], []
    for epoch in range(6):
        for _ in range(2):
            used.append(rate.value)
            rate.after_step()
        history.append({"step": float(len(used)), "loss": 1.0 + epoch})
        rate.after_epoch(history[-1])
    assert rates_used(plan, history) == used
    assert min(used) < 0.04  # below the first floor, where only a kick leads
