import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.plate import (
    DEAD,
    DOUBTFUL,
    LIVE,
    UNCERTAIN,
    Limits,
    block_threshold,
    cell_area,
    check_limits,
    divide_cells,
    find_limits,
    find_stained_nuclei,
    join_nuclei,
    measure_diameter,
    paint_classes,
    published_threshold,
    states_of,
    threshold_nuclei,
)


def stained(places, levels, *, shape=(120, 160), radius=6.0, background=200.0, noise=6.0, seed=0):
    """Return an image of round nuclei of the given brightness."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    light = np.full(shape, background)
    for (cy, cx), level in zip(places, levels, strict=True):
        light += level / (1 + np.exp((np.hypot(y - cy, x - cx) - radius) / 0.7))
    return np.rint(light + rng.normal(0, noise, shape)).astype(np.uint16)


PLACES = [(25, 30), (25, 90), (70, 40), (80, 120), (100, 70)]


def test_the_published_threshold_takes_the_most_frequent_block_maximum_times_the_factor():
    image = np.full((6, 8), 10)
    image[:2, :2] = 50  # one block of twelve
    assert published_threshold(image, block_px=2, factor=1.1) == pytest.approx(11.0)


def test_the_offset_of_the_camera_moves_the_published_threshold_and_not_ours():
    rng = np.random.default_rng(1)
    light = rng.poisson(40, (600, 800)).astype(float)
    over = []
    for offset in (100, 2000):
        image = light + offset
        threshold = block_threshold(image, block_px=50, factor=1.2, offset_counts=offset)
        over.append(threshold - offset)
    assert over[0] == pytest.approx(over[1])
    theirs = [published_threshold(light + o, block_px=50, factor=1.2) - o for o in (100, 2000)]
    assert theirs[1] - theirs[0] == pytest.approx(0.2 * 1900)


def test_noise_alone_stays_below_our_threshold():
    rng = np.random.default_rng(2)
    image = rng.normal(1000, 20, (500, 500))
    threshold = block_threshold(image, block_px=50, factor=1.1, offset_counts=0.0)
    assert (image > threshold).sum() == 0


@pytest.mark.parametrize("background", [200.0, 5000.0])
def test_nuclei_are_found_at_any_background_and_measured_over_it(background):
    levels = [800, 900, 700, 850, 1000]
    nuclei = stained(PLACES, levels, background=background)
    dead = stained(PLACES[:2], [600, 30], background=background, seed=1)
    found = find_stained_nuclei(nuclei, dead, diameter_px=12)
    assert len(found) == 5
    order = [int(np.argmin(np.hypot(found.y - y, found.x - x))) for y, x in PLACES]
    assert sorted(order) == list(range(5))
    np.testing.assert_allclose(found.y[order], [p[0] for p in PLACES], atol=0.5)
    np.testing.assert_allclose(found.hoechst[order], levels, rtol=0.25)
    assert found.dead[order[0]] == pytest.approx(600, rel=0.25)
    assert abs(found.dead[order[1]]) < 60
    assert np.abs(found.dead[order[2:]]).max() < 4 * found.floor
    np.testing.assert_allclose(found.area, np.pi * 36, rtol=0.25)


def test_a_dead_nucleus_that_lost_its_hoechst_is_found_by_the_other_stain():
    nuclei = stained(PLACES[:1], [800])
    dead = stained(PLACES[1:2], [800], seed=3)
    found = find_stained_nuclei(nuclei, dead, diameter_px=12)
    assert len(found) == 2
    assert (found.dead > 300).sum() == 1


def disc(places, radius=6, shape=(128, 160)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for number, (cy, cx) in enumerate(places, start=1):
        labels[np.hypot(y - cy, x - cx) < radius] = number
    return labels


def test_outlines_of_both_stains_are_joined_and_each_nucleus_counts_once():
    nuclei = stained(PLACES[:3], [800] * 3)
    dead = stained(PLACES[2:4], [700] * 2, seed=3)  # the third in both, the fourth lost Hoechst
    noise = (20, 140)  # drawn in both, and nothing is there
    outlines = (
        disc([*PLACES[:3], noise], shape=nuclei.shape),
        disc([*PLACES[2:4], noise], shape=nuclei.shape),
    )
    found = join_nuclei(outlines, nuclei, dead, diameter_px=12)
    assert len(found) == 4
    places = sorted(zip(found.y.round(), found.x.round(), strict=True))
    assert places == sorted((float(y), float(x)) for y, x in PLACES[:4])
    assert (found.dead > 350).sum() == 2


def test_outlines_of_nothing_give_nothing():
    empty = stained([], [])
    none = np.zeros(empty.shape, np.int32)
    assert len(join_nuclei((none, none), empty, stained([], [], seed=4), diameter_px=12)) == 0


def test_an_image_of_noise_holds_no_nucleus():
    empty = stained([], [])
    found = find_stained_nuclei(empty, stained([], [], seed=4), diameter_px=12)
    assert len(found) == 0
    assert not found.labels.any()
    assert measure_diameter(empty) is None


@pytest.mark.parametrize("radius", [4.0, 9.0])
def test_the_diameter_is_measured(radius):
    image = stained(PLACES, [800] * 5, radius=radius)
    assert measure_diameter(image) == pytest.approx(2 * radius, rel=0.15)


def test_touching_nuclei_stay_two():
    image = stained([(60, 60), (60, 73)], [800, 500], radius=6)
    found = find_stained_nuclei(image, stained([], [], seed=1), diameter_px=12)
    assert len(found) == 2


def test_limits_lie_between_two_populations():
    rng = np.random.default_rng(5)
    live, dead = rng.normal(5, 4, 900), rng.lognormal(np.log(800), 0.3, 100)
    limits = find_limits(np.concatenate([live, dead]), floor=4.0)
    assert limits.source == "two populations"
    assert live.max() < limits.low < limits.high < dead.min()


@pytest.mark.parametrize("n", [0, 1, 300])
def test_one_population_is_living_and_said_to_be_one(n):
    values = np.random.default_rng(6).normal(5, 4, n)
    limits = find_limits(values, floor=4.0)
    assert limits.source == "one population"
    assert (states_of(values, limits) != DEAD).all()


def test_controls_set_the_limits_even_where_populations_overlap():
    negative, positive = np.arange(100.0), np.arange(50.0, 150.0)
    limits = find_limits(np.zeros(3), floor=1.0, negative=negative, positive=positive)
    assert limits.source == "controls"
    assert (limits.low, limits.high) == pytest.approx((50.99, 98.01))
    few = find_limits(np.zeros(3), floor=1.0, negative=negative[:2], positive=positive)
    assert few.source != "controls"


def test_states_by_hand():
    limits = Limits(low=10, high=20, source="given")
    assert states_of(np.array([9.9, 10, 19.9, 20]), limits).tolist() == [
        LIVE, DOUBTFUL, DOUBTFUL, DEAD
    ]  # fmt: skip


def test_limits_are_given_both_or_not_at_all():
    assert check_limits(None, None) is None
    with pytest.raises(InputError, match="both"):
        check_limits(3.0, None)
    with pytest.raises(InputError, match="low one first"):
        check_limits(3.0, 2.0)


def test_a_published_threshold_lets_the_dead_stain_win():
    nuclei = np.zeros((9, 9))
    nuclei[2:7, 2:7] = 10
    dead = np.zeros((9, 9))
    dead[4:7, 4:7] = 10
    found = threshold_nuclei(nuclei, dead, (5.0, 5.0), least_px=0.0)
    states = states_of(found.dead, Limits(low=0.0, high=0.0, source="threshold"))
    by_pixel = np.concatenate([[-1], states])[found.labels]
    assert (by_pixel[dead > 5] == DEAD).all()
    assert (by_pixel[(nuclei > 5) & (dead <= 5)] == LIVE).all()


def test_cell_area_is_where_bright_field_has_edges_and_light_may_be_uneven():
    rng = np.random.default_rng(7)
    y, x = np.indices((200, 240))
    disc = np.hypot(y - 90, x - 120) < 20
    image = 8000 * (1 - 0.3 * ((x - 120) / 120) ** 2) * (1 + 0.15 * disc)
    image = rng.poisson(image).astype(np.uint16)
    area = cell_area(image, nucleus_px=15)
    assert 2 * (area & disc).sum() / (area.sum() + disc.sum()) > 0.9
    assert not cell_area(np.full((40, 40), 7), nucleus_px=9).any()


def test_cells_are_divided_half_way_between_their_nuclei():
    nuclei = np.zeros((5, 21), int)
    nuclei[2, 4], nuclei[2, 16] = 1, 2
    cells = divide_cells(nuclei, np.ones((5, 21), bool), nucleus_px=10)
    assert (cells[:, :10] == 1).all()
    assert (cells[:, 11:] == 2).all()


def test_classes_are_painted_without_one_winning_and_doubt_is_kept():
    nuclei = np.zeros((9, 24), int)
    nuclei[3:6, 3:6], nuclei[3:6, 9:12], nuclei[3:6, 15:18] = 1, 2, 3
    area = np.zeros((9, 24), bool)
    area[1:8, 1:20] = True
    states = np.array([LIVE, DEAD, DOUBTFUL], np.int8)
    five = paint_classes(nuclei, states, area, classes="5", nucleus_px=3)
    assert (five[nuclei == 1] == 3).all()
    assert (five[nuclei == 2] == 4).all()
    assert (five[nuclei == 3] == UNCERTAIN).all()
    assert set(np.unique(five)) == {0, 1, 2, 3, 4, UNCERTAIN}
    three = paint_classes(nuclei, states, area, classes="3", nucleus_px=3)
    assert set(np.unique(three)) == {0, 1, 2, UNCERTAIN}


def test_cell_area_without_a_nucleus_is_uncertain_not_background():
    area = np.zeros((20, 40), bool)
    area[5:15, 25:35] = True
    nuclei = np.zeros((20, 40), int)
    painted = paint_classes(nuclei, np.zeros(0, np.int8), area, classes="5", nucleus_px=5)
    assert (painted[area] == UNCERTAIN).all()
    assert not painted[~area].any()
