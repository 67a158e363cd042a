"""How large nuclei are, where nobody says it: the shipped network on rendered pictures."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fatescope.base import Image
from fatescope.predict import NucleiSettings, choose_scale, open_frames, open_predictor
from fatescope.simulate import NucleiMovieSettings, simulate_picture


@pytest.fixture(scope="module")
def predictor():
    return open_predictor("nuclei")


def plan_of(pixels, predictor, **settings):
    frames, _ = open_frames(Image(pixels=pixels, axes="YX"))
    return choose_scale(frames, predictor, NucleiSettings(**settings))


def rendered(diameter, *, side=320, density=0.25, seed=0):
    plan = NucleiMovieSettings(height=side, width=side, diameter_px=diameter, density=density)
    return simulate_picture(plan, seed=seed)


def median_diameter(labels):
    return np.median(np.sqrt(np.unique(labels[labels > 0], return_counts=True)[1] * 4 / np.pi))


@pytest.mark.parametrize("diameter", [10, 14, 17, 20, 24, 30, 45, 70])
def test_the_estimate_is_within_a_fifth_of_what_was_drawn(diameter, predictor):
    pixels, labels = rendered(diameter, side=max(256, 9 * diameter))
    plan = plan_of(pixels, predictor)
    assert plan.source == "estimated"
    assert plan.diameter_px == pytest.approx(median_diameter(labels), rel=0.2)


def test_small_nuclei_are_enlarged_even_where_they_are_nearly_of_the_model_s_size(predictor):
    pixels, _ = rendered(17)
    assert plan_of(pixels, predictor).scale[0] > 1.15
    assert plan_of(pixels, predictor, diameter_px=17).scale[0] == pytest.approx(22 / 17)


@pytest.mark.parametrize(
    ("diameter", "scale"), [(22, 1.0), (25, 1.0), (26, 22 / 26), (20, 22 / 20)]
)
def test_a_little_larger_is_not_resampled(diameter, scale, predictor):
    pixels = np.zeros((64, 64), np.uint8)
    assert plan_of(pixels, predictor, diameter_px=diameter).scale[0] == pytest.approx(scale)


def test_three_specks_do_not_outweigh_the_nuclei(predictor):
    pixels, labels = rendered(32, side=512, density=0.2, seed=3)
    pixels, labels = pixels.astype(float), labels.copy()
    pixels[:160, :160], labels[:160, :160] = np.median(pixels[labels == 0]), 0
    rows, columns = np.mgrid[:512, :512]
    for y, x in ((40, 60), (70, 110), (110, 50)):
        pixels += 1.5 * pixels.max() * np.exp(-((((rows - y) ** 2 + (columns - x) ** 2) / 30) ** 2))
    told = plan_of(pixels, predictor).diameter_px
    assert told == pytest.approx(median_diameter(labels), rel=0.25)


def close_up(seed, *, grain):
    """Two nuclei of 140 px whose chromatin is as coarse as small nuclei."""
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal((512, 512)), 4)
    rows, columns = np.mgrid[:512, :512]
    away = [np.hypot(rows - y, columns - x) - 70 for y, x in ((150, 170), (330, 330))]
    inside = 1 / (1 + np.exp(np.minimum(*away) / 3))
    light = 20 + inside * 120 * (1 + grain * noise / noise.std())
    return np.clip(light, 0, None).astype(np.uint16)


@pytest.mark.parametrize("seed", range(4))
def test_the_grain_of_a_few_large_nuclei_does_not_outweigh_them(seed, predictor):
    plan = plan_of(close_up(seed, grain=0.25), predictor)
    assert plan.diameter_px == pytest.approx(140, rel=0.1)


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_nuclei_of_300_px_are_looked_at_coarsely_enough(seed, predictor):
    twice = close_up(seed, grain=0.25).repeat(2, axis=0).repeat(2, axis=1)
    assert plan_of(twice, predictor).diameter_px == pytest.approx(280, rel=0.1)
