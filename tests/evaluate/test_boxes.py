"""Boxes are matched one to one by their centres, and classes are scored on what was found."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from fatescope.evaluate.boxes import (
    BoxScores,
    box_accuracy,
    box_f1,
    box_interval,
    box_precision,
    calibration_error,
    found_precision,
    match_boxes,
)
from fatescope.numeric import BootstrapSettings


def scores(score, p, match, truth):
    return BoxScores(
        score=np.array(score, float),
        p=np.array(p, float),
        match=np.array(match, int),
        truth=np.array(truth, bool),
    )


def test_two_boxes_in_one_cell_find_it_once():
    true = np.array([[0, 0, 10, 10], [20, 20, 30, 30.0]])
    found = np.array([[1, 1, 9, 9], [0, 0, 10, 10], [40, 40, 50, 50.0]])
    assert match_boxes(found, np.array([0.6, 0.9, 0.8]), true).tolist() == [-1, 0, -1]


def test_a_centre_on_the_far_edge_lies_outside():
    true = np.array([[0, 0, 10, 10.0]])
    assert match_boxes(np.array([[5, 5, 15, 15.0]]), np.ones(1), true).tolist() == [-1]
    assert match_boxes(np.array([[-5, -5, 5, 5.0]]), np.ones(1), true).tolist() == [0]


def test_scores_worked_out_by_hand():
    image = scores([0.9, 0.8, 0.7], [0.9, 0.2, 0.4], [0, 1, -1], [True, False, True])
    assert box_f1([image]) == pytest.approx(2 * 2 / 6)
    assert box_accuracy([image]) == 1
    # Ranked by score times probability: a hit, then nothing; the second dead cell was missed.
    assert box_precision([image]) == pytest.approx(0.5)
    assert found_precision([image]) == 1
    assert calibration_error([image]) == pytest.approx((0.1 + 0.2) / 2)


def test_nothing_there_and_nothing_found_is_unknown():
    empty = [scores([], [], [], [])]
    for score in (box_f1, box_accuracy, box_precision, found_precision, calibration_error):
        assert np.isnan(score(empty))
        assert np.isnan(score([]))


def test_the_area_is_that_of_scikit_learn_when_everything_is_found():
    rng = np.random.default_rng(3)
    truth = rng.random(200) < 0.3
    p = np.round(np.clip(truth * 0.3 + rng.random(200) * 0.7, 0, 1), 2)  # with ties
    image = scores(np.ones(200), p, np.arange(200), truth)
    expected = average_precision_score(truth, p)
    assert box_precision([image]) == pytest.approx(expected)
    assert found_precision([image]) == pytest.approx(expected)


def test_an_interval_needs_two_units_and_holds_the_score():
    rng = np.random.default_rng(5)
    images = []
    for _ in range(30):
        truth = rng.random(6) < 0.5
        p = np.where(rng.random(6) < 0.8, truth, ~truth).astype(float)
        images.append(scores(np.ones(6), p, np.arange(6), truth))
    units = [f"u{i // 3}" for i in range(30)]
    settings = BootstrapSettings(resamples=200)
    low, high = box_interval(images, units, box_accuracy, settings)
    assert low < box_accuracy(images) < high
    assert box_interval(images, ["one"] * 30, box_accuracy, settings) is None
