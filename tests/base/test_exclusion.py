"""What was taken out covers the frames and objects it says, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fatescope.base import Exclusion, excluded_frames, excluded_rows

FRAME = np.array([-1, 0, 1, 2, 2, 3])
NAME = np.array(["P0", "P0", "AB", "AB", "P1", "12"], dtype=object)


@pytest.mark.parametrize(
    ("exclusion", "rows"),
    [
        (Exclusion(file="t"), {0, 1, 2, 3, 4, 5}),
        (Exclusion(file="t", first_frame=2), {3, 4, 5}),
        (Exclusion(file="t", last_frame=-1), {0}),
        (Exclusion(file="t", first_frame=2, last_frame=2), {3, 4}),
        (Exclusion(file="t", objects=("AB", "12")), {2, 3, 5}),
        (Exclusion(file="t", first_frame=2, objects=("AB",)), {3}),
        (Exclusion(file="other"), set()),
    ],
)
def test_frames_and_objects_are_covered_as_written(exclusion, rows):
    assert set(np.flatnonzero(excluded_rows([exclusion], "t", FRAME, NAME))) == rows


def test_a_movie_loses_whole_frames_and_none_for_a_single_object():
    taken = [
        Exclusion(file="m.tif", first_frame=1, last_frame=1, rule="black"),
        Exclusion(file="m.tif", first_frame=3, rule="cliff"),
        Exclusion(file="m.tif", first_frame=0, objects=("7",)),
    ]
    assert excluded_frames(taken, "m.tif", 5).tolist() == [False, True, False, True, True]
    assert excluded_frames(taken, "n.tif", 2).tolist() == [False, False]


def test_a_file_is_known_by_its_name_wherever_it_lies():
    one = Exclusion(file="a/b.tif")
    assert one.concerns("a/b.tif")
    assert one.concerns("test/a/b.tif")
    assert not one.concerns("b.tif")
    assert not one.concerns("za/b.tif")


bounds = st.none() | st.integers(-2, 4)


@given(st.lists(st.tuples(bounds, bounds), max_size=4))
def test_several_exclusions_take_out_what_each_of_them_does(pairs):
    many = [Exclusion(file="t", first_frame=a, last_frame=b) for a, b in pairs]
    each = [excluded_rows([e], "t", FRAME, NAME) for e in many]
    together = excluded_rows(many, "t", FRAME, NAME)
    assert together.tolist() == np.any([np.zeros(6, bool), *each], axis=0).tolist()
