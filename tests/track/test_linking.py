"""Links from frame to frame: the cheapest of all that are possible, in movies and on plates."""

from itertools import product

import numpy as np
import pytest

from fatescope.numeric import cut_tracks
from fatescope.track import LinkSettings, link_frames

NUCLEI = LinkSettings()
CELLS = LinkSettings(step_um=3.0, daughter_um=8.0, reach_um=25.0, reach_few_um=25.0)


def link(place, frame, settings=NUCLEI, minutes=1.0, **more):
    found = link_frames(
        np.asarray(place, float),
        np.asarray(frame),
        minutes_per_frame=minutes,
        settings=settings,
        **more,
    )
    return found.tolist()


def cost_of(links, before, now, settings):
    """The cost of one way to link two frames, as the docstring says it; infinite if forbidden."""
    total = 0.0
    for j, (i, second) in enumerate(links):
        if i < 0:
            total += settings.begin
            continue
        square = ((now[j] - before[i]) ** 2).sum()
        if square > settings.reach_few_um**2:
            return np.inf
        if second:
            total += 0.5 * square / settings.daughter_um**2 + settings.divide
        else:
            steps = min(square / settings.step_um**2, 4 * settings.begin)
            total += 0.5 * steps - settings.keep
    return total


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_no_other_way_to_link_two_frames_is_cheaper(d, seed):
    rng = np.random.default_rng(seed)
    before, now = rng.uniform(0, 12, (3, d)), rng.uniform(0, 12, (4, d))
    choices = [(-1, False), *product(range(3), (False, True))]
    ways = [
        w
        for w in product(choices, repeat=4)
        if len({c for c in w if c[0] >= 0}) == sum(c[0] >= 0 for c in w)
    ]
    best = min(ways, key=lambda w: cost_of(w, before, now, NUCLEI))
    found = link(np.r_[before, now], [0] * 3 + [1] * 4)
    assert found[3:] == [i for i, _ in best]


@pytest.mark.parametrize("d", [2, 3])
def test_a_crowd_is_solved_as_by_one_assignment_over_all(d):
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(d)
    before = rng.uniform(0, 100, (150, d))
    now = before + rng.normal(0, 0.8, before.shape)
    square = cdist(now, before, "sqeuclidean")
    follow = 0.5 * np.minimum(square / 0.8**2, 64) - 6
    linked = np.c_[follow, 0.5 * square / 2.4**2 + 6]
    linked[np.c_[square, square] > 81] = 1e3
    _, column = linear_sum_assignment(np.c_[linked, np.full((150, 150), 16.0)])
    theirs = np.where(column < 300, column % 150, -1)
    assert link(np.r_[before, now], [0] * 150 + [1] * 150)[150:] == theirs.tolist()


def movie(rng, n=40, frames=12, d=3):
    """Objects that move steadily, shuffled within each frame; their true links."""
    start, speed = rng.uniform(0, 60, (n, d)), rng.normal(0, 0.3, (n, d))
    place, frame, parent, rows = [], [], [], np.full(n, -1)
    for f in range(frames):
        order = rng.permutation(n)
        number = np.empty(n, int)
        number[order] = f * n + np.arange(n)
        place.append((start + f * speed + rng.normal(0, 0.2, (n, d)))[order])
        frame += [f] * n
        parent += rows[order].tolist()
        rows = number
    return np.concatenate(place), np.array(frame), parent


@pytest.mark.parametrize("d", [2, 3])
def test_steady_objects_keep_their_tracks(d):
    place, frame, parent = movie(np.random.default_rng(0), d=d)
    assert np.mean(np.array(link(place, frame)) == parent) > 0.97


def test_links_do_not_depend_on_place_pose_or_order():
    rng = np.random.default_rng(1)
    place, frame, _ = movie(rng)
    found = np.array(link(place, frame))
    assert link(place[:, ::-1] * [1, -1, 1] + 500, frame) == found.tolist()
    order = rng.permutation(len(frame))
    again = np.array(link(place[order], frame[order]))
    assert np.where(again >= 0, order[again], -1).tolist() == found[order].tolist()


def test_a_cell_that_divides_has_two_children_and_never_three():
    place = [[0, 0], [-2, 0], [2, 0], [0, 2.5]]
    assert sorted(link(place, [0, 1, 1, 1])[1:]).count(0) == 2
    assert link([[0, 0], [-2, 0], [2, 0]], [0, 1, 1]) == [-1, 0, 0]


def test_what_was_just_born_is_not_asked_to_divide_again():
    ages = []

    def cost(rows, frame, age_min):
        ages.append(age_min.tolist())
        return np.full(len(rows), 6.0)

    link([[0, 0], [-2, 0], [2, 0], [-2, 0], [2, 0]], [0, 1, 1, 2, 2], minutes=1.5, divide_cost=cost)
    link([[0, 0], [0, 0], [0, 0]], [0, 1, 2], divide_cost=cost)
    assert ages == [[np.inf], [0.0, 0.0], [np.inf], [np.inf]]


def test_a_dead_cell_stays_dead_and_does_not_divide():
    # A dead cell and a living one pass each other; by distance alone they would change places.
    place = np.array([[0.0, 0.0], [6.0, 0.0], [1.0, 0.0], [5.0, 0.0]])
    dead = np.array([True, False, False, True])
    frame = np.array([0, 0, 1, 1])
    assert link(place, frame, CELLS) == [-1, -1, 0, 1]

    def stays_dead(before, now):
        return np.where(dead[before] & ~dead[now][:, None], np.inf, 0.0)

    def living_divide(rows, at, age_min):
        return np.where(dead[rows], np.inf, CELLS.divide)

    how = {"pull": stays_dead, "divide_cost": living_divide}
    assert link(place, frame, CELLS, **how) == [-1, -1, 1, 0]
    two = [[0, 0], [-3, 0], [3, 0]]
    assert link(two, [0, 1, 1], CELLS) == [-1, 0, 0]
    never = {"divide_cost": lambda rows, at, age: np.full(len(rows), np.inf)}
    assert sorted(link(two, [0, 1, 1], CELLS, **never)[1:]) == [-1, 0]


def test_what_is_out_of_reach_begins_anew_and_a_frame_may_be_missing():
    far = [[0, 0], [40, 0], [0.5, 0]]
    assert link(far, [0, 1, 3]) == [-1, -1, -1]
    assert link([[0, 0], [1, 0]], [2, 4]) == [-1, 0]
    assert link(np.zeros((0, 3)), []) == []


@pytest.mark.slow
def test_two_thousand_cells_of_a_well_are_tracked_in_little_memory():
    import tracemalloc

    rng = np.random.default_rng(2)
    start = rng.uniform(0, 3000, (2000, 2))
    place = np.concatenate([start + rng.normal(0, 1.5, start.shape) for _ in range(3)])
    frame = np.repeat(np.arange(3), 2000)
    tracemalloc.start()
    found = np.array(link(place, frame, CELLS))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6, "one dense assignment would need 96 MB"
    tracks = cut_tracks(frame, found)
    assert np.mean(tracks.of_row.reshape(3, -1)[0] == tracks.of_row.reshape(3, -1)[2]) > 0.98


def test_a_missed_object_competes_with_a_division_of_its_neighbour():
    place = [[0, 0], [3, 0], [3, 0], [0.4, 0], [3, 0]]  # the first is not seen in frame 1
    frame = [0, 0, 1, 2, 2]
    assert link(place, frame) == [-1, -1, 1, 2, 2]
    assert link(place, frame, NUCLEI.replace(most_missed=1)) == [-1, -1, 1, 0, 2]
    assert link(place, frame, NUCLEI.replace(most_missed=1, missed=99.0)) == [-1, -1, 1, 2, 2]
    late = [0, 0, 1, 3, 3]  # frame 2 holds nothing, so nobody was missed in it
    assert link(place, late, NUCLEI.replace(most_missed=1)) == [-1, -1, 1, 0, 2]
