"""Training and prediction see the same pixels, whatever the file holds."""

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from fatescope.acquire import read_image
from fatescope.base import FileFormatError
from fatescope.models.inputs import PERCENTILES
from fatescope.predict import open_frames
from fatescope.predict.tiling import one_tile, read_tile
from fatescope.prepare import Sample
from fatescope.train.crops import read_window
from fatescope.train.planes import load_plane

SHAPE = (61, 74)


def speckles(dtype) -> np.ndarray:
    rng = np.random.default_rng(4)
    return (rng.gamma(1.5, 30.0, SHAPE)).clip(0, 250).astype(dtype)


def degenerate() -> np.ndarray:
    pixels = np.full(SHAPE, 7, np.uint8)
    pixels[30, 30] = 200  # both percentiles are 7
    return pixels


def with_gaps() -> np.ndarray:
    pixels = speckles(np.float32)
    pixels[:5], pixels[10, 10] = np.nan, np.inf
    return pixels


KINDS = {
    "uint8": lambda: speckles(np.uint8),
    "uint16": lambda: speckles(np.uint16) * 200,
    "int16": lambda: speckles(np.int16) - 100,
    "float32": lambda: speckles(np.float32) / 255,
    "bool": lambda: speckles(np.uint8) > 60,
    "constant": lambda: np.full(SHAPE, 9, np.uint16),
    "degenerate": degenerate,
    "outlier": lambda: np.where(np.arange(SHAPE[1]) == 3, 60_000, speckles(np.uint16)).astype("u2"),
    "nan": with_gaps,
}


def sample_of(folder, pixels, suffix=".tif") -> Sample:
    image, labels = folder / f"a{suffix}", folder / "a_labels.png"
    if suffix == ".png":
        PillowImage.fromarray(pixels).save(image)
    else:
        photometric = "rgb" if pixels.ndim == 3 else "minisblack"
        tifffile.imwrite(image, pixels, photometric=photometric)
    truth = np.zeros(SHAPE, np.uint8)
    truth[20:35, 20:35] = 3
    PillowImage.fromarray(truth).save(labels)
    return Sample(image=image, labels=labels, unit="u")


def predicted(sample: Sample, scale: tuple[float, float], start: tuple[int, int], side: int):
    """Return what a network is shown: the first steps of `predict nuclei`."""
    frames, _ = open_frames(read_image(sample.image), channel=None)
    grid = one_tile(SHAPE, scale, (side, side))
    return read_tile(frames[0].planes[0], grid, frames[0].statistics(PERCENTILES), *start)


@pytest.mark.parametrize("scale", [(1.0, 1.0), (1.7, 1.7), (0.4, 0.5)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:.*not finite.*")
def test_a_crop_holds_the_pixels_that_prediction_shows_the_network(tmp_path, kind, scale):
    sample = sample_of(tmp_path, KINDS[kind]())
    plane = load_plane(sample, diameter_px=15.0)
    side, start = 32, (-5, 9)  # a part of it beyond the edge
    centre = np.array([(s + side / 2) / f - 0.5 for s, f in zip(start, scale, strict=True)])[::-1]
    image, labels = read_window(plane, scale=scale, centre=centre, side=side)
    assert np.array_equal(image, predicted(sample, scale, start, side))
    assert (labels[:5] == -1).all()
    assert np.isfinite(image).all()


def test_a_grey_colour_image_trains_as_it_predicts(tmp_path):
    grey = speckles(np.uint8)
    sample = sample_of(tmp_path, np.repeat(grey[..., None], 3, axis=2), ".png")
    plane = load_plane(sample, diameter_px=15.0)
    assert np.array_equal(plane.pixels, grey)


def test_a_colour_image_and_a_stack_are_named(tmp_path):
    colour = np.stack([speckles(np.uint8), speckles(np.uint8) // 2, speckles(np.uint8)], axis=2)
    with pytest.raises(FileFormatError, match=r"a\.png: .*one plane.*3 along C"):
        load_plane(sample_of(tmp_path, colour, ".png"), diameter_px=15.0)


def test_labels_of_a_window_are_those_at_the_centres_of_its_pixels(tmp_path):
    plane = load_plane(sample_of(tmp_path, speckles(np.uint8)), diameter_px=15.0)
    _, labels = read_window(plane, scale=(2.0, 2.0), centre=np.array([27.0, 27.0]), side=40)
    assert labels[20, 20] == 3
    assert np.count_nonzero(labels == 3) == 900  # 15 x 15, enlarged twice
