"""Rendered fields differ in their look, and hold labels of what can be seen in them."""

import csv

import numpy as np
import pytest

from fatescope.base import SettingsError
from fatescope.prepare import PairSettings, find_pairs
from fatescope.simulate import FieldSettings, simulate_field, simulate_image, vary_field
from fatescope.simulate.fields import UNSEEN, seen
from fatescope.systems.simulation.nuclei import write_fields

SMALL = FieldSettings(height=160, width=192)


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_look():
    one, again = (simulate_field(SMALL, seed=3) for _ in range(2))
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert vary_field(SMALL, seed=3) != vary_field(SMALL, seed=4)


@pytest.mark.parametrize("seed", range(8))
def test_numbers_have_no_gap_and_labels_are_true_ones(seed):
    pixels, labels = simulate_field(SMALL, seed=seed)
    every = simulate_image(vary_field(SMALL, seed=seed), seed=seed)[1]
    assert pixels.shape == labels.shape == (160, 192)
    told = labels[(labels > 0) & (labels < UNSEEN)]
    assert np.unique(told).tolist() == list(range(1, int(told.max()) + 1))
    np.testing.assert_array_equal(labels > 0, every > 0)
    for n in range(1, int(told.max()) + 1):
        (whole,) = set(every[labels == n].tolist())
        np.testing.assert_array_equal(every == whole, labels == n)


def test_looks_differ_as_far_as_asked_for():
    plain = SMALL.replace(vary=0)
    assert vary_field(plain, seed=1) == vary_field(plain, seed=2)
    looks = [vary_field(SMALL, seed=s) for s in range(60)]
    assert min(k.diameter_px for k in looks) < 18 < 32 < max(k.diameter_px for k in looks)
    assert max(k.brightness_spread for k in looks) > 0.9
    with pytest.raises(SettingsError, match="vary = 2"):
        SMALL.replace(vary=2)


def test_every_look_is_allowed_at_the_ends_of_the_sizes():
    for diameter in (10, 110):
        for seed in range(40):
            vary_field(SMALL.replace(diameter_px=diameter), seed=seed)


def test_dim_nuclei_beside_bright_ones_are_marked_as_unseen():
    shares = [(simulate_field(SMALL, seed=s)[1] == UNSEEN).any() for s in range(8)]
    assert 0 < sum(shares) < 8


def test_what_does_not_stand_out_is_not_seen():
    rng = np.random.default_rng(0)
    pixels = rng.normal(1000, 50, (80, 120))
    labels = np.zeros((80, 120), int)
    labels[10:30, 10:30], labels[10:30, 50:70], labels[50:70, 10:30] = 1, 2, 4
    pixels[labels == 1] += 600  # bright
    pixels[labels == 2] += 8  # lost in the noise
    pixels[labels == 4] -= 300  # a hole
    assert seen(pixels.astype(np.uint16), labels).tolist() == [True, False, False, False]


def test_a_nucleus_without_room_for_a_ring_counts_as_seen():
    assert seen(np.full((20, 20), 500, np.uint16), np.ones((20, 20), int)).tolist() == [True]


def test_a_folder_of_fields_is_an_input_of_prepare_pairs(tmp_path):
    few = FieldSettings(height=80, width=96, count=2)
    write_fields(tmp_path / "f", few, seed=5)
    first = (tmp_path / "f" / "images" / "field_0001.tif").read_bytes()
    write_fields(tmp_path / "f", few.replace(count=3), seed=5)  # one more
    assert (tmp_path / "f" / "images" / "field_0001.tif").read_bytes() == first
    with (tmp_path / "f" / "index.csv").open(newline="") as stream:
        assert [row["name"] for row in csv.DictReader(stream)] == [
            "field_0000",
            "field_0001",
            "field_0002",
        ]
    samples = find_pairs([tmp_path / "f"], settings=PairSettings())
    assert {s.unit for s in samples} == {f"f/field_000{i}" for i in range(3)}
