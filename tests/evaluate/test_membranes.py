"""Scores of membranes: worked out by hand, alike for one plane and for many."""

import numpy as np
import pytest

from fatescope.evaluate import (
    MEMBRANE_SCORES,
    MembraneScores,
    ScoreSettings,
    borders_of,
    compare_membrane_scores,
    pool_membranes,
    published_interior,
    score_membranes,
    value_of_sums,
)

SUMS = MembraneScores(
    shared_px=6,
    only_found_px=2,
    only_true_px=4,
    wall_found_px=10,
    wall_found_right_px=5,
    wall_true_px=8,
    wall_true_found_px=6,
)


def test_five_scores_worked_out_by_hand():
    row = SUMS.as_row()
    assert row["iou"] == pytest.approx(6 / 12)
    assert row["dice"] == pytest.approx(12 / 18)
    assert row["precision"] == pytest.approx(6 / 8)
    assert row["recall"] == pytest.approx(6 / 10)
    assert row["wall_f1"] == pytest.approx(2 * 0.5 * 0.75 / 1.25)
    assert (SUMS + SUMS).as_row() == row


@pytest.mark.parametrize("name", MEMBRANE_SCORES)
def test_many_draws_at_once_give_the_same_as_one(name):
    assert value_of_sums(np.array([SUMS.as_sums()]), name)[0] == pytest.approx(getattr(SUMS, name))


def test_a_wall_within_two_pixels_is_right_and_beyond_is_not():
    empty = np.zeros((9, 9), bool)
    true, near, far = empty.copy(), empty.copy(), empty.copy()
    true[:, 4], near[:, 6], far[:, 7] = True, True, True
    for walls, expected in ((near, 1.0), (far, 0.0), (empty, 0.0)):
        scores = score_membranes(empty, walls, true_interior=empty, true_walls=true)
        assert scores.wall_f1 == expected
        assert scores.iou == 1, "nothing to be found and nothing found"


def test_a_silhouette_without_walls_scores_high_by_pixels_and_low_by_walls():
    labels = np.zeros((60, 60), np.int32)
    for i in range(3):
        for j in range(3):
            labels[18 * i + 2 : 18 * i + 18, 18 * j + 2 : 18 * j + 18] = 3 * i + j + 1
    filled = np.zeros(labels.shape, bool)
    filled[2:54, 2:54] = True
    scores = score_membranes(
        filled,
        borders_of(filled.astype(np.int32)),
        true_interior=published_interior(labels),
        true_walls=borders_of(labels),
    )
    assert scores.iou > 0.7
    assert scores.wall_f1 < 0.7


def test_inner_walls_are_those_between_two_cells():
    labels = np.zeros((5, 6), np.int32)
    labels[1:4, 1:3], labels[1:4, 3:5] = 1, 2
    expected = np.zeros(labels.shape, bool)
    expected[1:4, 2] = True
    assert np.array_equal(borders_of(labels, inner=True), expected)
    assert (borders_of(labels) & ~expected).any(), "the outer surface is a border too"
    assert not borders_of((labels > 0).astype(np.int32), inner=True).any()


def test_the_paired_difference_has_the_sign_of_the_better_side_and_needs_two_units():
    worse = MembraneScores(**{**vars_of(SUMS), "wall_found_right_px": 2, "wall_true_found_px": 3})
    settings = ScoreSettings()
    units = [str(i // 2) for i in range(8)]
    d = compare_membrane_scores(
        [worse] * 8, [SUMS] * 8, units=units, score="wall_f1", settings=settings
    )
    assert (d.outcome, d.n_units, d.n_images) == ("better", 4, 8)
    assert d.difference == pytest.approx(SUMS.wall_f1 - worse.wall_f1)
    alone = compare_membrane_scores(
        [worse], [SUMS], units=["a"], score="wall_f1", settings=settings
    )
    assert (alone.outcome, alone.low) == ("cannot-tell", None)


def test_nothing_at_all_pools_to_nothing():
    assert pool_membranes([]) == MembraneScores()


def vars_of(scores):
    return dict(zip(MembraneScores.__dataclass_fields__, scores.as_sums(), strict=True))
