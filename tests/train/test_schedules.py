"""Schedules agree with those of torch, step by step."""

from itertools import pairwise

import pytest
import torch

from fatescope.train.schedules import one_cycle, shortened_cycle


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
