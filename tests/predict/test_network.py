import numpy as np
import pytest
from tests.hand_built import disc_package, render_discs

from fatescope.base import Image
from fatescope.predict import open_frames, open_predictor
from fatescope.predict.tiling import divide
from fatescope.systems.nuclei.outline import segment_frame, segment_image
from fatescope.systems.nuclei.scales import choose_scale
from fatescope.systems.nuclei.settings import NucleiSettings

SETTINGS = NucleiSettings(diameter_px=22)


@pytest.fixture(scope="module")
def predictors(tmp_path_factory):
    """One network in packages whose tiles differ: many tiles, and one for the whole image."""
    folder = tmp_path_factory.mktemp("packages")
    tiled = disc_package(folder / "tiled", tile_px=160, halo_px=32)
    whole = disc_package(folder / "whole", tile_px=1024)
    return [open_predictor(p.source) for p in (tiled, whole)]


def test_nuclei_at_the_seams_of_tiles_are_whole(predictors):
    pixels, true = render_discs((420, 390), diameter=22, seed=3)
    image = Image(pixels=pixels, axes="YX")
    tiled, whole = (segment_image(image, SETTINGS, predictor=p) for p in predictors)
    assert tiled.labels.max() == true.max()
    np.testing.assert_array_equal(tiled.labels, whole.labels)


def test_parts_do_not_change_what_a_network_finds(predictors):
    pixels, _ = render_discs((300, 200), diameter=22, seed=5)
    image = Image(pixels=pixels, axes="YX")
    found = []
    for part_px in (10**8, 4_000, 200):
        frames, _ = open_frames(image)
        plan = choose_scale(frames, predictors[0], SETTINGS)
        found.append(segment_frame(frames[0], predictors[0], plan, SETTINGS, part_px=part_px))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].array(), other.array())
        np.testing.assert_array_equal(found[0].scores, other.scores)
    block = found[0][slice(10, 90), slice(5, 50)]
    np.testing.assert_array_equal(block, found[0].array()[10:90, 5:50])


def test_the_progress_counts_all_tiles(predictors):
    pixels, _ = render_discs((300, 200), diameter=22, seed=5)
    told = []
    segment_image(
        Image(pixels=pixels, axes="YX"),
        SETTINGS,
        predictor=predictors[0],
        progress=lambda done, total, what: told.append((done, total)),
    )
    assert told[-1][0] == told[-1][1] == len(told) > 4


@pytest.mark.parametrize("length", [1, 15, 16, 160, 161, 400, 1000, 4097])
def test_tiles_cover_an_axis_once_with_their_halo(length):
    tiles = divide(length, tile=160, halo=32, divisor=16)
    assert tiles.size % 16 == 0
    assert tiles.size <= 160
    assert tiles.edges[0] == 0
    assert tiles.edges[-1] == length
    for start, low, high in zip(tiles.starts, tiles.edges, tiles.edges[1:], strict=False):
        assert low < high
        assert low == 0 or start + 32 <= low
        assert high == length or high <= start + tiles.size - 32
        assert high <= start + tiles.size
