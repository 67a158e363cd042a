"""Scores of classes at pixels: by hand, and as scikit-learn has them."""

from __future__ import annotations

import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.evaluate import PixelCounts, precision_recall, score_classes


def random_planes(seed, shape=(40, 50), n=3):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n, shape).astype(np.uint8)
    logits = rng.normal(0, 1, (n, *shape)) + 1.5 * (truth == np.arange(n)[:, None, None])
    p = np.exp(logits) / np.exp(logits).sum(axis=0)
    return np.rint(255 * p).astype(np.uint8), truth


def test_four_pixels_by_hand():
    maps = np.array([[[255, 128, 100, 0]], [[0, 127, 155, 255]]], np.uint8)
    truth = np.array([[0, 1, 0, 1]], np.uint8)
    scores = score_classes(PixelCounts.of_plane(maps, truth))
    assert scores.accuracy == 0.5
    assert scores.precision.tolist() == [0.5, 0.5]
    assert scores.recall.tolist() == [0.5, 0.5]
    # Class 1 by falling probability: 255 (is 1), 155 (is 0), 127 (is 1), 0 (is 0).
    assert scores.auprc[1] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert scores.auroc[1] == pytest.approx(3 / 4)


def test_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    maps, truth = random_planes(1)
    scores = score_classes(PixelCounts.of_plane(maps, truth))
    for c in range(3):
        mine, given = (truth == c).ravel(), maps[c].ravel()
        assert scores.auprc[c] == pytest.approx(metrics.average_precision_score(mine, given))
        assert scores.auroc[c] == pytest.approx(metrics.roc_auc_score(mine, given))
    likeliest = maps.argmax(axis=0).ravel()
    oracle = metrics.precision_recall_fscore_support(truth.ravel(), likeliest, zero_division=0)
    for name, values in zip(("precision", "recall", "f1"), oracle, strict=False):
        np.testing.assert_allclose(getattr(scores, name), values)


def test_counts_add_up_over_tiles():
    maps, truth = random_planes(2)
    whole = PixelCounts.of_plane(maps, truth)
    parts = [PixelCounts.of_plane(maps[:, y : y + 10], truth[y : y + 10]) for y in range(0, 40, 10)]
    total = PixelCounts.total(parts)
    assert np.array_equal(whole.values, total.values)
    assert np.array_equal(whole.confusion, total.confusion)


def test_uncertain_pixels_do_not_count():
    maps, truth = random_planes(3)
    unsure = truth.copy()
    unsure[:20] = 255
    assert np.array_equal(
        PixelCounts.of_plane(maps, unsure).values,
        PixelCounts.of_plane(maps[:, 20:], truth[20:]).values,
    )


def test_a_class_that_is_not_there_has_no_score():
    maps, truth = random_planes(4)
    truth[truth == 2] = 1
    scores = score_classes(PixelCounts.of_plane(maps, truth))
    assert np.isnan(scores.auprc[2])
    assert np.isnan(scores.f1[2])
    nothing = score_classes(PixelCounts.of_plane(maps, np.full_like(truth, 255)))
    assert np.isnan(nothing.accuracy)


def test_curves_end_at_full_recall():
    maps, truth = random_planes(5)
    precision, recall = precision_recall(PixelCounts.of_plane(maps, truth).values[0])
    assert recall[-1] == 1
    assert (np.diff(recall) >= 0).all()
    assert precision[-1] == pytest.approx((truth == 0).mean())


def test_other_grids_and_unknown_classes_are_refused():
    maps, truth = random_planes(6)
    with pytest.raises(InputError, match="one grid"):
        PixelCounts.of_plane(maps, truth[:10])
    with pytest.raises(InputError, match="class 3"):
        PixelCounts.of_plane(maps, truth + np.uint8(1))
