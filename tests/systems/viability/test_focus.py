"""Frames that are out of focus beside their like."""

import numpy as np
import pytest

from fatescope.systems.viability.focus import blurred_finding, blurred_frames


def test_frames_with_less_than_half_of_the_usual_edges_are_blurred():
    assert blurred_frames([1.0, 1.0, 0.4, 1.0, 0.2]) == {2: 0.4, 4: 0.2}


def test_a_frame_that_shows_nothing_is_neither_sharp_nor_blurred():
    assert blurred_frames([1.0, np.nan, 1.0, 0.1, 1.0]) == {3: 0.1}


@pytest.mark.parametrize(
    "sharpness", [[], [0.1], [1.0, 0.1], [np.nan] * 5, [0.0] * 5, [1.0, 0.1, np.nan]]
)
def test_what_is_usual_takes_three_frames_with_edges(sharpness):
    assert blurred_frames(sharpness) == {}


def test_one_finding_names_the_first_frame_and_the_softest():
    found = blurred_finding({7: 0.4, 3: 0.45}, file="m", among="movie", so="So it is.")
    assert (found.rule, found.frame, found.value, found.limit) == ("blurred", 3, 0.4, 0.5)
    assert found.reason.startswith("2 frames (the first is 3) are out of focus: edges have 40%")
    assert found.reason.endswith("in the movie. So it is.")
