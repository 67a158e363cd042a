import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from tests.hand_built import render_discs

from fatescope.base import Image
from fatescope.models import ModelDescription, check_input, describe_input, expected_ranges
from fatescope.systems.nuclei.outline import segment_image
from fatescope.systems.nuclei.settings import NucleiSettings

BRIGHT = ModelDescription(name="a", summary="b")


def bright(**changes):
    return BRIGHT.replace(input=BRIGHT.image.replace(**changes))


def images():
    rng = np.random.default_rng(0)
    for seed in range(6):
        image, _ = render_discs((160, 160), diameter=22, seed=seed, pitch=1.5 + 0.3 * seed)
        yield (image + 0.03 * rng.standard_normal(image.shape)).astype(np.float32)


def test_an_image_of_the_training_kind_passes_and_a_negative_does_not():
    trained = bright(expected=expected_ranges([describe_input(p) for p in images()]))
    for image in images():
        for model in (BRIGHT, trained):
            assert check_input(describe_input(image), model) == []
            (reason,) = check_input(describe_input(1 - image), model)
            assert "dark things on a light background" in reason
        assert check_input(describe_input(image), bright(polarity="dark"))
        assert not check_input(describe_input(image), bright(polarity="any"))


def test_another_spectrum_is_noticed():
    trained = bright(expected=expected_ranges([describe_input(p) for p in images()]))
    noise = np.random.default_rng(1).random((160, 160)).astype(np.float32)
    reasons = check_input(describe_input(noise), trained)
    assert any("fine grain" in r and "in training" in r for r in reasons)


def test_a_rare_kind_does_not_widen_what_is_expected_of_the_ground():
    usual = [describe_input(p) for p in images()] * 20
    grey = {**usual[0], "ground": 0.4}
    (one,) = check_input(grey, bright(expected=expected_ranges([*usual, grey])))
    assert "background is brighter" in one
    assert not check_input(grey, bright(expected=expected_ranges([*usual, *[grey] * 5])))


def test_the_ground_is_what_lies_between_crowded_nuclei():
    image, labels = render_discs((160, 160), diameter=22, seed=1, pitch=1.02)
    noisy = image + 0.03 * np.random.default_rng(0).standard_normal(image.shape)
    assert (labels > 0).mean() > 0.5
    assert describe_input(noisy.astype(np.float32))["ground"] == pytest.approx(0, abs=0.06)


def test_phase_contrast_is_not_taken_for_fluorescence():
    """Bodies darker than a grey ground, each in a bright halo."""
    discs, _ = render_discs((256, 256), diameter=30, seed=2, pitch=2.0)
    halo = gaussian_filter(discs, 4)
    grain = np.random.default_rng(2).standard_normal(discs.shape)
    light = 70 + 250 * halo * (discs < 0.5) - 20 * discs + 3 * grain
    result = segment_image(Image(pixels=light.astype(np.uint8), axes="YX"), NucleiSettings())
    (finding,) = [f for f in result.findings if f.rule == "unlike-training"]
    assert "its background is brighter" in finding.reason


def test_the_shares_of_the_variance_follow_the_size_of_structure():
    y, x = np.mgrid[:128, :128]
    fine = describe_input((0.5 + 0.5 * np.sin(2 * np.pi * x / 3)).astype(np.float32))
    coarse = describe_input((0.5 + 0.5 * np.sin(2 * np.pi * y / 64)).astype(np.float32))
    assert fine["share_1px"] > 0.8
    assert coarse["share_16px"] > 0.7


def test_a_tiny_or_flat_image_says_nothing_and_a_small_one_its_polarity():
    assert describe_input(np.eye(4, dtype=np.float32)) == {}
    assert describe_input(np.zeros((64, 64), np.float32)) == {}
    small = next(images())[:20]
    assert set(describe_input(small)) == {"ground", "lean"}
    assert check_input({}, BRIGHT) == []


def test_a_negative_is_flagged_on_the_path_of_prediction():
    image, _ = render_discs((160, 160), diameter=22, seed=0)
    settings = NucleiSettings(model="classical")
    good = segment_image(Image(pixels=image, axes="YX"), settings)
    assert "unlike-training" not in {f.rule for f in good.findings}
    bad = segment_image(Image(pixels=1 - image, axes="YX"), settings)
    (finding,) = [f for f in bad.findings if f.rule == "unlike-training"]
    assert "dark things on a light background" in finding.reason
    assert "Invert" in finding.reason
