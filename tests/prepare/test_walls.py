"""Walls from labels, with gaps or without, and volumes put together from slices."""

import numpy as np
import pytest
from PIL import Image

from fatescope.base import InputError
from fatescope.prepare import (
    Sample,
    close_gaps,
    group_slices,
    labels_on_grid,
    read_slice_volume,
    walls_between,
)
from fatescope.prepare.published_slices import (
    kept_planes,
    mask_of_2020,
    mask_of_2021,
    published_rows,
    runs_of_planes,
    squeezed,
)


def two_cells(gap):
    """Two cells beside each other, ``gap`` pixels of 0.1 µm apart."""
    labels = np.zeros((20, 40), np.int32)
    labels[4:16, 4:18] = 1
    labels[4:16, 18 + gap : 36] = 2
    return labels


def test_a_gap_is_shared_out_among_its_cells_and_cells_that_touch_stay():
    closed = close_gaps(two_cells(2), (0.1, 0.1))
    assert closed[8, 18] == 1
    assert closed[8, 19] == 2
    assert closed[8, 2] == 1, "the outer wall too, by half of its width"
    assert closed[0].max() == 0
    planes = np.zeros((6, 20, 20), np.int32)
    planes[:2, 4:16, 4:16], planes[4:, 4:16, 4:16] = 1, 2  # a gap along Z, of coarse planes
    assert (close_gaps(planes, (0.4, 0.1, 0.1))[:, 8, 8] > 0).all()
    touching = two_cells(0)
    assert np.array_equal(close_gaps(touching, (0.1, 0.1)), touching)
    assert close_gaps(np.zeros((4, 4), np.int32), (1, 1)).max() == 0
    apart = np.pad(two_cells(2), 30)
    apart[2, 2] = 3
    around = close_gaps(np.pad(two_cells(2), 30), (0.1, 0.1))
    assert np.array_equal(around, np.pad(closed, 30)), "however far from the edge of the image"
    assert np.array_equal(close_gaps(apart, (0.1, 0.1))[20:], around[20:])


@pytest.mark.parametrize("spacing", [(0.1, 0.1), (2.0, 2.0)], ids=["fine", "coarse"])
def test_walls_lie_where_cells_meet_whatever_the_size_of_a_pixel(spacing):
    cells = two_cells(0)
    walls = walls_between(cells, spacing)
    assert walls[8, 17]
    assert walls[8, 18]
    assert walls[8, 4]
    assert not walls[8, 11]
    assert not walls_between(np.zeros((5, 5), np.int32), spacing).any()


def test_a_volume_is_put_together_from_its_slices_also_those_that_are_no_samples(tmp_path):
    volume = np.arange(4 * 6 * 8, dtype=np.uint8).reshape(4, 6, 8)
    for kind in ("images", "labels"):
        (tmp_path / kind / "e_t003").mkdir(parents=True)
        for z, plane in enumerate(volume):
            Image.fromarray(plane).save(tmp_path / kind / "e_t003" / f"e_t003_z{z:03d}.png")
    names = [f"e_t003/e_t003_z{z:03d}.png" for z in (1, 3)]
    samples = [
        Sample(
            image=tmp_path / "images" / n,
            labels=tmp_path / "labels" / n,
            unit="e",
            frame=3,
            embryo="e",
            time=3,
            plane=z,
        )
        for n, z in zip(names, (1, 3), strict=True)
    ]
    (group,) = group_slices(samples)
    found = read_slice_volume(group)
    assert np.array_equal(found.pixels, volume)
    assert found.planes == (1, 3)
    assert found.unit == "e@3"
    Image.fromarray(volume[0, :3]).save(tmp_path / "images" / "e_t003" / "e_t003_z002.png")
    with pytest.raises(InputError, match="planes differ in size"):
        read_slice_volume(group)


def test_a_plane_of_no_volume_stays_alone(tmp_path):
    Image.fromarray(np.ones((4, 5), np.uint8)).save(tmp_path / "a.png")
    samples = [Sample(image=tmp_path / "a.png", labels=tmp_path / "a.png", unit=u) for u in "ab"]
    groups = group_slices(samples)
    assert [len(g) for g in groups] == [1, 1]
    assert read_slice_volume(groups[0]).pixels.shape == (1, 4, 5)


def test_the_published_runs_count_planes_and_miss_where_they_lie():
    runs = runs_of_planes(134, 70)
    assert len(runs) == 70
    assert sum(map(len, runs)) == 134
    assert {len(r) for r in runs} == {1, 2}
    assert list(kept_planes(70)) == list(range(9, 58))
    labels = np.zeros((134, 4, 4), np.int32)
    assert len(published_rows(labels, 70)) == 94  # as in the table of 2021


def test_jpeg_closing_and_opening_change_what_lossless_masks_keep():
    labels = two_cells(2) * 90
    lossless, old = mask_of_2021(labels), mask_of_2020(labels)
    assert np.array_equal(lossless > 0, labels > 0)
    assert set(np.unique(old)) <= {0, 255}
    assert old[8, 18] == 255, "the gap is closed"
    assert lossless[8, 18] == 0


def test_an_image_is_squeezed_by_the_nearest_pixel():
    image = np.arange(12).reshape(3, 4)
    assert squeezed(image, 2).tolist() == [[0, 2], [4, 6]]
    assert squeezed(image, (3, 2)).shape == (3, 2)
    assert labels_on_grid(np.array([1, 2, 3]), (6,)).tolist() == [1, 1, 2, 2, 3, 3]
