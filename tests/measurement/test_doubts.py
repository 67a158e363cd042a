"""The objects that a person should see first."""

import numpy as np
import pytest
from skimage.draw import disk

from fatescope.base import Table
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


def test_two_merged_balls_are_doubtful_and_flat_nuclei_of_a_stack_are_not():
    z, y, x = np.mgrid[:20, :60, :120]
    labels = np.zeros(z.shape, dtype=np.int32)
    for label, column in enumerate((12, 36, 60), start=1):  # blur cuts both ends off: 0.93
        labels[(abs(z - 10) < 4) & ((y - 14) ** 2 + (x - column) ** 2 < 81)] = label
    for column in (30, 50):
        labels[(z - 10) ** 2 + (y - 44) ** 2 / 4 + (x - column) ** 2 / 4 <= 30] = 4

    doubts = doubtful_objects(measure_objects(labels), DoubtSettings())

    assert doubts["label"].tolist() == [4]
    assert "of its ellipsoid" in doubts["reason"][0]


def test_in_a_movie_objects_are_compared_with_those_of_their_time():
    """Nuclei that halve their width in each round are usual; those of another time are not."""
    rng = np.random.default_rng(3)
    frame = np.repeat(np.arange(40), 12)
    size = 4000 * 0.5 ** (frame // 10) * np.exp(0.06 * rng.standard_normal(len(frame)))
    size[[130, 400]] *= 4
    table = Table(
        {
            "label": np.tile(np.arange(1, 13), 40),
            "frame": frame,
            "volume_px": size,
            "ellipse_fill": np.full(len(frame), 0.95),
            "touches_border": np.zeros(len(frame), int),
            "mean_0": 100.0 * 0.97**frame,
        }
    )

    doubts = doubtful_objects(table, DoubtSettings(), channel="0")

    assert set(doubts["row"].tolist()) == {130, 400}
    assert all("the median size at that time" in r for r in doubts["reason"])
