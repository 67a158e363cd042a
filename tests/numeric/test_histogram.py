"""Counts in bins, and the threshold between two kinds of value."""

import numpy as np
import pytest
from skimage.filters import threshold_otsu

from fatescope.numeric import Bins

BINS = Bins(-0.25, 2.25, 1024)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_counts_are_those_of_numpy_with_the_outside_in_the_outer_bins(dtype):
    values = np.random.default_rng(0).normal(0.5, 1, (40, 50)).astype(dtype)
    inside = np.clip(values, -0.249, 2.249)
    theirs = np.histogram(inside, 1024, (-0.25, 2.25))[0]
    ours = BINS.count(values)
    assert ours.sum() == values.size
    assert np.abs(np.cumsum(ours) - np.cumsum(theirs)).max() <= 2  # a value on an edge


def test_values_that_stand_for_many_count_as_often():
    values = np.array([0.0, 1.0, 5.0], np.float32)
    times = np.array([2, 0, 3])
    assert BINS.count(values, times).tolist() == BINS.count(np.repeat(values, times)).tolist()


def test_the_threshold_is_that_of_scikit_image_to_a_bin():
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0.1, 0.2, 9000), rng.normal(1.0, 0.3, 3000)])
    counts = BINS.count(values)
    theirs = threshold_otsu(hist=(counts, BINS.centre))
    assert BINS.otsu(counts) == pytest.approx(theirs, abs=BINS.width)


def test_of_a_gap_the_middle_is_taken():
    counts = BINS.count(np.array([0.0, 0.0, 0.0, 1.0], np.float32))
    assert BINS.otsu(counts) == pytest.approx(0.5, abs=BINS.width)
