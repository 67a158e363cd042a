"""How large nuclei are, where nobody says it: the shipped network on rendered images."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fatescope.base import Image
from fatescope.predict import ScalePlan, open_frames, open_predictor, typical_diameter
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.systems.nuclei.outline import segment_image
from fatescope.systems.nuclei.scales import choose_scale
from fatescope.systems.nuclei.settings import NucleiSettings


@pytest.fixture(scope="module")
def predictor():
    return open_predictor("nuclei")


def plan_of(pixels, predictor, **settings):
    frames, _ = open_frames(Image(pixels=pixels, axes="YX"))
    return choose_scale(frames, predictor, NucleiSettings(**settings))


def rendered(diameter, *, side=320, density=0.25, seed=0):
    plan = NucleiMovieSettings(height=side, width=side, diameter_px=diameter, density=density)
    return simulate_image(plan, seed=seed)


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


def embryo_of_haze(seed):
    """A plane above an embryo: its light, few photons, no nucleus."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:256, :256]
    inside = np.hypot((rows - 128) / 95, (columns - 128) / 80) < 1
    light = 0.02 + 0.1 * gaussian_filter(inside.astype(float), 12)
    return rng.poisson(light).clip(0, 6).astype(np.uint8) * 40


def uneven_light(seed):
    """Brightest in the middle, as many microscopes light an empty field."""
    rows, columns = np.mgrid[:256, :256] / 256 - 0.5
    return np.random.default_rng(seed).poisson(100 * (1 - rows**2 - columns**2)).astype(np.uint16)


def grain(seed):
    """Noise that neighbouring pixels share, as a camera's interpolation or a codec leaves it."""
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal((256, 256)), 1)
    return (100 + 35 * noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("empty", [embryo_of_haze, uneven_light, grain])
def test_an_image_may_hold_nothing_and_then_says_so(empty, seed, predictor):
    found = segment_image(Image(pixels=empty(seed), axes="YX"), predictor=predictor)
    assert found.labels.max() == 0
    assert (found.plan.source, found.plan.diameter_px) == ("none", None)
    assert "no-nuclei" in [f.rule for f in found.findings]


@pytest.mark.parametrize("seed", range(3))
def test_haze_does_not_hide_the_nuclei_that_stand_in_it(seed, predictor):
    image = embryo_of_haze(seed).astype(float)
    rows, columns = np.mgrid[:256, :256]
    for y, x in ((100, 110), (150, 120), (120, 165)):
        image[np.hypot(rows - y, columns - x) < 11] += 120
    found = segment_image(Image(pixels=image, axes="YX"), predictor=predictor)
    assert found.labels.max() == 3
    assert found.plan.diameter_px == pytest.approx(22, rel=0.2)


def test_the_size_of_many_images_is_that_of_the_nuclei_seen_in_any_order():
    def plan(diameter, seen):
        return ScalePlan(scale=(1, 1), diameter_px=diameter, source="estimated", seen=seen)

    nothing = ScalePlan(scale=(1, 1), diameter_px=None, source="none")
    plans = [plan(160.0, 0.9), nothing, plan(24.0, 6.5), plan(26.0, 3.0), plan(3.0, 2.0)]
    assert typical_diameter(plans) == typical_diameter(plans[::-1]) == 24.0
    assert typical_diameter([nothing]) is None


def test_a_movie_whose_first_middle_and_last_frames_show_nothing_is_looked_at_again(predictor):
    nuclei, labels = rendered(17)
    haze = np.random.default_rng(1).normal(100, 3, nuclei.shape)

    def movie(shown):
        frames = [nuclei if t in shown else haze for t in range(9)]
        plan, _ = open_frames(Image(pixels=np.stack(frames).astype(np.float32), axes="TYX"))
        return choose_scale(plan, predictor, NucleiSettings())

    seen = movie((1, 2, 3, 5, 6))
    assert seen.source == "estimated"
    assert seen.diameter_px == pytest.approx(median_diameter(labels), rel=0.2)
    assert movie((1, 2)).source == "none"
