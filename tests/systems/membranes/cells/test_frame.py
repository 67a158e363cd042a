"""Cells between membranes, in 3D and 2D, with markers and without."""

import numpy as np
import pytest
from tests.systems.membranes.cells.cells import SHAPE, SPACING, embryo

from fatescope.systems.membranes.cells import (
    MembraneSettings,
    VolumeGrid,
    WallNetwork,
    better_surface,
    between_surfaces,
    cells_in_frame,
    find_centres,
    finer,
    level_image,
    merge_over_weak_walls,
    place_markers,
    ridge_strength,
    run_plane,
    surface_of_inside,
)

SETTINGS = MembraneSettings(surface_depth_um=0.7, outer_um=0.0)
BOTH = pytest.mark.parametrize("ndim", [2, 3], ids=["2D", "3D"])


def dice(found, true):
    return 2 * np.count_nonzero(found & true) / (np.count_nonzero(found) + np.count_nonzero(true))


@BOTH
def test_cell_i_is_that_of_marker_i(ndim):
    pixels, true, points = embryo(ndim)
    found = cells_in_frame(pixels, SPACING[ndim], SETTINGS, markers=points)
    assert found.labels.shape == SHAPE[ndim]
    for label in range(1, len(points) + 1):
        assert dice(found.labels == label, true == label) > 0.85
    assert dice(found.labels > 0, true > 0) > 0.93
    assert found.outside == ()
    assert found.looks_like_membrane


@BOTH
def test_cells_are_found_alone(ndim):
    pixels, true, points = embryo(ndim)
    found = cells_in_frame(pixels, SPACING[ndim], SETTINGS)
    assert found.labels.max() == len(points)
    for label in range(1, len(points) + 1):
        assert max(dice(found.labels == k, true == label) for k in range(1, len(points) + 1)) > 0.85


@BOTH
def test_a_wall_that_is_gone_joins_two_cells(ndim):
    pixels, true, points = embryo(ndim)
    from scipy.ndimage import binary_dilation

    first, second = (binary_dilation(true == k, iterations=3) for k in (1, 2))
    gone = first & second & binary_dilation(~(true > 2), iterations=1)
    gone &= ~binary_dilation(true > 2, iterations=3) & ~binary_dilation(true == 0, iterations=3)
    pixels = np.where(gone, 13, pixels).astype(np.uint8)
    alone = cells_in_frame(pixels, SPACING[ndim], SETTINGS)
    assert alone.labels.max() == len(points) - 1
    given = cells_in_frame(pixels, SPACING[ndim], SETTINGS, markers=points)
    assert given.labels.max() == len(points)


@BOTH
@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_constant_image_has_no_cells(ndim, value):
    pixels = np.full(SHAPE[ndim], value, np.uint8)
    found = cells_in_frame(pixels, SPACING[ndim], SETTINGS)
    assert not found.labels.any()
    assert not found.looks_like_membrane
    assert not cells_in_frame(
        pixels, SPACING[ndim], SETTINGS, markers=np.zeros((0, ndim))
    ).labels.any()


@BOTH
def test_what_is_not_finite_is_background(ndim):
    pixels, true, points = embryo(ndim)
    values = pixels.astype(np.float32)
    values[(0,) * ndim], values[(1,) * ndim] = np.nan, np.inf
    found = cells_in_frame(values, SPACING[ndim], SETTINGS, markers=points)
    assert dice(found.labels > 0, true > 0) > 0.93


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 1), (1, 40, 40), (3, 2, 1), (2, 64, 3)])
def test_tiny_and_flat_images_are_no_fault(shape):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 255, shape).astype(np.uint8)
    spacing = (0.4, 0.2, 0.2)[-len(shape) :]
    for markers in (None, np.zeros((1, len(shape)))):
        found = cells_in_frame(values, spacing, SETTINGS, markers=markers)
        assert found.labels.shape == shape


def test_a_marker_outside_of_the_embryo_is_named():
    pixels, _, points = embryo(3)
    with_one = np.concatenate([points, [[1, 2, 2]]])
    found = cells_in_frame(pixels, SPACING[3], SETTINGS, markers=with_one)
    assert found.outside == (len(with_one),)
    assert 0 < np.count_nonzero(found.labels == len(with_one)) < 200


def test_two_values_brightness_and_offset_do_not_matter():
    pixels, _, points = embryo(3)
    one = cells_in_frame(pixels, SPACING[3], SETTINGS, markers=points).labels
    other = cells_in_frame(
        pixels.astype(np.uint16) * 100 + 700, SPACING[3], SETTINGS, markers=points
    )
    assert np.mean(one != other.labels) < 0.002


def test_a_sheet_is_as_strong_as_the_drop_to_its_sides():
    x = (np.arange(41) - 20) * 0.2
    sheet = np.broadcast_to(np.exp(-(x**2) / (2 * 0.4**2)), (20, 21, 41)).astype(np.float32)
    strength, second = ridge_strength(sheet, (0.4, 0.2, 0.2), width=(0.8, 0.4, 0.4))
    # Smoothed by its own width: height 1/sqrt(2), curvature 1 / (2 width^2), times width^2.
    assert strength[10, 10, 20] == pytest.approx(1 / (2 * np.sqrt(2)), rel=0.06)
    assert strength[10, 10, 5] == pytest.approx(0, abs=1e-3)
    assert second[10, 10, 20] == pytest.approx(0, abs=1e-3)


def test_pieces_merge_over_weak_walls_only():
    pieces = np.repeat([[1, 2, 3]], 4, axis=0).repeat(3, axis=1)
    wall = np.zeros(pieces.shape, np.float32)
    wall[:, 5:7] = 0.5
    merged = merge_over_weak_walls(pieces, wall, least=0.2)
    assert merged[0].tolist() == [1] * 6 + [2] * 3
    assert merge_over_weak_walls(pieces, wall, least=0.9).max() == 1
    assert merge_over_weak_walls(pieces * 0, wall, least=0.9).max() == 0


def test_the_mean_over_the_whole_face_decides():
    pieces = np.repeat([[1, 1, 2, 2]], 10, axis=0)
    wall = np.zeros(pieces.shape, np.float32)
    wall[:3] = 1.0  # bright over a third of the face
    assert merge_over_weak_walls(pieces, wall, least=0.35).max() == 1
    assert merge_over_weak_walls(pieces, wall, least=0.25).max() == 2


def test_blocks_and_the_way_back():
    grid = VolumeGrid.of_step((0.5, 0.2, 0.2), shape=(3, 5, 4), step=(0.41, 0.41, 0.41))
    assert (grid.factor, grid.coarse_shape) == ((1, 2, 2), (3, 3, 2))
    ramp = np.broadcast_to(np.arange(4, dtype=np.float32), (3, 5, 4))
    coarse = grid.mean(ramp)
    assert coarse[0, 0].tolist() == [0.5, 2.5]
    box = (slice(0, 3), slice(0, 5), slice(1, 3))
    assert np.allclose(grid.enlarge(coarse, box), [1, 2])
    assert grid.repeat(coarse, box)[0, 0].tolist() == [0.5, 2.5]
    own = VolumeGrid.of_step((0.5, 0.2, 0.2), shape=(3, 5, 4), step=(0.41, 0.2, 0.2))
    assert own.factor == (1, 1, 1)
    assert np.array_equal(grid.resampled(own.mean(ramp), own), coarse)


def test_markers_that_meet_share_by_distance():
    drawn = place_markers(np.array([[2.0, 2], [2, 5]]), shape=(5, 8), spacing=(1, 1), radius=2)
    assert drawn[2].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert place_markers(np.zeros((0, 2)), shape=(3, 3), spacing=(1, 1), radius=1).sum() == 0


def test_nuclei_are_the_brightest_within_their_size():
    values = np.zeros((20, 60, 60), np.float32)
    z, y, x = np.indices(values.shape)
    for at in ((10, 20, 20), (10, 40, 35)):
        values += 90 * np.exp(
            -(((z - at[0]) * 0.6) ** 2 + ((y - at[1]) * 0.3) ** 2 + ((x - at[2]) * 0.3) ** 2) / 2
        )
    found = find_centres(values, (0.6, 0.3, 0.3))
    assert np.abs(np.array(sorted(found.tolist())) - [[10, 20, 20], [10, 40, 35]]).max() < 0.6
    assert len(find_centres(values * 0, (0.6, 0.3, 0.3))) == 0


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_dim_membranes_are_membranes_among_the_grain_of_few_photons(ndim, seed):
    pixels, _, _ = embryo(ndim, noise=0.0)
    dim = np.random.default_rng(seed).poisson(0.3 + 0.03 * pixels)  # a wall is three photons
    found = cells_in_frame(dim, SPACING[ndim], SETTINGS)
    assert found.looks_like_membrane
    assert found.labels.any()


@BOTH
def test_nuclei_and_noise_are_no_membrane_and_give_no_cells(ndim):
    _, _, points = embryo(ndim)
    spacing = np.array(SPACING[ndim]).reshape([-1] + [1] * ndim)
    at = np.indices(SHAPE[ndim])
    nuclei = np.zeros(SHAPE[ndim])
    for point in points:
        squares = ((at - point.reshape(spacing.shape)) * spacing) ** 2
        nuclei += 150 * np.exp(-squares.sum(axis=0) / 2)
    noise = np.random.default_rng(3).poisson(20, SHAPE[ndim])
    for values in (nuclei + noise / 10, noise):
        found = cells_in_frame(values.astype(np.uint8), SPACING[ndim], SETTINGS)
        assert not found.looks_like_membrane
        assert not found.labels.any()


def test_the_surface_moves_to_the_ridge_nearby_and_no_farther():
    from fatescope.systems.membranes.cells import snap_surface

    x = np.broadcast_to(np.arange(60) * 0.2, (60, 60))
    near = np.exp(-((x - 5.0) ** 2) / 0.1).astype(np.float32)
    begin = (x - 4.6).astype(np.float32)  # the ridge is 0.4 µm inside of it
    settings = MembraneSettings(search_um=0.6, outer_um=0.0)
    snapped = snap_surface(begin, near, (0.2, 0.2), settings)
    assert abs(x[30][np.abs(snapped[30]).argmin()] - 5.0) < 0.21
    far = np.exp(-((x - 8.0) ** 2) / 0.1).astype(np.float32)
    stayed = snap_surface(begin, far, (0.2, 0.2), settings)
    assert abs(x[30][np.abs(stayed[30]).argmin()] - 4.6) < 0.8
    inward = snap_surface(begin, near, (0.2, 0.2), settings.replace(outer_um=0.4))
    assert abs(x[30][np.abs(inward[30]).argmin()] - 5.4) < 0.21


def test_rough_borders_become_smooth_and_small_cells_stay():
    from fatescope.systems.membranes.cells import smooth_borders

    rough = np.ones((30, 40), np.int32)
    rough[:, 20:] = 2
    rough[::4, 20] = 1
    rough[5, 5] = 3
    rough[:, :2] = 0
    smooth = smooth_borders(rough, (0.2, 0.2), sd=0.5)
    assert len({tuple(row) for row in smooth[10:20].tolist()}) == 1
    assert smooth[5, 5] == 3
    assert np.array_equal(smooth == 0, rough == 0)
    assert smooth_borders(rough, (0.2, 0.2), sd=0) is rough


def test_fragments_merge_more_easily_than_whole_cells():
    # Four whole pieces and a fragment of the last one, all walls equally strong.
    pieces = np.repeat([[1] * 9 + [2] * 9 + [3] * 9 + [4] * 8 + [5]], 9, axis=0)
    wall = np.full(pieces.shape, 0.1, np.float32)
    merged = merge_over_weak_walls(pieces, wall, least=0.09)
    assert merged[0].tolist() == [1] * 9 + [2] * 9 + [3] * 9 + [4] * 9


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_surface_of_an_inside_is_its_largest_piece_without_holes(ndim):
    inside = np.zeros((24,) * ndim, np.float32)
    inside[(slice(4, 16),) * ndim] = 1
    inside[(slice(8, 10),) * ndim] = 0
    inside[(slice(19, 21),) * ndim] = 1
    depth = surface_of_inside(inside, (0.5,) * ndim)
    assert depth is not None
    assert depth[(9,) * ndim] > 0
    assert depth[(20,) * ndim] < 0
    assert 0 < depth[(4, *(10,) * (ndim - 1))] < 0.6
    assert np.abs(depth).max() <= 2
    assert surface_of_inside(np.zeros_like(inside), (0.5,) * ndim) is None
    assert surface_of_inside(np.ones_like(inside), (0.5,) * ndim) is None


def test_the_surface_of_a_network_counts_unless_it_misses_too_much():
    depth = np.array([-1, 0.5, 1, 1.5, 1, 0.5], np.float32)
    drawn = np.array([-1, -0.5, 0.5, 1, 0.5, -0.5], np.float32)
    assert better_surface(depth, drawn) is drawn
    assert better_surface(depth, drawn - 0.7) is depth
    assert better_surface(depth, None) is depth


def test_a_network_moves_the_surface_half_way_and_never_far():
    assert between_surfaces(np.float32([0, 0, 0]), np.float32([1, 1.5, 2])).tolist() == [
        *(0.5, 0.375, 0)
    ]
    depth = np.array([-2, -0.4, 0.2, 2], np.float32)
    assert between_surfaces(depth, depth + 0.4) == pytest.approx(depth + 0.2)
    nothing_inside = np.full(4, -2, np.float32)
    assert between_surfaces(depth, nothing_inside)[[0, 2, 3]].tolist() == [-2, depth[2], 2]


class Echo:
    """A network whose maps are the middle plane; it remembers the shapes that it was given."""

    def __init__(self):
        self.seen = []

    def run(self, batch):
        self.seen.append(batch.shape)
        middle = batch[:, batch.shape[1] // 2]
        return np.stack([middle, middle], axis=1)


@BOTH
@pytest.mark.parametrize(
    ("pixel_um", "seen_um"), [(0.05, 0.2), (0.15, 0.15), (0.2, 0.2), (0.31, 0.155), (0.6, 0.2)]
)
def test_a_network_sees_about_the_pixel_size_of_its_training(ndim, pixel_um, seen_um):
    y, x = np.indices((48, 64))
    waves = 2 + np.sin(y / 6) + np.cos(x / 7)
    values = waves if ndim == 2 else np.stack([waves] * 3)
    image = level_image(values, (0.6, pixel_um, pixel_um)[-ndim:])
    network = WallNetwork(model=Echo(), planes=3, step_um=0.2)
    drawn = network.draw(image)
    grid, levelled = image.on_grid(0.2)
    assert drawn.grid == grid
    assert drawn.wall.shape == levelled.shape
    _, _, rows, columns = network.model.seen[0]
    least = [round(n * pixel_um / seen_um, 6) for n in (48, 64)]
    assert least[0] <= rows < least[0] + 16
    assert least[1] <= columns < least[1] + 16
    # Made finer and averaged again, values change by interpolation alone.
    assert np.allclose(drawn.wall, levelled, atol=0 if finer(grid, 0.2) == (1, 1) else 0.02)


def test_a_window_made_finer_comes_back_at_its_own_pixels():
    ramp = np.broadcast_to(np.arange(20, dtype=np.float32), (3, 12, 20))
    wall, inside = run_plane(ramp, Echo(), times=(2, 2))
    assert wall.shape == (12, 20)
    assert np.array_equal(wall, inside)
    assert np.allclose(wall[:, 1:-1], ramp[0, :, 1:-1])


def test_planes_of_unlike_brightness_are_levelled_alike_on_every_grid():
    pixels, _, _ = embryo(3)
    dimmer = pixels * np.linspace(1, 0.4, len(pixels))[:, None, None]
    image = level_image(dimmer, SPACING[3])
    for step in (0.3, 0.9):
        _, levelled = image.on_grid(step)
        brightest = np.percentile(levelled, 95, axis=(1, 2))[10:30]
        assert brightest.max() < 1.5 * brightest.min()
    assert level_image(np.full((4, 5), 7), (1.0, 1.0)) is None


@pytest.mark.parametrize("ndim", [2, 3])
def test_ridges_count_where_a_network_is_blind(ndim):
    pixels, _, points = embryo(ndim)

    class Blind:
        def run(self, batch):
            wall = np.zeros((1, 1, *batch.shape[2:]), np.float32)
            return np.concatenate([wall, wall + 0.5], axis=1)

    blind = WallNetwork(model=Blind(), planes=3, step_um=0.3)
    plain = cells_in_frame(pixels, SPACING[ndim], SETTINGS, markers=points)
    found = cells_in_frame(pixels, SPACING[ndim], SETTINGS, markers=points, network=blind)
    same = found.labels == plain.labels
    assert same[plain.labels > 0].mean() > 0.9
