"""The objects that a person should see first."""

import numpy as np
import pytest
from skimage.draw import disk

from fatescope.measurement import DoubtSettings, doubtful_objects, measure_objects, measure_solidity


@pytest.fixture
def labels() -> np.ndarray:
    """Twelve discs, of which 12 is two merged ones and 11 is tiny; 1 is cut by the border."""
    labels = np.zeros((150, 200), int)
    for k in range(10):
        labels[disk((10 + 40 * (k // 5), 40 * (k % 5)), 10 + k % 3, shape=labels.shape)] = k + 1
    labels[disk((100, 50), 2)] = 11
    labels[disk((110, 100), 10)] = 12
    labels[disk((110, 119), 10)] = 12
    return labels


def test_merged_and_tiny_objects_come_first_with_reasons(labels):
    doubts = doubtful_objects(measure_objects(labels), DoubtSettings())
    assert sorted(doubts["label"].tolist()) == [11, 12]
    reasons = dict(zip(doubts["label"].tolist(), doubts["reason"], strict=True))
    assert "waisted" in reasons[12]
    assert "of the median size" in reasons[11]
    assert (np.diff(doubts["doubt"]) <= 0).all()


def test_an_unsure_model_and_a_dim_object_are_reasons(labels):
    table = measure_objects(labels, {"0": np.where(labels == 3, 10, 100 + labels)})
    score = np.where(table["label"] == 4, 0.2, 0.9)
    table = table.with_columns({"score": score})
    doubts = doubtful_objects(table, DoubtSettings(), channel="0")
    reasons = dict(zip(doubts["label"].tolist(), doubts["reason"], strict=True))
    assert "dim in channel 0" in reasons[3]
    assert reasons[4] == "the model is unsure (score 0.20)"


def test_a_table_without_objects_has_no_doubts():
    table = measure_objects(np.zeros((5, 5), int))
    assert len(doubtful_objects(table, DoubtSettings())) == 0


def test_solidity_is_measured_for_the_objects_asked_for(labels):
    solidity = measure_solidity(labels, [12, 7, 99])
    assert 0.85 < solidity[0] < 0.95 < solidity[1] <= 1
    assert np.isnan(solidity[2])
