"""What happened to each object, drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fatescope.evaluate import explain_errors, score_labels


def drawn(*rows: str) -> np.ndarray:
    return np.array([[0 if c == "." else int(c) for c in row] for row in rows])


def kinds(true: np.ndarray, pred: np.ndarray) -> list[tuple[str, int, int]]:
    table = explain_errors(true, pred)
    columns = (table["kind"], table["label_true"].tolist(), table["label_pred"].tolist())
    return list(zip(*columns, strict=True))


CASES = {
    "matched": ("11111", "55555", [("matched", 1, 5)]),
    "missed": ("11111", ".....", [("missed", 1, 0)]),
    "invented": (".....", ".55..", [("invented", 0, 5)]),
    "merged": ("111222", "555555", [("matched", 1, 5), ("merged", 2, 5)]),
    "merged, none matched": (
        "11122333",
        "55555555",
        [("merged", 1, 5), ("merged", 2, 5), ("merged", 3, 5)],
    ),
    "split": ("1111111", "5556677", [("split", 1, 5), ("extra", 0, 6), ("extra", 0, 7)]),
    "inexact": ("111111", "555...", [("matched", 1, 5)]),
    "badly inexact": ("111111", "55....", [("inexact", 1, 5)]),
    "invented and missed": ("111...", "...555", [("missed", 1, 0), ("invented", 0, 5)]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_error_is_named(name):
    true, pred, wanted = CASES[name]
    assert kinds(drawn(true), drawn(pred)) == wanted


def test_the_place_and_the_overlap_are_given():
    table = explain_errors(drawn("....", ".111"), drawn("....", ".55."))
    assert table["y"].tolist() == [1]
    assert table["x"].tolist() == [2]
    assert table["iou"].tolist() == [pytest.approx(2 / 3)]


labels = arrays(np.uint8, (4, 6), elements=st.integers(0, 4))


@given(true=labels, pred=labels)
def test_every_object_is_explained_and_matches_agree_with_the_score(true, pred):
    table = explain_errors(true, pred)
    score = score_labels(true, pred)
    kind = table["kind"]
    assert (kind == "matched").sum() == score.tp[0]
    assert (table["label_true"] > 0).sum() == score.n_true
    named = set(table["label_pred"].tolist()) - {0}
    assert named == set(np.unique(pred).tolist()) - {0}
