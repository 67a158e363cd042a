"""A plane is divided into cells: the tree of merges, what it sums up, and the best division."""

import numpy as np
import pytest

from fatescope.systems.membranes.cells.division import (
    best_division,
    divide_plane,
    features_of,
    grow_tree,
)

LEAST = 0.08
PIECES = np.repeat([[1, 1, 1, 2, 2, 2, 3, 3]], 4, axis=0)
"""Three pieces in a row, four pixels high; the outside is all around."""


def walls(strong=0.16, weak=0.02):
    out = np.full(PIECES.shape, 0.01, np.float32)
    out[:, 2:4], out[:, 5:7] = weak, strong
    return out


def test_pieces_are_merged_over_the_weakest_wall_first():
    tree = grow_tree(PIECES, walls(), least=LEAST)
    assert tree.children == ((), (), (), (0, 1), (2, 3))
    assert tree.roots == (4,)
    assert tree.last[3:] == pytest.approx([0.02, 0.16])
    assert tree.highest[4] == pytest.approx(0.16)
    assert sorted(tree.pieces_of(4)) == [0, 1, 2]
    assert sorted(tree.pieces_of(3)) == [0, 1]


def test_pieces_apart_stay_roots_and_no_piece_is_an_empty_tree():
    apart = PIECES.copy()
    apart[:, 5] = 0
    assert grow_tree(apart, walls(), least=LEAST).roots == (2, 3)
    nothing = np.zeros((4, 4), np.int32)
    assert grow_tree(nothing, np.zeros((4, 4), np.float32), least=LEAST).roots == ()
    none = divide_plane(nothing, np.zeros((4, 4), np.float32), (0.4, 0.4), least=0.1, wall_um=0.4)
    assert none.max() == 0


def test_what_a_merged_node_sums_up_is_what_one_piece_of_that_shape_would_have():
    tree = grow_tree(PIECES, walls(), least=LEAST)
    as_one = grow_tree(np.where(PIECES == 2, 1, PIECES // 2 + 1), walls(), least=LEAST)
    outline = np.s_[:11]  # all but the sides that lie within
    assert tree.sums[3][outline] == pytest.approx(as_one.sums[0][outline])
    assert tree.sums[3][11:] == pytest.approx([4, 4 * 0.02])


def test_features_are_the_same_at_twice_the_scale_and_twice_the_brightness():
    tree = grow_tree(PIECES, walls(), least=LEAST)
    bright = grow_tree(PIECES, 2 * walls(), least=2 * LEAST)
    one = features_of(tree, (0.4, 0.4), least=LEAST, wall_um=0.4)
    two = features_of(bright, (0.8, 0.8), least=2 * LEAST, wall_um=0.8)
    assert one == pytest.approx(two, abs=1e-5)
    assert np.isfinite(one).all()


def test_the_division_with_the_highest_sum_of_probabilities_less_a_half_is_taken():
    tree = grow_tree(PIECES, walls(), least=LEAST)
    assert best_division(tree, np.array([0.9, 0.9, 0.9, 0.2, 0.1])) == [0, 1, 2]
    assert best_division(tree, np.array([0.2, 0.3, 0.9, 0.8, 0.1])) == [2, 3]
    assert best_division(tree, np.array([0.2, 0.3, 0.2, 0.3, 0.4])) == [4], "nothing is likely"


def test_a_sliver_between_walls_stays_and_a_cell_with_haze_in_its_middle_is_one():
    y, x = np.mgrid[:60, :60]
    field = np.full((60, 60), 0.01, np.float32)
    for at in (10, 16, 40):
        field = np.maximum(field, 0.2 * np.exp(-((x - at) ** 2) / 2))
    field = np.maximum(field, 0.04 * np.exp(-((y - 30) ** 2) / 50) * (x > 16)).astype(np.float32)
    pieces = np.zeros((60, 60), np.int32)
    pieces[15:45, 2:10], pieces[15:45, 10:16] = 1, 2
    pieces[15:30, 16:40], pieces[30:45, 16:40] = 3, 4
    cells = divide_plane(pieces, field, (0.36, 0.36), least=LEAST, wall_um=0.37)
    assert len(np.unique(cells)) == 4
    assert cells[20, 30] == cells[40, 30]
    assert len({cells[20, 5], cells[20, 13], cells[20, 30]}) == 3
