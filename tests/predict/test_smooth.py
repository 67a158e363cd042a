"""Smoothing without SciPy gives what SciPy gives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from fatescope.predict.smooth import smooth


@pytest.mark.parametrize(("beyond", "mode"), [("edge", "nearest"), ("zero", "constant")])
@pytest.mark.parametrize("shape", [(3, 4), (17, 40), (1, 9), (5, 6, 7)])
def test_agrees_with_scipy(beyond, mode, shape):
    values = np.random.default_rng(1).normal(size=shape)
    for sigma in (0.7, 1.0, 2.3):
        expected = ndimage.gaussian_filter(values, sigma, mode=mode)
        np.testing.assert_allclose(smooth(values, sigma=sigma, beyond=beyond), expected, atol=1e-12)


def test_an_even_plane_stays_even_up_to_its_edge():
    np.testing.assert_allclose(smooth(np.full((6, 9), 3.5), sigma=1.5), 3.5)
