"""A share of the samples is spread over all frames."""

from collections import Counter
from pathlib import Path

import pytest

from fatescope.prepare import Sample, spread_share


def planes(n_frames, n_planes):
    return [
        Sample(image=Path(f"{t}_{z}.png"), labels=Path("l.png"), unit="e", frame=t, plane=z)
        for z in range(n_planes)
        for t in range(n_frames)
    ]


def test_a_tenth_of_the_slices_comes_from_all_frames_and_not_always_the_same_planes():
    chosen = spread_share(planes(50, 20), share=0.1, seed=0)
    assert Counter(s.frame for s in chosen) == dict.fromkeys(range(50), 2)
    assert len({s.plane for s in chosen}) > 15


@pytest.mark.parametrize(("share", "n"), [(1.0, 70), (0.1, 7), (0.3, 21), (0.001, 1), (0.101, 8)])
def test_the_share_is_rounded_up_and_no_sample_is_taken_twice(share, n):
    samples = planes(1, 70)
    chosen = spread_share(samples, share=share, seed=3)
    assert len(chosen) == len(set(chosen)) == n
    assert chosen == spread_share(samples[::-1], share=share, seed=3), "the order does not count"


def test_another_seed_draws_others():
    assert spread_share(planes(5, 20), share=0.1, seed=0) != spread_share(
        planes(5, 20), share=0.1, seed=1
    )
