"""Rendered crowds differ in arrangement and look, and their truth is whole."""

import csv

import numpy as np
import pytest

from fatescope.acquire import read_image, read_labels
from fatescope.base import SettingsError
from fatescope.prepare import PairSettings, check_samples, find_pairs
from fatescope.simulate import CrowdSettings, simulate_crowd
from fatescope.systems.simulation.nuclei import plan_crowds, write_crowds

SMALL = CrowdSettings(least_diameter_px=14, most_diameter_px=14, side_px=64, planes=10)


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_look():
    one, again, other = (simulate_crowd(SMALL, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(one.pixels, again.pixels)
    np.testing.assert_array_equal(one.labels, again.labels)
    assert one.plane_px != other.plane_px


@pytest.mark.parametrize("kind", ["ball", "shell", "sheet", "cloud"])
def test_nuclei_lie_as_asked_for_have_no_gap_in_their_numbers_and_are_bright(kind):
    crowd = simulate_crowd(SMALL.replace(kind=kind), seed=2)
    n = int(crowd.labels.max())
    assert crowd.kind == kind
    assert np.unique(crowd.labels).tolist() == list(range(n + 1))
    assert n > 3
    voxels = np.bincount(crowd.labels.ravel())[1:]
    assert voxels.min() >= 30
    ball = 4 / 3 * np.pi * 7**3 / crowd.plane_px
    assert 0.2 * ball < np.median(voxels) < 1.6 * ball
    assert crowd.pixels[crowd.labels > 0].mean() > 1.2 * crowd.pixels[crowd.labels == 0].mean()


def test_no_more_nuclei_planes_and_rows_than_asked_for():
    crowd = simulate_crowd(SMALL.replace(nuclei=2, kind="cloud"), seed=1)
    assert crowd.labels.max() <= 2
    assert crowd.pixels.shape[0] <= 10
    assert max(crowd.pixels.shape[1:]) <= 64
    with pytest.raises(SettingsError, match="least_diameter_px must not exceed"):
        SMALL.replace(least_diameter_px=30)


def test_a_folder_of_crowds_is_an_input_of_prepare_pairs(tmp_path):
    write_crowds(tmp_path / "c", SMALL.replace(count=2, pixel_um=0.25), seed=5)
    first = (tmp_path / "c/images/crowd_0001.tif").read_bytes()
    write_crowds(tmp_path / "c", SMALL.replace(count=3, pixel_um=0.25), seed=5)  # one more
    assert (tmp_path / "c/images/crowd_0001.tif").read_bytes() == first
    with (tmp_path / "c/index.csv").open(newline="") as stream:
        assert [row["name"] for row in csv.DictReader(stream)] == [f"crowd_000{i}" for i in "012"]
    samples = find_pairs([tmp_path / "c"], settings=PairSettings(learn_only="c"))
    assert {s.split for s in samples} == {"train"}
    image, labels = read_image(samples[0].image), read_labels(samples[0].labels)
    assert image.axes == labels.axes == "ZYX"
    assert image.pixels.shape == labels.pixels.shape
    z, y, x = image.spacing.um("ZYX")
    assert y == x == pytest.approx(0.25)
    assert 0.25 <= z <= 1.5
    assert [*check_samples(samples)] == []


def test_the_plan_grows_with_the_number_of_stacks():
    few, many = (plan_crowds(SMALL.replace(count=n), command="simulate crowds") for n in (1, 10))
    assert many.cpu_seconds > few.cpu_seconds > 0
    assert many.units == 10
