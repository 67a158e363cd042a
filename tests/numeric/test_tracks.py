"""Tracks of linked rows, with and without names."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fatescope.base import Lineage
from fatescope.numeric import cut_tracks, tracks_of


@st.composite
def links(draw):
    """Up to 30 rows in some order, each linked to a row of an earlier frame, or to none."""
    frame = np.array(draw(st.lists(st.integers(0, 6), min_size=1, max_size=30)))
    parent = np.full(len(frame), -1)
    for row in range(len(frame)):
        before = [-1, *np.flatnonzero(frame < frame[row]).tolist()]
        parent[row] = draw(st.sampled_from(before))
    return frame, parent


def unnamed(frame, parent):
    n = len(frame)
    name = np.full(n, "", dtype=object)
    place = np.zeros((n, 3))
    return Lineage(frame=frame, position=place, parent=parent, name=name, radius_px=np.ones(n))


@given(links())
def test_a_track_is_a_chain_of_single_successors(case):
    frame, parent = case
    tracks = cut_tracks(frame, parent)
    successors = np.bincount(parent[parent >= 0], minlength=len(frame))
    for k in range(len(tracks)):
        rows = tracks.rows[tracks.start[k] : tracks.start[k + 1]]
        assert (tracks.of_row[rows] == k).all()
        assert parent[rows[1:]].tolist() == rows[:-1].tolist()
        assert (successors[rows[:-1]] == 1).all()
        assert successors[rows[-1]] != 1
        assert (frame[rows[0]], frame[rows[-1]]) == (tracks.first[k], tracks.last[k])


@given(links())
def test_mothers_stand_before_daughters_and_have_two_or_none(case):
    tracks = cut_tracks(*case)
    assert (tracks.mother < np.arange(len(tracks))).all()
    assert set(tracks.n_daughters.tolist()) <= {0, 2}
    assert (tracks.divides == (tracks.pair[:, 0] >= 0)).all()
    assert tracks.n_below[tracks.mother < 0].sum() == len(tracks.of_row)
    assert (tracks.end > tracks.last).all()


@given(links())
def test_without_names_a_lineage_has_the_tracks_of_its_links(case):
    frame, parent = case
    one, other = tracks_of(unnamed(frame, parent)), cut_tracks(frame, parent)
    again = one.reorder(np.argsort(frame[one.first_row], kind="stable"))
    assert again.of_row.tolist() == other.of_row.tolist()
    assert again.rows.tolist() == other.rows.tolist()
    assert again.last_row.tolist() == other.last_row.tolist()


@given(links(), st.randoms())
def test_another_order_changes_nothing_but_the_numbers(case, random):
    tracks = cut_tracks(*case)
    order = list(range(len(tracks)))
    random.shuffle(order)
    mixed = tracks.reorder(np.array(order))
    back = mixed.reorder(np.argsort(order))
    for field in ("of_row", "rows", "start", "first_row", "first", "last", "mother"):
        assert getattr(back, field).tolist() == getattr(tracks, field).tolist()
    assert [order[k] for k in mixed.of_row] == tracks.of_row.tolist()


def test_of_three_daughters_the_two_that_live_longest_stay():
    frame = np.array([0, 1, 1, 1, 2, 2])
    parent = np.array([-1, 0, 0, 0, 1, 3])
    tracks = cut_tracks(frame, parent)
    assert tracks.mother.tolist() == [-1, 0, -1, 0]
    assert tracks.pair[0].tolist() == [1, 3]
    assert tracks_of(unnamed(frame, parent)).n_daughters.tolist() == [3, 0, 0, 0]
