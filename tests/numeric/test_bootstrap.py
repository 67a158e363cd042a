"""Intervals over independent units: against theory, and what they say of few units."""

import numpy as np
import pytest

from fatescope.numeric import BootstrapSettings, bootstrap_interval, mean_interval

SETTINGS = BootstrapSettings()


def test_the_interval_agrees_with_the_normal_approximation():
    values = np.random.default_rng(1).normal(10, 1, 400)
    sums = np.stack([values, np.ones(400)], axis=1)
    low, high = bootstrap_interval(sums, lambda s: s[:, 0] / s[:, 1], SETTINGS)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert mean_interval(values, SETTINGS) == pytest.approx((values.mean(), low, high))


def test_the_interval_of_a_mean_agrees_with_scipy():
    from scipy.stats import bootstrap

    values = np.random.default_rng(2).gamma(2, 1, 30)
    theirs = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=0)
    many = BootstrapSettings(resamples=20_000)
    assert mean_interval(values, many)[1:] == pytest.approx(theirs.confidence_interval, abs=0.02)


def test_one_unit_has_no_interval_and_no_unit_has_no_mean():
    assert bootstrap_interval(np.ones((1, 2)), lambda s: s[:, 0], SETTINGS) is None
    one = mean_interval(np.array([np.nan, 0.4]), SETTINGS)
    np.testing.assert_equal(one, (0.4, np.nan, np.nan))
    assert np.isnan(mean_interval(np.array([np.nan]), SETTINGS)).all()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    values = np.random.default_rng(3).random(9)
    assert mean_interval(values, SETTINGS) == mean_interval(values, BootstrapSettings())
    assert mean_interval(values, SETTINGS) != mean_interval(values, BootstrapSettings(seed=1))
