import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fatescope.base import InputError
from fatescope.lineage.neighbours import common_neighbours, embryo_neighbours, gabriel_pairs
from fatescope.systems.lineages.reading import open_atlas


def slow_pairs(place):
    """The definition: no third point inside the sphere over the pair."""
    found = []
    for i in range(len(place)):
        for j in range(i + 1, len(place)):
            middle, radius = (place[i] + place[j]) / 2, np.linalg.norm(place[i] - place[j]) / 2
            away = np.linalg.norm(np.delete(place, [i, j], axis=0) - middle, axis=1)
            if not (away < radius * (1 - 1e-9)).any():
                found.append([i, j])
    return found


@settings(max_examples=40)
@given(n=st.integers(0, 40), seed=st.integers(0, 2**32 - 1))
def test_pairs_are_those_of_the_definition(n, seed):
    place = np.random.default_rng(seed).normal(0, 10, (n, 3))
    assert gabriel_pairs(place).tolist() == slow_pairs(place)


def test_nuclei_in_one_plane_have_neighbours_too():
    grid = np.array([[0.0, y, x] for y in range(5) for x in range(5)])
    pairs = {tuple(p) for p in gabriel_pairs(grid).tolist()}
    assert {(0, 1), (0, 5)} <= pairs
    assert (0, 2) not in pairs


def test_neighbours_for_half_of_the_common_life_count():
    frame = np.repeat(np.arange(12), 3)
    cell = np.tile([4, 7, 9], 12)
    place = np.zeros((36, 3))
    place[cell == 7, 2] = 10.0
    place[cell == 9, 2] = 5.0
    place[(cell == 9) & (frame >= 6), 2] = 30.0  # then it no longer stands between 4 and 7
    assert embryo_neighbours(cell, frame, place).tolist() == [[4, 7, 1], [4, 9, 1], [7, 9, 1]]
    place[(cell == 9) & (frame >= 3), 2] = 30.0
    assert embryo_neighbours(cell, frame, place).tolist() == [[4, 7, 1], [4, 9, 0], [7, 9, 1]]


def test_a_nucleus_without_a_name_still_stands_between_others():
    cell, frame = np.array([0, 1, -1]), np.zeros(3, dtype=int)
    place = np.array([[0.0, 0, 0], [0, 0, 10], [0, 0, 5]])
    assert embryo_neighbours(cell, frame, place).tolist() == [[0, 1, 0]]


def test_shares_are_over_embryos_that_show_both_cells():
    embryos = [np.array([[0, 1, k < 3], [0, 2, 0]], dtype=int) for k in range(4)]
    embryos.append(np.array([[0, 2, 0]]))
    joined = common_neighbours(embryos, 10)
    assert joined.pair.tolist() == [[0, 1]]
    assert (joined.share.tolist(), joined.n_embryos.tolist()) == ([0.75], [4])


def test_the_shipped_atlas_knows_who_lies_beside_whom():
    atlas = open_atlas()
    beside = atlas.neighbours_of("P2")
    assert {"EMS", "ABp"} <= set(beside)
    assert "ABa" not in beside  # the two ends of the embryo
    assert atlas.neighbours_of("EMS")["P2"] == beside["EMS"]
    assert len(atlas.neighbours) > 5000
    with pytest.raises(InputError, match="no cell of the embryo"):
        atlas.neighbours_of("Q9")
