import numpy as np
import pytest

from fatescope.models import ImageInput, ModelDescription, Thresholds, Tiling
from fatescope.models.outputs import DISTANCE_MAPS
from fatescope.predict import tiling
from fatescope.predict.decoders.climbing import REACH_PX, climb_map
from fatescope.predict.decoders.instances import find_regions
from fatescope.predict.decoders.join import RegionSums, add_part, join_regions
from fatescope.predict.normalise import (
    VALUE_BINS,
    count_values,
    first_bin,
    normalise,
    plane_statistics,
)
from fatescope.predict.plane import segment_plane
from fatescope.predict.scratch import MemoryScratch
from fatescope.predict.search import Search
from fatescope.predict.tiling import FULL, quantise

THRESHOLDS = Thresholds(min_area_px=5)


class DrawnNetwork:
    """Maps that are drawn beforehand: the 'image' holds the flat index of each pixel."""

    def __init__(self, maps):
        self.maps = maps

    def run(self, batch):
        index = np.rint(batch[:, 0] * (self.maps[0].size - 1)).astype(np.intp)
        return np.moveaxis(self.maps.reshape(len(self.maps), -1)[:, index], 0, 1)


def perfect_maps(labels):
    """Foreground, normalised distance and touching border of a label image, by brute force."""
    edt = pytest.importorskip("edt")
    distance = edt.edt(labels.astype(np.uint32), black_border=False)
    top = np.zeros(labels.max() + 1)
    np.maximum.at(top, labels.ravel(), distance.ravel())
    border = np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        for step in (-1, 1):
            other = np.roll(labels, step, axis)
            border |= (labels > 0) & (other > 0) & (other != labels)
    inside = labels > 0
    distance = np.where(inside, distance / np.maximum(top[labels], 1e-6), 0)
    return np.stack([inside, distance, border]).astype(np.float32)


def instances(maps, thresholds=THRESHOLDS):
    q = quantise(maps)
    regions = find_regions(q, thresholds, outputs=DISTANCE_MAPS)
    sums = RegionSums()
    own = slice(0, q.shape[1])
    provisional = add_part(sums, regions, q, own=own, offset=0)
    joined = join_regions(sums, thresholds)
    return joined.label_of[provisional], joined


def discs(shape, *circles):
    grid = np.indices(shape)
    labels = np.zeros(shape, np.int32)
    for number, (*centre, radius) in enumerate(circles, start=1):
        square = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True))
        labels[(square <= radius**2) & (labels == 0)] = number
    return labels


def test_touching_discs_stay_two_with_their_own_outline():
    true = discs((48, 60), (24, 18, 11), (24, 40, 11))
    found, joined = instances(perfect_maps(true))
    assert joined.n == 2
    assert (found == true).mean() > 0.995


def test_a_small_disc_beside_a_large_one_keeps_its_size():
    true = discs((60, 70), (30, 26, 20), (30, 52, 6))
    found, joined = instances(perfect_maps(true))
    assert joined.n == 2
    assert abs(int((found == 2).sum()) - int((true == 2).sum())) <= 6


def test_touching_balls_stay_two_in_three_dimensions():
    true = discs((24, 24, 40), (12, 12, 11, 8), (12, 12, 27, 8))
    found, joined = instances(perfect_maps(true))
    assert joined.n == 2
    assert (found == true).mean() > 0.995


def test_fragments_of_one_nucleus_are_merged_and_two_nuclei_are_not():
    true = discs((40, 60), (20, 22, 14), (20, 38, 14))
    maps = perfect_maps((true > 0).astype(np.int32))  # one long nucleus ...
    y, x = np.indices(true.shape)
    hills = [np.hypot(y - 20, x - c) / 14 for c in (22, 38)]
    maps[1] = np.clip(1 - np.minimum(*hills), 0, 1)  # ... in whose distance map are two hills
    loose = Thresholds(core=0.6, merge_distance=0.3, min_area_px=5)
    never = Thresholds(core=0.6, merge_distance=1.0, min_area_px=5)
    assert instances(maps, never)[1].n == 2
    assert instances(maps, loose)[1].n == 1
    maps[2, :, 29:32] = 1.0  # now a border is predicted between them
    assert instances(maps, loose)[1].n == 2


def test_small_objects_are_dropped_and_small_holes_filled():
    true = discs((40, 60), (20, 15, 10), (20, 45, 2))
    maps = perfect_maps(true)
    maps[0, 20, 14:16] = 0
    assert instances(maps, Thresholds(min_area_px=0))[1].n == 2
    found, joined = instances(maps, Thresholds(min_area_px=20))
    assert joined.n == 1
    assert found[20, 15] == 1


def test_a_nucleus_without_a_core_is_still_found():
    maps = perfect_maps(discs((40, 40), (20, 20, 9)))
    maps[1] *= 0.3
    assert instances(maps)[1].n == 1


def test_labels_are_numbered_by_their_first_pixel():
    true = discs((60, 60), (45, 12, 8), (12, 45, 8), (14, 12, 8))
    found, _ = instances(perfect_maps(true))
    first = [np.flatnonzero(found == n)[0] for n in range(1, found.max() + 1)]
    assert first == sorted(first)


def noisy_maps(shape, seed):
    """Maps that no network would give: smooth noise, so that every rule is exercised."""
    rng = np.random.default_rng(seed)
    out = []
    for sigma in (4, 3, 2):
        noise = rng.normal(size=shape)
        for axis in (0, 1):
            for _ in range(sigma * sigma):
                noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
                noise /= 3
        rank = noise.ravel().argsort().argsort().reshape(shape) / noise.size
        out.append(rank)
    maps = np.stack(out).astype(np.float32)
    maps[0] = np.clip(maps[0] * 1.4, 0, 1)
    maps[2] *= maps[2] > 0.8
    return maps


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_any_division_into_parts_gives_the_same_labels(seed):
    maps = noisy_maps((230, 170), seed)
    network = DrawnNetwork(maps)
    whole = _segment(network, maps, part_px=10**9)
    assert whole.n > 10
    for rows in (1, 7, 31, 64, REACH_PX, 150):
        parts = _segment(network, maps, part_px=rows * 170)
        assert parts.n == whole.n
        np.testing.assert_array_equal(parts.array(), whole.array())
        np.testing.assert_array_equal(parts.scores, whole.scores)


def _segment(network, maps, *, part_px):
    shape = maps.shape[1:]
    index = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape).astype(np.float64)
    description = ModelDescription(
        name="fake",
        summary="Maps drawn beforehand.",
        input=ImageInput(tiling=Tiling(tile_px=(4096, 4096), halo_px=(16, 16), divisor=(1, 1))),
    )
    statistics = plane_statistics(lambda: iter([index]), percentiles=(0, 100))
    return segment_plane(
        Search(
            network=network,
            model=description,
            scale=(1.0, 1.0),
            thresholds=Thresholds(min_area_px=8, merge_distance=0.7),
        ),
        index,
        statistics,
        scratch=MemoryScratch(),
        part_px=part_px,
    )


def blurred_maps(shape, seed=0):
    """Three maps without any meaning, but with slopes, ties, edges and holes."""
    ndimage = pytest.importorskip("scipy.ndimage")
    noise = np.random.default_rng(seed).random((3, *shape))
    soft = np.stack([ndimage.gaussian_filter(n, 1.5) for n in noise])
    return np.float32((soft - soft.min()) / (soft.max() - soft.min()))


@pytest.mark.parametrize("shape", [(1, 1), (37, 23), (9, 21, 17)])
def test_the_climbed_map_is_the_distance_smoothed_twice_along_each_axis(shape):
    ndimage = pytest.importorskip("scipy.ndimage")
    maps = quantise(blurred_maps(shape) if shape != (1, 1) else np.ones((3, 1, 1), np.float32))
    slow = np.maximum(16 * maps[1].astype(np.int64) - 8 * maps[2].astype(np.int64), 0)
    for axis in range(len(shape)):
        for _ in range(2):
            slow = ndimage.convolve1d(slow, [1, 2, 1], axis=axis, mode="constant")
    assert (climb_map(maps, Thresholds(border_weight=0.5)) == slow).all()


@pytest.mark.parametrize("shape", [(37, 23), (9, 21, 17)])
def test_regions_do_not_depend_on_the_bands_that_are_worked_on(shape, monkeypatch):
    maps = blurred_maps(shape)
    whole = find_regions(quantise(maps), THRESHOLDS, outputs=DISTANCE_MAPS)
    assert whole.n > 1
    monkeypatch.setattr(tiling, "_BAND_PX", 1)
    found = find_regions(quantise(maps), THRESHOLDS, outputs=DISTANCE_MAPS)
    assert (found.labels == whole.labels).all()
    assert (found.height == whole.height).all()
    assert (found.peak == whole.peak).all()


def test_maps_become_the_nearest_whole_numbers():
    maps = np.array([[[np.nan, -1, 0, 0.001, 0.5, 1, 2]]], np.float32)
    assert quantise(maps).tolist() == [[[0, 0, 0, 0, 128, FULL, FULL]]]


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "int16"])
def test_counted_values_give_the_histogram_of_the_pixels(kind):
    least, most = np.iinfo(kind).min, np.iinfo(kind).max
    pixels = np.random.default_rng(2).integers(least, most, (50, 60), endpoint=True).astype(kind)
    statistics = plane_statistics(lambda: [pixels], percentiles=(1, 99.8))
    counts = count_values(pixels)
    at = np.flatnonzero(counts)
    values = (at - first_bin(pixels.dtype)).astype(kind)
    counted = VALUE_BINS.count(normalise(values, statistics), counts[at])
    assert counted.tolist() == VALUE_BINS.count(normalise(pixels, statistics)).tolist()
