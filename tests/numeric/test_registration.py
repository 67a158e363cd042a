"""Rotations and linear maps: against scipy, against least squares, and what a prior does."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fatescope.numeric import fit_linear, fit_matrix, fit_rotation


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_rotation_is_that_of_scipy(rng):
    for _ in range(20):
        source, target, weight = rng.normal(size=(9, 3)), rng.normal(size=(9, 3)), rng.random(9)
        theirs, _ = Rotation.align_vectors(target, source, weights=weight)
        ours = fit_rotation(source, target, weight=weight)
        np.testing.assert_allclose(ours, theirs.as_matrix(), atol=1e-9)


@pytest.mark.parametrize("d", [2, 3])
def test_a_mirror_image_is_never_made(rng, d):
    source = rng.normal(size=(12, d))
    mirrored = source * np.array([-1.0, *[1.0] * (d - 1)])
    found = fit_rotation(source, mirrored)
    assert np.linalg.det(found) == pytest.approx(1)
    np.testing.assert_allclose(found @ found.T, np.eye(d), atol=1e-12)


def test_without_a_ridge_the_map_is_that_of_least_squares(rng):
    source, target = rng.normal(size=(30, 3)), rng.normal(size=(30, 3))
    weight = rng.random(30)
    matrix, shift = fit_linear(source, target, weight=weight, ridge=0.0)
    root = np.sqrt(weight)[:, None]
    design = np.c_[source, np.ones(30)] * root
    theirs = np.linalg.lstsq(design, target * root, rcond=None)[0]
    np.testing.assert_allclose(np.r_[matrix, shift[None]], theirs, atol=1e-7)


def test_a_strong_ridge_gives_the_prior_and_a_weak_one_the_rows(rng):
    source, prior = rng.normal(size=(30, 3)), rng.normal(size=(3, 3))
    truth = rng.normal(size=(3, 3))
    how = {"weight": np.ones(30), "prior": prior}
    strong = fit_matrix(source, source @ truth, ridge=1e9, **how)
    np.testing.assert_allclose(strong, prior, atol=1e-6)
    weak = fit_matrix(source, source @ truth, ridge=1e-9, **how)
    np.testing.assert_allclose(weak, truth, atol=1e-6)


def test_rows_without_weight_do_not_count(rng):
    source, target = rng.normal(size=(12, 3)), rng.normal(size=(12, 3))
    weight = np.r_[np.ones(8), np.zeros(4)]
    whole = fit_linear(source, target, weight=weight, ridge=0.5)
    part = fit_linear(source[:8], target[:8], weight=weight[:8], ridge=0.5)
    for a, b in zip(whole, part, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
