import numpy as np
from tests.systems.nuclei.page.cases import discs

from fatescope.systems.nuclei.page.carried_colours import carry_colours


def test_a_disc_that_moves_keeps_its_colour_though_its_number_changes():
    before, now = discs(9), discs(9, shift=2)
    renumbered = np.where(now > 0, 10 - now.astype(int), 0)
    carried = carry_colours(before, {label: label + 40 for label in range(1, 10)}, renumbered)
    assert carried == {10 - label: label + 40 for label in range(1, 10)}


def test_both_daughters_look_like_the_mother():
    before = np.array([[5, 5, 5, 5]])
    assert carry_colours(before, {5: 2}, np.array([[1, 1, 3, 3]])) == {1: 2, 3: 2}


def test_a_small_overlap_does_not_count():
    before = np.array([[5, 0, 0, 0, 0]])
    assert carry_colours(before, {5: 2}, np.array([[1, 1, 1, 1, 1]])) == {1: 1}


def test_an_empty_frame_has_no_colours():
    empty = np.zeros((3, 3), int)
    assert carry_colours(empty, {}, empty) == {}
    assert carry_colours(empty, {}, np.ones((3, 3), int)) == {1: 1}
