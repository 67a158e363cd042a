"""Schedules agree with those of torch, step by step."""

import json
import math
import random
from itertools import pairwise

import pytest
import torch

from fatescope.base import SettingsError
from fatescope.train import Recipe, fit_recipe
from fatescope.train.kicks import kick_turns, kicked_cosine
from fatescope.train.rates import rate_at
from fatescope.train.schedule_settings import Kicks, Plateau
from fatescope.train.schedules import cosine, one_cycle, plateau, shortened_cycle, warm_restarts
from fatescope.train.settings import FitSettings


def sgd(rate):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)


@pytest.mark.parametrize(("steps", "warmup"), [(50, 0.1), (400, 0.3), (11_000, 0.1)])
def test_one_cycle_is_that_of_torch(steps, warmup):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.004)
    oracle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.004, total_steps=steps + 1, pct_start=warmup, cycle_momentum=False
    )
    for step in range(steps):
        ours = one_cycle(step, steps=steps, rate=0.004, warmup=warmup)
        assert ours == pytest.approx(oracle.get_last_lr()[0], rel=1e-12)
        optimizer.step()
        oracle.step()


def test_a_shortened_cycle_goes_on_from_where_it_was_and_ends_where_a_cycle_ends():
    plan = {"rate": 0.004, "warmup": 0.1}
    rates = [shortened_cycle(s, steps=700, at=300, planned=1100, **plan) for s in range(701)]
    assert rates[:301] == [one_cycle(s, steps=1100, **plan) for s in range(301)]
    assert all(b < a for a, b in pairwise(rates[300:]))
    assert rates[-1] == pytest.approx(one_cycle(1100, steps=1100, **plan))


def test_a_second_cycle_begins_anew_at_its_own_rate():
    fit = FitSettings(steps=100, rate=0.004, restart=(60, 0.001))
    rates = [rate_at(s, fit=fit) for s in range(100)]
    first = FitSettings(steps=60, rate=0.004)
    assert rates[:60] == [rate_at(s, fit=first) for s in range(60)]
    second = FitSettings(steps=40, rate=0.001)
    assert rates[60:] == [rate_at(s, fit=second) for s in range(40)]
    assert max(rates[60:]) == pytest.approx(0.001, rel=0.01)


@pytest.mark.parametrize("floor", [0.0, 0.0004])
def test_cosine_is_that_of_torch(floor):
    optimizer = sgd(0.004)
    oracle = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=70, eta_min=floor)
    for step in range(71):
        ours = cosine(step, steps=70, rate=0.004, floor=floor)
        assert ours == pytest.approx(oracle.get_last_lr()[0], rel=1e-9, abs=1e-12)
        optimizer.step()
        oracle.step()
    assert cosine(500, steps=70, rate=0.004, floor=floor) == floor  # it stays at the floor


@pytest.mark.parametrize(("period", "growth"), [(10, 1), (10, 2), (7, 3)])
def test_warm_restarts_are_those_of_torch(period, growth):
    optimizer = sgd(0.1)
    oracle = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, T_0=period, T_mult=growth, eta_min=0.001
    )
    for step in range(95):
        ours = warm_restarts(step, period=period, growth=growth, rate=0.1, floor=0.001)
        assert ours == pytest.approx(oracle.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        oracle.step()


@pytest.mark.parametrize("metric", ["ap_mean", "loss"])
@pytest.mark.parametrize("cooldown", [0, 3])
def test_plateau_is_that_of_torch_on_wandering_numbers(metric, cooldown):
    settings = Plateau(metric=metric, factor=0.7, patience=2, cooldown=cooldown, floor_ratio=0.1)
    optimizer = sgd(0.02)
    oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode="min" if metric == "loss" else "max",
        factor=0.7,
        patience=2,
        cooldown=cooldown,
        min_lr=0.002,
    )
    rng, values, rates = random.Random(1), [], []
    for i in range(60):
        values.append(0.5 + 0.01 * min(i, 20) + rng.uniform(-0.05, 0.05))
        oracle.step(values[-1])
        rates.append(plateau(values, rate=0.02, settings=settings))
        assert rates[-1] == pytest.approx(oracle.get_last_lr()[0], rel=1e-12)
    assert len(set(rates)) > 3


FLAT = [(step, 0.5) for step in range(0, 400, 10)]


def test_kicks_give_the_published_peaks_and_floors():
    turns = kick_turns(FLAT, rate=100.0, settings=Kicks(percent=25, patience=2, period=100))
    rates = [rate for turn in turns for rate in (turn.peak, turn.floor)]
    assert [round(rate, 1) for rate in rates[:5]] == [100, 50, 62.5, 25, 31.2]
    assert rates[4] == 31.25  # published, rounded up, as 31.3


def test_a_rate_falls_as_a_cosine_to_its_floor_and_waits_there_for_a_plateau():
    settings = Kicks(patience=3, period=100)
    rising = [(step, step / 1000) for step in range(0, 400, 10)]

    def rate(step, measured):
        return kicked_cosine(step, measured, rate=100.0, settings=settings)

    assert rate(0, rising) == 100
    assert rate(50, rising) == pytest.approx(75)
    assert [rate(step, rising) for step in (100, 250, 399)] == [50, 50, 50]
    assert rate(100, FLAT) == 50  # the measurement of step 100 is not known at step 100
    assert rate(101, FLAT) == pytest.approx(62.5, rel=1e-3)
    falling_loss = [(step, -value) for step, value in rising]
    by_loss = settings.replace(metric="loss")
    assert kicked_cosine(399, falling_loss, rate=100.0, settings=by_loss) == 50


def test_a_better_number_puts_a_kick_off_and_a_kick_never_cuts_a_fall_short():
    settings = Kicks(patience=4, period=100)
    late = [(step, 0.9 if step >= 90 else 0.5) for step, _ in FLAT]
    assert [turn.step for turn in kick_turns(FLAT, rate=1.0, settings=settings)][:3] == [
        0,
        100,
        200,
    ]
    assert kick_turns(late, rate=1.0, settings=settings)[1].step == 130
    patient = settings.replace(patience=25)
    assert kick_turns(FLAT, rate=1.0, settings=patient)[1].step == 250


def test_the_recipe_names_its_schedule_and_a_wrong_one_is_refused():
    fit = FitSettings.from_values({"steps": 50, "rate": 0.1, "schedule": {"kind": "cosine"}})
    assert rate_at(25, fit=fit) == pytest.approx(0.05)
    kinds = {"warm-restarts": {"period": 10}, "plateau": {}, "kicks": {}, "one-cycle": {}}
    for kind, more in kinds.items():
        again = fit.replace(schedule={"kind": kind, **more})
        assert math.isfinite(rate_at(3, fit=again, history=[{"step": 1.0, "ap_mean": 0.5}]))
    with pytest.raises(SettingsError, match="belong to one-cycle, not kicks"):
        FitSettings.from_values({"restart": (60, 0.001), "schedule": {"kind": "kicks"}})
    with pytest.raises(SettingsError, match="schedule"):
        FitSettings.from_values({"schedule": {"kind": "staircase"}})


def test_a_kicked_run_that_is_stopped_goes_on_with_the_same_rates(pairs, tmp_path):
    kicks = {"kind": "kicks", "metric": "loss", "patience": 1, "period": 3, "percent": 50}
    fit = {"steps": 24, "batch": 1, "steps_per_epoch": 3, "validate_every": 9, "schedule": kicks}
    values = {"network": {"widths": (8, 8, 8, 8)}, "crops": {"size_px": 32}, "fit": fit}
    recipe = Recipe.from_values({**values, "fit": {**fit, "rate": 0.3}})  # too high: it wanders
    whole = fit_recipe(recipe, data=pairs, out=tmp_path / "whole")
    assert len({round(row["rate"], 9) for row in whole.history}) > 2, "there was no kick"

    def stop(done, total, what):
        if done == 12:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fit_recipe(recipe, data=pairs, out=tmp_path / "parts", progress=stop)
    again = fit_recipe(recipe, data=pairs, out=tmp_path / "parts")
    assert json.dumps(again.history) == json.dumps(whole.history)
