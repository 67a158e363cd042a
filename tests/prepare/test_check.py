"""What `prepare pairs` says of pixels and labels before anything is learnt from them."""

import logging

import numpy as np
import pytest
from tests.acquire.image_files import plain_tiff
from tests.systems.test_pixel_findings import PIXELS, discs, rules_of, run

import fatescope as fs


def pairs(folder, image, labels):
    """Write four pairs, each of its own unit; the last has the given image and labels."""
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for number in range(4):
        pixels, outlines = discs()
        rng = np.random.default_rng(number)
        pixels = (pixels + rng.integers(0, 200, pixels.shape)).astype(np.uint16)
        last = number == 3
        plain_tiff(
            folder / f"images/m{number}.tif", image if last and image is not None else pixels
        )
        plain_tiff(folder / f"labels/m{number}.tif", labels if last else outlines)
    return (
        *("prepare", "pairs", "--images", folder / "images/*.tif"),
        *("--labels", folder / "labels/*.tif", "--unit", "{unit}", "--out", folder / "o"),
    )


@pytest.mark.parametrize("rule", PIXELS)
def test_prepare_pairs_says_what_is_odd_about_pixels(tmp_path, rule):
    pixels, labels = discs()
    assert run(*pairs(tmp_path, PIXELS[rule](pixels), labels)) == 0
    assert rules_of(tmp_path / "o") == [rule]


def test_prepare_pairs_says_that_labels_are_a_mask(tmp_path):
    assert run(*pairs(tmp_path, None, (discs()[1] > 0) * np.uint8(255))) == 0
    assert rules_of(tmp_path / "o") == ["label-image"]


def test_prepare_pairs_says_that_an_image_is_one_of_labels(tmp_path):
    labels = discs()[1]
    assert run(*pairs(tmp_path, labels, labels)) == 0
    assert rules_of(tmp_path / "o") == ["label-image"]


def test_prepare_pairs_says_that_labels_are_an_image(tmp_path):
    assert run(*pairs(tmp_path, None, discs()[0])) == 0
    assert rules_of(tmp_path / "o") == ["label-image"]


def test_prepare_pairs_refuses_labels_that_are_fractions(tmp_path):
    assert run(*pairs(tmp_path, None, discs()[1].astype(np.float32) / 2)) == 2


def test_functions_on_arrays_say_that_labels_are_a_mask(caplog):
    pixels, labels = discs()
    mask = (labels > 0).astype(np.uint8)
    logger = logging.getLogger("fatescope.systems.in_memory")
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING, logger=logger.name):
        fs.measure(pixels, labels)
        fs.evaluate_labels(labels, labels)
        assert not caplog.text
        fs.measure(pixels, mask)
        fs.evaluate_labels(labels, mask)
    logger.removeHandler(caplog.handler)
    said = list(dict.fromkeys(r.getMessage() for r in caplog.records))
    assert [m.split(": ")[0] for m in said] == ["label-image"] * 2
    assert said[1].split(": ")[1] == "pred"
