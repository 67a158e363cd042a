"""Movies of any scale are linked by what is usual in them: steps, divisions, missed objects."""

import numpy as np
import pytest

from fatescope.track import ObjectLinkSettings, link_objects
from fatescope.track.objects import UsualLife, missed_cost, without_brief_daughters


def movie(seed=0, frames=12, scale=1.0, apart=10.0, side=6, step=0.8):
    """Objects on a jittered grid that walk at random; some divide once. Truth is exact."""
    rng = np.random.default_rng(seed)
    here = apart * np.stack(np.meshgrid(*[np.arange(side)] * 2), -1).reshape(-1, 2)
    here = here + rng.normal(0, 0.1 * apart, here.shape)
    place, frame, parent = [here], [np.zeros(len(here), int)], [np.full(len(here), -1)]
    rows = np.arange(len(here))
    n = len(here)
    for f in range(1, frames):
        here = here + rng.normal(0, step, here.shape)
        if f in (4, 8):
            split = rng.choice(len(here), 3, replace=False)
            away = rng.normal(0, 1, (3, 2))
            away *= 0.22 * apart / np.linalg.norm(away, axis=1, keepdims=True)
            born = here[split] - away
            here = here.copy()
            here[split] += away
            here, rows = np.r_[here, born], np.r_[rows, rows[split]]
        place.append(here)
        frame.append(np.full(len(here), f))
        parent.append(rows)
        rows = np.arange(n, n + len(here))
        n += len(here)
    return scale * np.concatenate(place), np.concatenate(frame), np.concatenate(parent)


def share_right(found, truth):
    linked = truth >= 0
    return (found[linked] == truth[linked]).mean()


@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_links_do_not_depend_on_the_unit(scale):
    place, frame, truth = movie()
    found = link_objects(scale * place, frame, settings=ObjectLinkSettings())
    assert found.tolist() == link_objects(place, frame, settings=ObjectLinkSettings()).tolist()
    assert share_right(found, truth) > 0.98


def test_divisions_are_found_and_can_be_ruled_out():
    place, frame, truth = movie(seed=3)
    mothers = np.flatnonzero(np.bincount(truth[truth >= 0], minlength=len(truth)) == 2)
    with_them = link_objects(place, frame, settings=ObjectLinkSettings())
    children = np.bincount(with_them[with_them >= 0], minlength=len(truth))
    assert (children[mothers] == 2).mean() >= 0.8
    without = link_objects(place, frame, settings=ObjectLinkSettings(divisions=False))
    assert np.bincount(without[without >= 0]).max() == 1


def test_the_whole_field_may_drift():
    place, frame, truth = movie(seed=1)
    drifting = place + frame[:, None] * np.array([4.0, -3.0])
    found = link_objects(drifting, frame, settings=ObjectLinkSettings())
    assert share_right(found, truth) > 0.97


def test_an_object_that_was_missed_is_found_again_and_is_no_daughter():
    place, frame, _ = movie(frames=6, side=4)
    missed = np.flatnonzero((frame == 3) & (np.arange(len(frame)) % 5 == 0))[:2]
    kept = np.delete(np.arange(len(frame)), missed)
    joined = link_objects(place[kept], frame[kept], settings=ObjectLinkSettings(most_missed=2))
    steps = frame[kept][joined >= 0] - frame[kept][joined[joined >= 0]]
    assert sorted(steps.tolist())[-2:] == [2, 2]
    none = ObjectLinkSettings(most_missed=0, divisions=False)
    cut = link_objects(place[kept], frame[kept], settings=none)
    assert ((cut < 0) & (frame[kept] == 4)).sum() == 2 + 3  # and the three born at that time


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_objects_are_linked_without_a_scale(n):
    place, frame = np.zeros((n, 2)), np.arange(n)
    found = link_objects(place, frame, settings=ObjectLinkSettings())
    assert found.tolist() == [-1, 0][:n]


def test_a_daughter_of_one_frame_is_none_unless_the_movie_ends_there():
    #      0 - 1 - 2 - 3 - 4        the long way
    #           \ 5                 part of the nucleus, seen for a frame
    #               2 \ 6 - 7       a daughter who lives to the last frame
    frame = np.array([0, 1, 2, 3, 4, 2, 3, 4])
    parent = np.array([-1, 0, 1, 2, 3, 1, 2, 6])
    found = without_brief_daughters(frame, parent, most_frames=1)
    assert found.tolist() == [-1, 0, 1, 2, 3, -1, 2, 6]
    assert without_brief_daughters(frame, parent, most_frames=0).tolist() == parent.tolist()


def test_of_two_brief_daughters_the_longer_goes_on_as_the_mother():
    frame = np.array([0, 1, 1, 2, 9])
    parent = np.array([-1, 0, 0, 2, -1])
    assert without_brief_daughters(frame, parent, most_frames=3).tolist() == [-1, -1, 0, 2, -1]


def test_a_daughter_who_divides_at_once_stays():
    frame = np.array([0, 1, 1, 2, 2, 9])
    parent = np.array([-1, 0, 0, 1, 1, -1])
    found = without_brief_daughters(frame, parent, most_frames=1)
    assert found.tolist()[1:3] == [0, -1]


def test_a_life_is_unusual_by_those_that_end_near_by():
    #  eight tracks divide in frames 4 to 6 and again 10 frames later
    frame, parent = [], []
    for first in (4, 5, 5, 6, 4, 5, 6, 5):
        mother = -1
        for born, last in ((0, first), (first + 1, first + 10)):
            for f in range(born, last + 1):
                frame.append(f)
                parent.append(mother)
                mother = len(frame) - 1
            frame.append(last + 1)  # the other daughter
            parent.append(mother)
        frame.append(last + 1)
        parent.append(mother)
    lives = UsualLife(np.array(frame), np.array(parent))
    assert lives.cost(10, 15) == pytest.approx(0.0)
    assert lives.cost(5, 15) > 5 < lives.cost(20, 15)
    assert lives.youngest == pytest.approx(4.0)
    none = UsualLife(np.array([0, 1]), np.array([-1, 0]))
    assert (none.cost(1, 1), none.youngest) == (0.0, 0.0)


def test_what_a_missed_frame_costs_is_counted_from_the_links():
    frame = np.arange(101)
    frame[51:] += 1
    assert missed_cost(frame, np.arange(101) - 1) == pytest.approx(np.log(100))
    assert missed_cost(frame[:50], np.arange(50) - 1) == pytest.approx(np.log(1000))


def test_missed_objects_that_come_back_are_no_daughters_of_neighbours():
    place, frame, truth = movie(frames=16, apart=6.0, step=0.4)
    kept = np.random.default_rng(1).random(len(frame)) < 0.95
    while (gone := (truth >= 0) & ~kept[truth]).any():
        truth[gone] = truth[truth[gone]]
    new = np.where(kept, np.cumsum(kept) - 1, -1)
    truth = np.where(truth >= 0, new[truth], -1)[kept]
    found = link_objects(place[kept], frame[kept], settings=ObjectLinkSettings())
    assert share_right(found, truth) > 0.98
    n = np.bincount(found[found >= 0], minlength=len(found))
    assert (n == 2).sum() <= 10  # six are true; 15 where gaps were closed after the divisions
