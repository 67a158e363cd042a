"""Splits keep units whole, keep proportions, and leave a gap in time."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fatescope.base import InputError
from fatescope.prepare import SplitSettings, split_frames, split_units

units = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), min_size=1, max_size=120)


@given(samples=units, seed=st.integers(0, 5))
def test_a_unit_is_never_on_two_sides_and_order_does_not_matter(samples, seed):
    names, strata = [f"u{u}" for u, _ in samples], [s for _, s in samples]
    settings = SplitSettings(seed=seed)
    splits = split_units(names, strata, settings=settings)
    sides = defaultdict(set)
    for name, split in zip(names, splits, strict=True):
        sides[name].add(split)
    assert all(len(s) == 1 for s in sides.values())
    backwards = split_units(names[::-1], strata[::-1], settings=settings)
    assert backwards[::-1] == splits


def test_each_stratum_is_divided_in_proportion():
    names = [f"{s}{i}" for s in "ab" for i in range(40)]
    splits = split_units(names, [n[0] for n in names], settings=SplitSettings())
    for stratum in "ab":
        counts = Counter(s for n, s in zip(names, splits, strict=True) if n[0] == stratum)
        assert counts == {"train": 32, "validation": 4, "test": 4}


def test_another_seed_is_another_split():
    names = [f"u{i}" for i in range(40)]
    one, two = (split_units(names, ["a"] * 40, settings=SplitSettings(seed=s)) for s in (0, 1))
    assert one != two


def test_a_lone_unit_of_its_kind_stays_in_training():
    assert split_units(["u"], ["rare"], settings=SplitSettings()) == ["train"]


def test_time_blocks_have_guard_bands():
    settings = SplitSettings(validation=0.2, test=0.2, guard_frames=2)
    splits = split_frames(list(range(24)), settings=settings)
    assert splits == (
        ["train"] * 12 + ["unused"] * 2 + ["validation"] * 4 + ["unused"] * 2 + ["test"] * 4
    )
    shuffled = split_frames([23, 0, 12, 14], settings=settings)
    assert shuffled == ["test", "train", "unused", "validation"]


@given(frames=st.lists(st.integers(0, 200), min_size=40, max_size=80), guard=st.integers(0, 5))
def test_no_two_sides_are_closer_than_the_guard_band(frames, guard):
    frames = [*frames, 0, 200]
    splits = split_frames(frames, settings=SplitSettings(guard_frames=guard))
    sides = {
        s: [f for f, x in zip(frames, splits, strict=True) if x == s]
        for s in ("train", "validation", "test")
    }
    for a, b in (("train", "validation"), ("validation", "test"), ("train", "test")):
        if sides[a] and sides[b]:
            assert min(sides[b]) - max(sides[a]) > guard


def test_too_few_frames_are_named():
    with pytest.raises(InputError, match="frames 3 to 9 are too few"):
        split_frames([3, 5, 9], settings=SplitSettings())
