"""Tiles over planes and volumes: whatever the tiles, the maps are those of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from fatescope.base import Image
from fatescope.predict import open_frames, plane_statistics
from fatescope.predict.resample import working_length
from fatescope.predict.tiling import MapBuffer, TileGrid, divide, map_tiles, one_tile, quantise

REACH = 3


class NeighboursNetwork:
    """A network of n axes that looks `REACH` pixels around: two maps, by sums over neighbours."""

    def __init__(self) -> None:
        self.shapes: set[tuple[int, ...]] = set()

    def run(self, batch):
        self.shapes.add(batch.shape)
        image = batch[0, 0]
        total = image
        for axis in range(image.ndim):
            wide = np.pad(
                total, [(REACH, REACH) if a == axis else (0, 0) for a in range(image.ndim)]
            )
            n = image.shape[axis]
            rolled = [np.take(wide, np.arange(k, k + n), axis=axis) for k in range(2 * REACH + 1)]
            total = np.sum(rolled, axis=0, dtype=np.float32) / np.float32(2 * REACH + 1)
        return np.stack([total, 1 - total])[None]


class PlanesBesideNetwork:
    """A network of planes that sees the planes beside each as channels, on tiles of a volume."""

    def run(self, batch):
        volume = batch[0, 0]
        wide = np.pad(volume, [(REACH, REACH), (0, 0), (0, 0)])
        planes = [wide[z : z + 2 * REACH + 1] for z in range(len(volume))]  # (channels, Y, X)
        return np.stack([np.max(channels, axis=0) for channels in planes])[None, None]


def grid_of(shape, scale, *, tile, halo, divisor):
    lengths = [working_length(n, s) for n, s in zip(shape, scale, strict=True)]
    each = zip(lengths, tile, halo, divisor, strict=True)
    tiles = [divide(n, tile=t, halo=h, divisor=d) for n, t, h, d in each]
    return TileGrid(shape=shape, scale=scale, tiles=tuple(tiles))


CASES = {
    "plane": ((61, 47), (1.0, 1.0), (24, 16)),
    "resampled plane": ((61, 47), (0.7, 1.3), (24, 16)),
    "volume": ((19, 30, 41), (1.0, 1.0, 1.0), (12, 24, 16)),
    "resampled volume": ((9, 30, 41), (2.5, 0.8, 1.2), (12, 24, 16)),
    "flat volume": ((2, 30, 41), (1.0, 1.0, 1.0), (12, 24, 16)),
}


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        *((NeighboursNetwork, case) for case in CASES),
        *((PlanesBesideNetwork, case) for case in CASES if "volume" in case),
    ],
)
def test_maps_of_tiles_are_those_of_the_whole_image(case, kind):
    shape, scale, tile = CASES[case]
    pixels = np.random.default_rng(2).integers(0, 3000, shape).astype(np.uint16)
    statistics = plane_statistics(lambda: [pixels], percentiles=(0, 100))
    n = len(shape)
    grid = grid_of(shape, scale, tile=tile, halo=(REACH,) * n, divisor=(4,) * n)
    sizes = [t.size if len(t.starts) == 1 else t.edges[-1] for t in grid.tiles]
    whole = one_tile(shape, scale, sizes)  # a short axis is mirrored there too
    tiles = []
    slabs = map_tiles(kind(), pixels, grid, statistics, done=lambda: tiles.append(1))
    found = np.concatenate(list(slabs), axis=1)
    (expected,) = map_tiles(kind(), pixels, whole, statistics)
    assert found.shape[1:] == grid.working_shape
    assert len(tiles) == grid.n_tiles > 2
    np.testing.assert_array_equal(found, expected)


def test_a_halo_that_is_too_small_is_seen():
    """The test above can fail: the network looks further than these tiles do."""
    pixels = np.random.default_rng(2).integers(0, 3000, (19, 30, 41)).astype(np.uint16)
    statistics = plane_statistics(lambda: [pixels], percentiles=(0, 100))
    shape, scale = pixels.shape, (1.0, 1.0, 1.0)
    grid = grid_of(shape, scale, tile=(12, 24, 16), halo=(1, 3, 3), divisor=(4, 4, 4))
    found = np.concatenate(list(map_tiles(NeighboursNetwork(), pixels, grid, statistics)), axis=1)
    whole = one_tile(shape, scale, shape)
    (expected,) = map_tiles(NeighboursNetwork(), pixels, whole, statistics)
    assert (found != expected).any()


@pytest.mark.parametrize("case", ["plane", "volume"])
def test_all_tiles_of_an_image_have_one_shape(case):
    shape, scale, tile = CASES[case]
    n = len(shape)
    grid = grid_of(shape, scale, tile=tile, halo=(REACH,) * n, divisor=(4,) * n)
    network = NeighboursNetwork()
    statistics = plane_statistics(lambda: [np.arange(9)], percentiles=(0, 100))
    list(map_tiles(network, np.zeros(shape), grid, statistics))
    assert network.shapes == {(1, 1, *(t.size for t in grid.tiles))}


def test_a_volume_is_read_from_its_planes_block_by_block():
    pixels = np.random.default_rng(4).integers(0, 255, (2, 7, 20, 30)).astype(np.uint8)
    frames, _ = open_frames(Image(pixels=pixels, axes="TZYX"))
    window = (slice(2, 5), slice(3, 9), slice(0, 30))
    assert frames[1].shape == (7, 20, 30)
    np.testing.assert_array_equal(frames[1][window], pixels[1][window])
    statistics = frames[1].statistics((1, 99))
    grid = grid_of(
        (7, 20, 30), (1.5, 1.0, 1.0), tile=(8, 16, 16), halo=(2, 3, 3), divisor=(4, 4, 4)
    )
    lazy = list(map_tiles(NeighboursNetwork(), frames[1], grid, statistics))
    held = list(map_tiles(NeighboursNetwork(), pixels[1], grid, statistics))
    np.testing.assert_array_equal(np.concatenate(lazy, axis=1), np.concatenate(held, axis=1))


def test_a_buffer_gives_any_part_of_slabs_and_lets_go_of_what_is_passed():
    whole = np.random.default_rng(1).integers(0, 255, (2, 23, 5, 4)).astype(np.uint8)
    buffer = MapBuffer(iter([whole[:, :9], whole[:, 9:10], whole[:, 10:]]))
    for first, stop in [(0, 4), (2, 12), (9, 23), (22, 23)]:
        np.testing.assert_array_equal(buffer.read(first, stop), whole[:, first:stop])
    assert sum(slab.shape[1] for slab in buffer._held) == 13


def test_maps_of_volumes_become_whole_numbers_too():
    maps = np.linspace(-0.1, 1.1, 2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    assert (quantise(maps) == np.clip(np.floor(maps * 255 + 0.5), 0, 255)).all()
