"""Many traits of an image weighed together, by the weights of the shipped packages."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fatescope.base import ModelError
from fatescope.models import (
    ModelDescription,
    Trait,
    check_likeness,
    check_traits,
    find_package,
    measure_grain,
    measure_traits,
    read_package,
)

WITH_WEIGHTS = ("viability", "phase-cells", "nuclei", "live-dead", "nuclei-em")


def described(name):
    return read_package(find_package(name)).description


def stripes(rng):
    y, x = np.mgrid[:256, :256]
    return 0.5 + 0.4 * np.sin((x + 2 * y) / 5) + 0.03 * rng.standard_normal(x.shape)


def clouds(rng):
    return 0.5 + 6 * gaussian_filter(rng.standard_normal((256, 256)), 12)


def checkerboard(rng):
    y, x = np.mgrid[:256, :256]
    return ((x // 16 + y // 16) % 2) * 0.8 + 0.02 * rng.standard_normal(x.shape)


@pytest.mark.parametrize("name", WITH_WEIGHTS)
@pytest.mark.parametrize("kind", [stripes, clouds, checkerboard])
def test_what_is_no_cell_at_all_is_unlike_the_images_of_a_model(name, kind):
    tile = kind(np.random.default_rng(0)).astype(np.float32)
    (reason,) = check_likeness(tile, described(name), as_taken=tile)
    assert "its look as a whole" in reason
    assert "in training" in reason


@pytest.mark.parametrize("name", [*WITH_WEIGHTS, "membrane", "populations"])
def test_a_card_says_how_often_the_check_is_right(name):
    package = read_package(find_package(name))
    likeness = package.description.image.likeness
    assert likeness.record in package.files["card.md"].decode()
    assert likeness.own.share <= 0.02
    assert likeness.foreign.share >= 0.9
    assert likeness.kinds >= 10


def test_one_trait_far_outside_of_all_training_images_is_enough():
    rng = np.random.default_rng(0)
    tile = gaussian_filter(rng.random((128, 128)), 2).astype(np.float32)
    traits = measure_traits(tile)
    weightless = {
        name: Trait(centre=v, spread=1, linear=0, square=0, low=v - 0.1, high=v + 0.1)
        for name, v in traits.items()
    }
    model = described("viability")
    likeness = model.image.likeness.replace(traits=weightless, offset=-5.0)
    model = model.replace(input=model.image.replace(likeness=likeness))

    assert check_likeness(tile, model) == []
    assert check_traits(traits | {"lean": traits["lean"] + 0.2}, model) == [
        "no training image comes near it in lean"
    ]


def test_a_package_without_weights_has_nothing_to_say():
    tile = stripes(np.random.default_rng(0)).astype(np.float32)
    assert check_likeness(tile, ModelDescription(name="a", summary="b")) == []


def test_a_flat_or_small_image_has_no_traits():
    assert measure_traits(np.zeros((64, 64), np.float32)) == {}
    assert measure_traits(np.eye(20, dtype=np.float32)) == {}
    assert check_likeness(np.zeros((64, 64), np.float32), described("viability")) == []


def test_blocks_of_pixels_are_seen_wherever_they_begin_and_in_any_bit_depth():
    smooth = gaussian_filter(np.random.default_rng(1).random((64, 64)), 2)
    coarse = np.kron(smooth / smooth.max(), np.ones((3, 3)))[1:, 2:]
    plain = gaussian_filter(coarse, 2)
    blocks = [measure_grain(v.astype(np.float32))["grain_blocks"] for v in (plain, coarse)]
    # A step at one of three pixels and none at the others: three times the mean.
    assert blocks[1] == pytest.approx(np.log(3), abs=0.02)
    assert blocks[0] < 0.1


def test_the_grain_of_a_flat_or_small_image_is_not_measured():
    assert measure_grain(np.zeros((64, 64), np.float32)) == {}
    assert measure_grain(np.eye(20, dtype=np.float32)) == {}


def test_traits_that_this_version_does_not_measure_are_refused():
    likeness = described("viability").image.likeness
    with pytest.raises(ModelError, match=r"weighs lean.*Update fatescope"):
        likeness.score({k: 0.0 for k in likeness.traits if k != "lean"})
