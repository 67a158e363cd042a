"""Scores: worked out by hand, against a slow and obvious second implementation, pooled."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from fatescope.base import InputError
from fatescope.evaluate import (
    FINDING,
    THRESHOLDS,
    ScoreSettings,
    find_overlap,
    match_objects,
    pool_scores,
    score_labels,
    score_strata,
    summarise_scores,
)

small = st.integers(0, 4)


@st.composite
def label_pairs(draw):
    ndim = draw(st.sampled_from([2, 3]))
    shape = draw(st.tuples(*[st.integers(1, 6 if ndim == 2 else 3)] * ndim))
    true = draw(arrays(np.uint8, shape, elements=small))
    other = draw(arrays(np.int32, shape, elements=small))
    keep = draw(arrays(bool, shape))
    return true, np.where(keep, true, other)  # alike enough that some objects match


def drawn(*rows: str) -> np.ndarray:
    return np.array([[0 if c == "." else int(c) for c in row] for row in rows])


def objects(labels: np.ndarray) -> dict[int, set[tuple[int, ...]]]:
    """The oracle's view: each object is a set of places."""
    found: dict[int, set[tuple[int, ...]]] = {}
    for place in np.ndindex(labels.shape):
        if labels[place]:
            found.setdefault(int(labels[place]), set()).add(place)
    return found


def oracle_matches(true: np.ndarray, pred: np.ndarray, threshold: float) -> list[float]:
    """Best one-to-one assignment: most pairs first, then the largest sum of IoU."""
    ours, theirs = list(objects(true).values()), list(objects(pred).values())
    if not ours or not theirs:
        return []
    iou = np.array([[len(a & b) / len(a | b) for b in theirs] for a in ours])
    worth = np.where(iou >= threshold - 1e-12, 1000 + iou, 0)
    pairs = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return [iou[i, j] for i, j in pairs if worth[i, j] > 0]


def oracle_seg(true: np.ndarray, pred: np.ndarray) -> float | None:
    """Mean over true objects of the IoU with the object that covers more than half."""
    ours, theirs = objects(true).values(), objects(pred).values()
    if not ours:
        return None
    each = [
        next((len(a & b) / len(a | b) for b in theirs if len(a & b) > len(a) / 2), 0.0)
        for a in ours
    ]
    return sum(each) / len(each)


@settings(max_examples=200)
@given(pair=label_pairs())
def test_agrees_with_a_slow_and_obvious_implementation(pair):
    true, pred = pair
    score = score_labels(true, pred)
    for k, percent in enumerate(THRESHOLDS):
        assert score.tp[k] == len(oracle_matches(true, pred, percent / 100))
    for k, percent in enumerate(FINDING):
        assert score.found[k] == len(oracle_matches(true, pred, percent / 100))
    matched = oracle_matches(true, pred, 0.5)
    assert score.iou_sum == pytest.approx(sum(matched))
    assert (score.n_true, score.n_pred) == (len(objects(true)), len(objects(pred)))
    seg = oracle_seg(true, pred)
    assert score.seg == (None if seg is None else pytest.approx(seg))
    a, b = true > 0, pred > 0
    assert score.iou == pytest.approx((a & b).sum() / (a | b).sum() if (a | b).any() else 1)
    assert score.dice == pytest.approx(
        2 * (a & b).sum() / (a.sum() + b.sum() or 1) if (a | b).any() else 1
    )


@given(pair=label_pairs(), data=st.data())
def test_the_numbers_of_labels_do_not_matter(pair, data):
    true, pred = pair
    names = np.array([0, *data.draw(st.permutations([1, 7, 300, 70_000]))])
    assert score_labels(true, pred) == score_labels(names[true], pred[...])
    overlap, renamed = find_overlap(true, pred), find_overlap(true, names[pred])
    assert overlap.shared.sum() == renamed.shared.sum()
    assert score_labels(true, pred).tp == score_labels(true, names[pred]).tp


@given(pair=label_pairs())
def test_truth_against_itself_is_perfect(pair):
    true, _ = pair
    score = score_labels(true, true)
    assert score.ap(95) == score.pq == score.dice == 1
    assert score.seg in (None, 1)


@given(pair=label_pairs())
def test_swapping_truth_and_prediction_swaps_false_positives_and_negatives(pair):
    there, back = score_labels(*pair), score_labels(*pair[::-1])
    assert (there.tp, there.fp(50), there.fn(75)) == (back.tp, back.fn(50), back.fp(75))
    assert there.pq == pytest.approx(back.pq)


def test_one_good_one_missed_one_invented_by_hand():
    true = drawn(
        "11111.22",
        "11111.22",
        "........",
    )
    pred = drawn(
        ".3333...",
        ".3333...",
        "......44",
    )
    score = score_labels(true, pred)
    # 3 covers 8 of the 10 pixels of 1: IoU 0.8. 2 is missed, 4 is invented.
    assert (score.tp[0], score.fp(50), score.fn(50)) == (1, 1, 1)
    assert score.tp[THRESHOLDS.index(80)] == 1
    assert score.tp[THRESHOLDS.index(85)] == 0
    assert score.ap(50) == 1 / 3
    assert score.f1(50) == 0.5
    assert score.pq == pytest.approx(0.8 / 2)
    assert score.seg == pytest.approx(0.4)
    assert score.iou == pytest.approx(8 / 16)
    assert score.dice == pytest.approx(16 / 24)


def test_two_halves_match_one_object_once():
    score = score_labels(drawn("1111"), drawn("2233"))
    assert (score.tp[0], score.fp(50), score.fn(50)) == (1, 1, 0)
    assert score.iou_sum == 0.5
    assert score.seg == 0  # a half is not more than half


def test_conflicts_at_exactly_one_half_are_solved_for_the_most_pairs():
    # 1 = halves 5 and 6; the other objects match 7 and 8 without a conflict.
    true, pred = drawn("1111.223"), drawn("5566.778")
    overlap = find_overlap(true, pred)
    match = match_objects(overlap, percent=50)
    assert len(match) == 3
    assert len(set(overlap.true_row[match.pair])) == len(set(overlap.pred_row[match.pair])) == 3


def test_a_threshold_is_reached_by_exactly_its_value():
    true, pred = np.ones((1, 20), int), np.ones((1, 20), int)
    pred[0, 11:] = 0  # IoU 11 / 20 = 0.55, which is 0.55000000000000004 as a float
    assert score_labels(true, pred).tp[:3] == (1, 1, 0)


@pytest.mark.parametrize(
    ("true", "pred", "ap", "seg"),
    [("...", "...", 1, None), ("...", ".1.", 0, None), (".1.", "...", 0, 0)],
    ids=["nothing in either", "nothing to find", "nothing found"],
)
def test_empty_images_follow_the_written_rule(true, pred, ap, seg):
    score = score_labels(drawn(true), drawn(pred))
    assert (score.ap(50), score.f1(50), score.pq, score.iou, score.dice) == (ap,) * 5
    assert score.seg == seg


def test_pooled_and_per_image_differ_as_they_should():
    crowded = score_labels(drawn("1.2.3.4"), drawn("1......"))
    sparse = score_labels(drawn("1......"), drawn("1......"))
    summary = summarise_scores([crowded, sparse], ScoreSettings())
    assert summary["ap"]["0.50"] == 2 / 5
    assert summary["ap_per_image"] == (1 / 4 + 1) / 2
    assert summary["mean_iou"] == (1 / 4 + 1) / 2
    assert summary["iou_pooled"] == 2 / 5
    assert summary["seg"] == 2 / 5


def test_the_summary_has_the_keys_of_the_contract():
    summary = summarise_scores([score_labels(drawn("1.2"), drawn("1.."))], ScoreSettings())
    wanted = "ap f1 mean_ap_50_90 ap_per_image pq mean_iou dice seg n_images low high"
    assert list(summary)[:11] == wanted.split()
    assert list(summary["ap"]) == [f"{t / 100:.2f}" for t in range(50, 100, 5)]
    assert summary["low"] is None  # one image has no spread
    assert summary["high"] is None


def test_the_mean_over_thresholds_ends_at_090():
    true, pred = np.ones((1, 10), int), np.ones((1, 10), int)
    pred[0, 9] = 0
    summary = summarise_scores([score_labels(true, pred)], ScoreSettings())
    assert summary["mean_ap_50_90"] == 1
    assert summary["ap"]["0.95"] == 0


@given(order=st.permutations(range(5)))
def test_the_order_of_images_does_not_matter(order):
    rng = np.random.default_rng(5)
    scores = [
        score_labels(rng.integers(0, 3, (4, 4)), rng.integers(0, 3, (4, 4))) for _ in range(5)
    ]
    assert pool_scores([scores[i] for i in order]) == pool_scores(scores)


def test_the_interval_is_over_units_and_repeats_with_its_seed():
    rng = np.random.default_rng(0)
    scores, units = [], []
    for unit in range(12):
        good = rng.random()
        for _ in range(4):
            true = np.arange(1, 31).reshape(1, 30)
            scores.append(score_labels(true, np.where(rng.random((1, 30)) < good, true, 0)))
            units.append(f"u{unit}")
    by_unit = summarise_scores(scores, ScoreSettings(), units=units)
    by_image = summarise_scores(scores, ScoreSettings())
    assert by_unit == summarise_scores(scores, ScoreSettings(), units=units)
    assert by_unit["low"] < by_unit["ap"]["0.50"] < by_unit["high"]
    # Images of a unit are alike, so taking them for independent narrows the interval falsely.
    assert by_unit["high"] - by_unit["low"] > 1.3 * (by_image["high"] - by_image["low"])


def test_strata_are_scored_on_their_own():
    good, bad = score_labels(drawn("1"), drawn("1")), score_labels(drawn("1"), drawn("."))
    table = score_strata([good, bad, good], ["small", "large", "small"], ScoreSettings())
    assert table["stratum"].tolist() == ["large", "small"]
    assert table["ap_50"].tolist() == [0, 1]
    assert np.isnan(table["low"][0])
    assert table["n_images"].tolist() == [1, 2]


def test_merged_and_split_nuclei_are_counted():
    true = drawn("1122.3333", "1122.3333")
    pred = drawn("1111.2244", "1111.2244")
    score = score_labels(true, pred)
    assert (score.merged, score.split, score.missed, score.invented) == (1, 0, 0, 0)
    assert pool_scores([score, score]).merged == 2
    assert summarise_scores([score], ScoreSettings())["f1"]["0.30"] == 4 / 6
    assert score_labels(drawn("111111111"), drawn("112223330")).split == 1


def test_what_cannot_be_scored_is_named():
    labels = drawn("12")
    with pytest.raises(InputError, match=r"`true` has shape \(1, 2\) and `pred` \(2, 1\)"):
        score_labels(labels, labels.T)
    with pytest.raises(InputError, match=r"`pred` must hold whole numbers.*float64"):
        score_labels(labels, labels * 0.5)
    with pytest.raises(InputError, match=r"`true` must hold whole numbers.*bool"):
        score_labels(labels > 0, labels)
    with pytest.raises(InputError, match="no image"):
        summarise_scores([], ScoreSettings())
    with pytest.raises(InputError, match="`units` must hold 1"):
        summarise_scores([score_labels(labels, labels)], ScoreSettings(), units=["a", "b"])
    with pytest.raises(InputError, match="1 to 100; got 0"):
        match_objects(find_overlap(labels, labels), percent=0)


def test_many_objects_need_no_table_of_all_pairs():
    true = np.arange(1, 90_001).reshape(300, 300)
    score = score_labels(true, true[::-1] + 5)  # 90,000 x 90,000 would be 8e9 numbers
    assert score.tp[0] == 90_000


def test_seg_agrees_with_the_cell_tracking_challenge_code(tmp_path):
    representations = pytest.importorskip("ctc_metrics.utils.representations")
    from ctc_metrics.metrics.technical.seg import seg

    rng = np.random.default_rng(3)
    scores, references, overlaps = [], [], []
    for frame in range(6):
        true = np.kron(rng.integers(0, 6, (5, 5)), np.ones((3, 3), int)).astype(np.uint16)
        pred = np.where(rng.random(true.shape) < 0.7, true, rng.integers(0, 6, true.shape))
        names = [tmp_path / f"{kind}{frame}.tif" for kind in ("true", "pred")]
        for name, labels in zip(names, (true, pred), strict=True):
            tifffile.imwrite(name, labels.astype(np.uint16))
        matched = representations.match(str(names[0]), str(names[1]))
        references.append(matched[0])
        overlaps.append(matched[4])
        scores.append(score_labels(true, pred))
    assert pool_scores(scores).seg == pytest.approx(seg(references, overlaps))
    assert 0 < pool_scores(scores).seg < 1
