"""The least area is counted in the image itself, whatever the working size is."""

import numpy as np
import pytest
from tests.predict.test_nuclei import CLASSICAL, render_scene

from fatescope.base import Image, SettingsError, Spacing
from fatescope.systems.nuclei.outline import segment_image


def areas(settings, *, diameter, spacing=None):
    pixels, _ = render_scene(diameter=diameter, shape=(8 * diameter, 10 * diameter))
    image = Image(pixels=pixels, axes="YX", spacing=spacing or Spacing())
    found = segment_image(image, settings.replace(diameter_px=diameter))
    assert found.labels.max() == len(found.scores[0])
    return np.bincount(found.labels.ravel())[1:]


@pytest.mark.parametrize("diameter", [12, 24, 70])
def test_exactly_the_nuclei_below_the_least_area_are_dropped(diameter):
    every = areas(CLASSICAL, diameter=diameter)
    least = int(np.median(every)) + 1
    kept = areas(CLASSICAL.replace(min_area_px=least), diameter=diameter)
    assert kept.tolist() == every[every >= least].tolist()
    assert 0 < len(kept) < len(every)


def test_an_area_in_um2_is_that_in_pixels_by_the_size_of_a_pixel():
    spacing = Spacing.of(source="user", Y=0.5, X=0.25)
    every = areas(CLASSICAL, diameter=24, spacing=spacing)
    least = float(np.median(every)) + 1
    kept = areas(CLASSICAL.replace(min_area_um2=least * 0.125), diameter=24, spacing=spacing)
    assert kept.tolist() == every[every >= least].tolist()
    with pytest.raises(SettingsError, match=r"min_area_um2 = 9\.0: the pixel size"):
        areas(CLASSICAL.replace(min_area_um2=9), diameter=24)


def test_only_one_least_area_can_be_given():
    with pytest.raises(SettingsError, match="not both"):
        CLASSICAL.from_values({"min_area_px": 9, "min_area_um2": 9})
