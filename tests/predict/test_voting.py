"""The route from offsets to nuclei."""

import numpy as np
import pytest

from fatescope.models import ImageInput, InstanceMaps, ModelDescription, Thresholds, Tiling
from fatescope.models.outputs import OFFSET_MAPS
from fatescope.predict import tiling
from fatescope.predict.decoders.instances import find_regions
from fatescope.predict.decoders.join import RegionSums, add_part, join_regions
from fatescope.predict.decoders.voting import (
    APART_PX,
    JUMP_PX,
    REACH_PX,
    _highest,
    _uphill,
    agreement,
)
from fatescope.predict.normalise import plane_statistics
from fatescope.predict.plane import segment_plane
from fatescope.predict.scratch import MemoryScratch
from fatescope.predict.search import Search
from fatescope.predict.tiling import quantise
from fatescope.prepare.targets import OFFSET_REACH_PX, centre_offsets

THRESHOLDS = Thresholds(min_area_px=5, votes=1.0)


def discs(shape, *circles):
    y, x = np.indices(shape)
    labels = np.zeros(shape, np.int32)
    for number, (cy, cx, radius) in enumerate(circles, start=1):
        labels[((y - cy) ** 2 + (x - cx) ** 2 <= radius**2) & (labels == 0)] = number
    return labels


def perfect_maps(labels):
    offsets, _ = centre_offsets(labels)
    return np.concatenate([(labels > 0)[None], offsets]).astype(np.float32)


def nuclei(maps, thresholds=THRESHOLDS):
    q = quantise(maps)
    sums = RegionSums()
    regions = find_regions(q, thresholds, outputs=OFFSET_MAPS)
    stored = add_part(sums, regions, q, own=slice(0, q.shape[1]), offset=0)
    joined = join_regions(sums, thresholds)
    return joined.label_of[stored], joined.n


def test_training_and_prediction_mean_the_same_offset():
    assert JUMP_PX == OFFSET_REACH_PX


@pytest.mark.parametrize("radius", [4, 5, 11, 25])
def test_touching_discs_are_the_discs_they_were_drawn_from(radius):
    side = 8 * radius
    true = discs((side, side), (side // 2, 2 * radius, radius), (side // 2, 4 * radius, radius))
    found, n = nuclei(perfect_maps(true))
    assert n == 2
    np.testing.assert_array_equal(found, true)


def test_a_small_disc_beside_a_large_one_keeps_its_outline():
    true = discs((60, 70), (30, 26, 20), (30, 50, 4))
    found, n = nuclei(perfect_maps(true))
    assert n == 2
    np.testing.assert_array_equal(found, true)


def test_a_crescent_whose_centre_lies_outside_is_one_nucleus():
    true = discs((60, 60), (30, 30, 20))
    true[discs((60, 60), (30, 36, 17)) > 0] = 0
    assert not true[tuple(np.rint(np.argwhere(true).mean(axis=0)).astype(int))]
    found, n = nuclei(perfect_maps(true))
    assert n == 1
    assert (found == true).mean() > 0.999


def test_centres_nearer_than_apart_px_are_one_nucleus():
    true = discs((30, 40), (15, 16, 3), (15, 21, 3))
    near = THRESHOLDS.replace(apart_px=6)
    far = THRESHOLDS.replace(apart_px=3)
    assert nuclei(perfect_maps(true), near)[1] == 1
    assert nuclei(perfect_maps(true), far)[1] == 2


def test_a_few_pixels_that_vote_elsewhere_join_the_nucleus_around_them():
    true = discs((40, 70), (20, 18, 12), (20, 50, 12))
    maps = perfect_maps(true)
    maps[2, 19:21, 17:20] = 0.5 + 32 / (2 * JUMP_PX)  # in the first, but they mean the second
    found, n = nuclei(maps)
    assert n == 2
    np.testing.assert_array_equal(found, true)


def test_what_has_too_few_votes_is_still_found_where_it_is_large_enough():
    true = discs((40, 70), (20, 18, 8), (20, 50, 2))
    maps = perfect_maps(true)
    many = THRESHOLDS.replace(votes=1000.0)
    assert nuclei(maps, many.replace(min_area_px=5))[1] == 2
    assert nuclei(maps, many.replace(min_area_px=40))[1] == 1


def test_a_model_with_other_maps_has_no_route():
    with pytest.raises(Exception, match=r"draws wall; nuclei are made of foreground, down, across"):
        find_regions(np.zeros((1, 4, 4), np.uint8), THRESHOLDS, outputs=("wall",))
    with pytest.raises(Exception, match="gives 5 maps and names foreground, down, across"):
        find_regions(np.zeros((5, 4, 4), np.uint8), THRESHOLDS, outputs=OFFSET_MAPS)


def noisy_maps(shape, seed):
    """Maps that no network would give: smooth noise, so that every rule is exercised."""
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(seed)
    rows = []
    for sigma in (4, 6, 6):
        noise = ndimage.gaussian_filter(rng.normal(size=shape), sigma)
        rank = noise.ravel().argsort().argsort().reshape(shape) / noise.size
        rows.append(rank + rng.normal(0, 0.03, shape))
    return np.clip(np.stack(rows), 0, 1).astype(np.float32)


class DrawnNetwork:
    """Maps that are drawn beforehand: the 'image' holds the flat index of each pixel."""

    def __init__(self, maps):
        self.maps = maps

    def run(self, batch):
        index = np.rint(batch[:, 0] * (self.maps[0].size - 1)).astype(np.intp)
        return np.moveaxis(self.maps.reshape(len(self.maps), -1)[:, index], 0, 1)


def segmented(maps, *, part_px):
    shape = maps.shape[1:]
    index = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape).astype(np.float64)
    description = ModelDescription(
        name="fake",
        summary="Maps drawn beforehand.",
        input=ImageInput(tiling=Tiling(tile_px=(4096, 4096), halo_px=(16, 16), divisor=(1, 1))),
        output=InstanceMaps(channels=OFFSET_MAPS),
    )
    return segment_plane(
        Search(
            network=DrawnNetwork(maps),
            model=description,
            scale=(1.0, 1.0),
            thresholds=Thresholds(min_area_px=8, votes=1.5, apart_px=5),
        ),
        index,
        plane_statistics(lambda: iter([index]), percentiles=(0, 100)),
        scratch=MemoryScratch(),
        part_px=part_px,
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_any_division_into_parts_gives_the_same_labels(seed):
    maps = noisy_maps((530, 130), seed)
    whole = segmented(maps, part_px=10**9)
    assert whole.n > 20
    for rows in (7, 31, 64, REACH_PX, 250):
        parts = segmented(maps, part_px=rows * 130)
        assert parts.n == whole.n
        np.testing.assert_array_equal(parts.array(), whole.array())
        np.testing.assert_array_equal(parts.scores, whole.scores)


def test_regions_do_not_depend_on_the_bands_that_are_worked_on(monkeypatch):
    maps = quantise(noisy_maps((90, 70), 5))
    whole = find_regions(maps, THRESHOLDS, outputs=OFFSET_MAPS)
    assert whole.n > 3
    monkeypatch.setattr(tiling, "_BAND_PX", 1)
    found = find_regions(maps, THRESHOLDS, outputs=OFFSET_MAPS)
    np.testing.assert_array_equal(found.labels, whole.labels)
    np.testing.assert_array_equal(found.height, whole.height)
    np.testing.assert_array_equal(found.peak, whole.peak)


@pytest.mark.parametrize("reach", range(1, APART_PX + 1))
def test_the_highest_place_around_is_found_and_no_path_closes(reach):
    rng = np.random.default_rng(reach)
    height = rng.integers(0, 3, (41, 37)).astype(np.int32)  # nearly all places tie
    every = np.arange(height.size, dtype=np.int32)
    place = _uphill(_highest(height, first=0, reach=reach), every)
    for flat in rng.integers(0, height.size, 200):
        y, x = divmod(int(flat), 37)
        around = height[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        to_y, to_x = divmod(int(place[flat]), 37)
        assert max(abs(to_y - y), abs(to_x - x)) <= reach
        assert height[to_y, to_x] == around.max()
    end = place
    for _ in range(height.size):
        end = place[end]
    np.testing.assert_array_equal(place[end], end)


def test_pixels_that_mean_one_place_agree_and_scattered_ones_do_not():
    true = discs((60, 60), (30, 30, 11))
    area = np.array([(true > 0).sum()])
    maps = perfect_maps(true)
    exact = find_regions(quantise(maps), THRESHOLDS, outputs=OFFSET_MAPS).peak[:1]
    assert agreement(exact, area) == 1
    maps[1:] += np.random.default_rng(0).normal(0, 4 / (2 * JUMP_PX), maps[1:].shape)
    loose = find_regions(quantise(maps), THRESHOLDS, outputs=OFFSET_MAPS).peak[:1]
    assert agreement(loose, area) < 0.6
