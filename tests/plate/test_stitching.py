"""Fields of rendered wells, cut where the truth says, laid where it says."""

import numpy as np
import pytest
from benchmarks.stitching import error_px, render_well, stitch

from fatescope.base import InputError
from fatescope.plate import (
    StitchSettings,
    blend_fields,
    canvas_shape,
    estimate_flat_field,
    even_light,
    grid_places,
    grid_size,
    measure_drift,
    nominal_positions,
    place_fields,
)
from fatescope.plate.match import match_overlap, show_detail
from fatescope.plate.placement import largest_group, place_robustly

SHAPE = (240, 320)


@pytest.fixture(scope="module")
def well():
    fields, nominal, true = render_well(SHAPE, "normal", 3.0, seed=4, grid=4, empty=0.0)
    return fields, nominal, true, stitch(fields, nominal)


def test_fields_lie_within_half_a_pixel_of_where_they_were_taken(well):
    _, _, true, found = well
    assert found.placed.sum() >= 14
    assert error_px(found.positions, true, found.placed) <= 0.5


def test_used_pairs_are_right_and_their_residual_is_what_the_placement_leaves(well):
    _, _, true, found = well
    a, b = found.pairs.T
    off = np.hypot(*(found.shifts - (true[b] - true[a])).T)
    assert off[found.used].max() < 2
    between = found.positions[b] - found.positions[a]
    np.testing.assert_allclose(found.residual_px, np.hypot(*(between - found.shifts).T))


def test_fields_that_show_nothing_lie_where_the_stage_says_and_are_listed(well):
    fields, nominal, _, _ = well
    rng = np.random.default_rng(0)
    blank = [
        rng.poisson(500, SHAPE).astype(np.uint16) if i in (0, 9) else f
        for i, f in enumerate(fields)
    ]
    found = place_fields(blank, nominal, StitchSettings())
    assert not found.placed[[0, 9]].any()
    assert found.placed.sum() >= 12
    assert not found.used[(found.pairs == 9).any(axis=1)].any()
    off = (found.positions - nominal)[9] - np.median((found.positions - nominal), axis=0)
    assert np.abs(off).max() < 8


def test_a_well_of_noise_keeps_the_grid_and_places_no_field():
    rng = np.random.default_rng(1)
    nominal = nominal_positions(grid_places(3, 3, order="rows"), shape=(90, 120), overlap=0.1)
    found = place_fields(list(rng.poisson(200, (9, 90, 120))), nominal, StitchSettings())
    assert not found.placed.any()
    np.testing.assert_allclose(found.positions, nominal)


def test_constant_fields_give_no_shift_at_all():
    nominal = nominal_positions(grid_places(1, 2, order="rows"), shape=(60, 60), overlap=0.2)
    found = place_fields([np.full((60, 60), 7)] * 2, nominal, StitchSettings())
    assert not found.used.any()
    assert np.isnan(found.shifts).all()


def test_a_shift_is_found_with_its_part_of_a_pixel():
    fields, _, true = render_well(SHAPE, "uniform", 0.0, seed=2, grid=2, empty=0.0, noise=1)
    a, b = (show_detail(f) for f in fields[:2])
    found = match_overlap(a, b, true[1] - true[0] + 5, search_px=12)
    np.testing.assert_allclose(found.shift, true[1] - true[0], atol=0.6)
    assert 0.3 < found.quality <= 1


def test_the_correlation_is_that_of_the_overlap_computed_the_slow_way():
    rng = np.random.default_rng(3)
    scene = rng.normal(size=(40, 60)).astype(np.float32)
    a, b = scene[:30, :36].copy(), scene[4:34, 24:60].copy()
    b += rng.normal(0, 0.5, b.shape).astype(np.float32)
    found = match_overlap(a, b, np.array([2.0, 22.0]), search_px=6)
    assert np.rint(found.shift).tolist() == [4, 24]
    slow = np.corrcoef(a[4:30, 24:36].ravel(), b[:26, :12].ravel())[0, 1]
    assert found.quality == pytest.approx(slow, abs=1e-5)


def test_a_pair_that_disagrees_with_all_others_is_dropped():
    true = np.array([[0, 0], [0, 10], [10, 0], [10, 10]], dtype=float)
    pairs = np.array([[0, 1], [0, 2], [1, 3], [2, 3], [0, 3]])
    shifts = true[pairs[:, 1]] - true[pairs[:, 0]]
    shifts[4] += 7
    found, kept = place_robustly(pairs, shifts, np.ones(5), true + 1, residual_px=1)
    assert kept.tolist() == [True] * 4 + [False]
    np.testing.assert_allclose(found, true + 1, atol=1e-4)


def test_an_island_of_fields_is_not_called_placed():
    assert largest_group(np.array([[0, 1], [1, 2], [3, 4]]), 6).tolist() == [True] * 3 + [False] * 3


def test_a_stage_that_claims_the_wrong_overlap_is_corrected_for_unplaced_fields():
    fields, nominal, true = render_well(SHAPE, "normal", 1.0, seed=5, grid=4, empty=0.0)
    fields[15] = np.full(SHAPE, 500, dtype=np.uint16)
    found = place_fields(fields, nominal * 1.03, StitchSettings())
    assert not found.placed[15]
    off = found.positions - true
    assert np.abs(off[15] - off[found.placed].mean(axis=0)).max() < 5


def test_light_is_estimated_from_the_fields_and_taken_out():
    fields, _, _ = render_well(SHAPE, "normal", 3.0, seed=6, grid=4, empty=0.5)
    flat = estimate_flat_field(fields, offset_counts=100)
    y, x = (np.linspace(-1, 1, n) for n in SHAPE)
    light = 1 - 0.17 * (y**2)[:, None] - 0.12 * (x**2)[None] - 0.05 * x[None]
    assert np.abs(flat / flat.mean() - light / light.mean()).max() < 0.05
    even = even_light(fields[0], flat, offset_counts=100)
    corner, middle = np.median(even[:30, :30]), np.median(even[60:90, 80:120])
    assert corner == pytest.approx(middle, rel=0.06)


def test_too_few_fields_leave_the_light_alone():
    assert (estimate_flat_field([np.full((20, 30), 9)] * 3, offset_counts=0) == 1).all()


def test_fields_cut_from_an_image_blend_to_that_image():
    image = np.random.default_rng(0).integers(0, 60000, (50, 70)).astype(np.uint16)
    positions = np.array([[0, 0], [0, 30], [20, 0], [20, 30]], dtype=float)
    fields = [image[y : y + 30, x : x + 40] for y, x in positions.astype(int)]
    canvas = canvas_shape(positions, (30, 40))
    blended = blend_fields(fields, positions, canvas, dtype=image.dtype)
    assert np.abs(blended.astype(int) - image).max() <= 1  # float32 sums


def test_what_drifts_off_the_canvas_is_cut_off():
    field = np.arange(12, dtype=np.uint8).reshape(3, 4)
    moved = blend_fields([field], np.array([[-1.0, 2.0]]), (3, 4), dtype=field.dtype)
    assert moved.tolist() == [[0, 0, 4, 5], [0, 0, 8, 9], [0, 0, 0, 0]]


def test_drift_is_the_motion_that_all_fields_share():
    scene = render_well((160, 200), "uniform", 0.0, seed=8, grid=1, empty=0.0)[0][0]
    before = [scene[10:130, 10:150]] * 3
    after = [scene[7:127, 14:154]] * 2 + [np.full((120, 140), 3)]
    np.testing.assert_allclose(measure_drift(before, after), [3, -4], atol=0.2)


def test_a_snake_runs_back_in_every_second_row():
    assert grid_places(2, 3, order="snake").tolist() == [
        [0, 0], [0, 1], [0, 2], [1, 2], [1, 1], [1, 0]
    ]  # fmt: skip
    assert grid_places(2, 2, order="columns").tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]


def test_fields_that_fill_no_grid_are_refused_with_the_way_out():
    assert grid_size(81, rows=None, columns=None) == (9, 9)
    assert grid_size(6, rows=None, columns=3) == (2, 3)
    with pytest.raises(InputError, match=r"7 fields do not fill.*--rows.*--positions"):
        grid_size(7, rows=None, columns=None)


def test_fields_of_two_shapes_are_refused():
    with pytest.raises(InputError, match="one shape"):
        place_fields([np.zeros((5, 5)), np.zeros((5, 6))], np.zeros((2, 2)), StitchSettings())


def test_a_well_of_one_field_is_that_field():
    found = place_fields([np.ones((20, 30))], np.array([[7.0, 9.0]]), StitchSettings())
    assert found.positions.tolist() == [[0, 0]]
    assert len(found.pairs) == 0
