"""How sure links and divisions are."""

import numpy as np

from fatescope.track.certainty import division_traits, link_traits, score_links


def pairs_of_tracks(gap, frames=6):
    """Two tracks that stay in place, ``gap`` apart, far from two more."""
    x = np.tile([0.0, gap, 100.0, 110.0], frames)
    position = np.stack([x, np.zeros_like(x)], axis=1)
    frame = np.repeat(np.arange(frames), 4)
    return position, frame, np.where(frame == 0, -1, np.arange(len(frame)) - 4)


def test_a_nucleus_alone_is_linked_more_surely_than_one_that_leaps_to_a_rival():
    position, frame, parent = pairs_of_tracks(10.0)
    steady, divisions = score_links(position, frame, parent)
    assert np.isnan(steady[:4]).all()
    assert np.isnan(divisions).all()
    assert steady[4:].min() > 0.95
    exchanged = parent.copy()
    exchanged[[8, 9]] = [5, 4]  # the two trade places in one step
    leaps, _ = score_links(position, frame, exchanged)
    assert leaps[[8, 9]].max() < 0.5


def test_the_nearest_rival_is_never_the_link_itself():
    position, frame, parent = pairs_of_tracks(10.0)
    rows, traits = link_traits(position, frame, parent)
    assert rows.tolist() == list(range(4, len(frame)))
    np.testing.assert_allclose(traits[:, 0], 0)
    assert traits[:, 1].min() > 0


def test_a_division_whose_daughter_is_gone_at_once_is_doubted():
    x = np.array([0.0, 50, -2, 2, 50, -3, 3, 50, -4, 4, 50, -4, 4, 50])
    frame = np.array([0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])
    parent = np.array([-1, -1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    position = np.stack([x, np.zeros_like(x)], axis=1)
    _, lasting = score_links(position, frame, parent)
    kept = np.array([i for i in range(len(x)) if i not in (6, 9, 12)])
    new = np.full(len(x) + 1, -1)
    new[kept] = np.arange(len(kept))
    _, gone = score_links(position[kept], frame[kept], new[parent[kept]])
    assert np.isfinite(lasting).sum() == np.isfinite(gone).sum() == 1
    assert gone[0] < lasting[0]
    rows, traits = division_traits(position, frame, parent)
    assert rows.tolist() == [0]
    assert traits.shape == (1, 7)


def test_rows_without_a_place_and_nothing_at_all_have_no_score():
    position, frame, parent = pairs_of_tracks(10.0)
    position[-1], parent[-1] = np.nan, -1
    links, _ = score_links(position, frame, parent)
    assert np.isnan(links[-1])
    assert np.isfinite(links[4:-1]).all()
    empty = np.zeros(0, np.int64)
    assert [len(s) for s in score_links(np.zeros((0, 3)), empty, empty)] == [0, 0]
