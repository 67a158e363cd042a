import base64
import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from fatescope.base import InputError
from fatescope.pages.images import (
    display_limits,
    jpeg_uri,
    png_uri,
    shrink_labels,
    shrink_mean,
    to_grey,
)


def test_shrinking_takes_the_mean_of_what_a_block_holds():
    image = np.arange(12.0).reshape(3, 4)
    assert shrink_mean(image, step=2).tolist() == [[2.5, 4.5], [8.5, 10.5]]


@pytest.mark.parametrize("kind", ["bool", "uint8", "int16", "uint16", "uint32", "int64", "float32"])
@pytest.mark.parametrize("step", [1, 2, 5])
def test_every_block_of_every_type_of_pixel_is_averaged(kind, step):
    image = np.random.default_rng(1).integers(0, 2**16, (11, 8)).astype(kind)
    image[3, 3] = np.iinfo(kind).max if np.dtype(kind).kind in "iu" else image[3, 3]
    blocks = [
        [image[y : y + step, x : x + step].astype(float).mean() for x in range(0, 8, step)]
        for y in range(0, 11, step)
    ]
    np.testing.assert_allclose(shrink_mean(image, step=step), blocks, rtol=1e-14)


def test_shrunken_labels_are_labels_that_were_there():
    labels = np.zeros((7, 9), int)
    labels[2:6, 1:7] = 11
    small = shrink_labels(labels, step=3)
    assert small.shape == shrink_mean(labels, step=3).shape == (3, 3)
    assert set(small.ravel().tolist()) == {0, 11}


@pytest.mark.parametrize("shape", [(1, 1), (5, 8), (9, 2)])
def test_labels_and_image_shrink_to_one_shape(shape):
    for step in (1, 2, 3, 7):
        image = np.zeros(shape, int)
        assert shrink_labels(image, step=step).shape == shrink_mean(image, step=step).shape


def test_a_step_of_nothing_is_refused():
    with pytest.raises(InputError, match="1 or more"):
        shrink_mean(np.zeros((2, 2)), step=0)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint16),
        np.full((4, 4), np.nan),
        np.array([[np.inf, 1.0]]),
        np.zeros((0, 4)),
        np.ones((2, 2), bool),
    ],
)
def test_odd_images_get_limits_that_can_be_used(image):
    low, high = display_limits(image)
    assert np.isfinite([low, high]).all()
    assert low < high
    assert to_grey(image, limits=(low, high)).dtype == np.uint8


def test_grey_values_are_linear_between_the_limits():
    grey = to_grey(np.array([[-5.0, 0.0, 40.0, 100.0, 900.0, np.nan]]), limits=(0, 100))
    assert grey.tolist() == [[0, 0, 102, 255, 255, 0]]


def test_png_is_lossless_and_jpeg_is_close():
    grey = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    for uri, tolerance in ((png_uri(grey), 0), (jpeg_uri(grey, quality=82), 12)):
        head, data = uri.split(",")
        assert head.startswith("data:image/")
        back = np.asarray(PillowImage.open(io.BytesIO(base64.b64decode(data)))).astype(int)
        assert np.abs(back - grey).max() <= tolerance


def test_limits_of_a_large_image_are_those_of_evenly_spread_pixels():
    rng = np.random.default_rng(0)
    image = rng.normal(1000, 100, (2300, 2900)).astype(np.uint16)
    expected = np.percentile(image, [0.5, 99.8])
    np.testing.assert_allclose(display_limits(image), expected, atol=3)
