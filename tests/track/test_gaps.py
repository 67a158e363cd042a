"""Tracks over frames in which an object was not found."""

from __future__ import annotations

import numpy as np

from fatescope.track import close_track_gaps


def joined(points, **how):
    """Return the parents of points (frame, y, x) that begin without any link."""
    table = np.array(points, float)
    n = len(table)
    settings = {"reach": 5.0, "most_frames": 2, **how}
    return close_track_gaps(
        table[:, 1:], table[:, 0].astype(int), np.full(n, -1), **settings
    ).tolist()


def test_an_object_that_misses_a_frame_goes_on():
    assert joined([(0, 0, 0), (2, 1, 0)]) == [-1, 0]


def test_the_nearest_goes_on_and_the_other_begins():
    assert joined([(0, 0, 0), (2, 3, 0), (2, 1, 0)]) == [-1, -1, 0]


def test_two_ends_and_two_beginnings_are_joined_at_the_least_cost_in_all():
    # The nearest pair (1 to 2) would leave the outer two without a partner.
    assert joined([(0, 0, 0), (0, 0, 4), (2, 0, 3.5), (2, 0, 8)]) == [-1, -1, 0, 1]


def test_too_far_and_too_long_are_not_joined():
    assert joined([(0, 0, 0), (2, 6, 0)]) == [-1, -1]
    assert joined([(0, 0, 0), (4, 0, 0)]) == [-1, -1]


def test_what_lies_still_is_found_again_after_any_time():
    points = [(0, 0, 0), (9, 1, 0), (9, 20, 0)]
    assert joined(points, still=np.array([True, True, True])) == [-1, 0, -1]
    assert joined(points, still=np.array([True, False, True])) == [-1, -1, -1]


def test_links_that_are_there_stay():
    parent = np.array([-1, 0, -1])
    place, frame = np.zeros((3, 2)), np.array([0, 1, 3])
    assert close_track_gaps(place, frame, parent, reach=2.0, most_frames=2).tolist() == [-1, 0, 1]


def test_nothing_is_nothing():
    empty = np.zeros(0, np.int64)
    assert not len(close_track_gaps(np.zeros((0, 2)), empty, empty, reach=2.0, most_frames=2))
