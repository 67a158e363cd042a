"""Runs of equal labels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fatescope.numeric import find_runs

labels = arrays(
    np.int32, array_shapes(min_dims=1, max_dims=3, max_side=6), elements=st.integers(0, 2)
)


@given(labels)
def test_runs_written_out_again_are_the_array_and_stay_in_their_rows(array):
    runs = find_runs([array])
    assert np.repeat(runs.values[0], runs.length).tolist() == array.reshape(-1).tolist()
    assert (runs.corner[-1] + runs.length <= array.shape[-1]).all()
    assert [array[tuple(c)] for c in runs.corner.T] == runs.values[0].tolist()


@given(labels)
def test_no_two_neighbouring_runs_of_a_flat_array_are_equal(array):
    runs = find_runs([array.reshape(-1)])
    assert (np.diff(runs.values[0]) != 0).all()


def test_a_run_ends_where_any_of_several_arrays_changes():
    runs = find_runs([np.array([1, 1, 1, 2]), np.array([5, 6, 6, 6])])
    assert runs.length.tolist() == [1, 2, 1]
    assert runs.values[1].tolist() == [5, 6, 6]


def test_an_empty_array_has_no_runs():
    runs = find_runs([np.zeros((3, 0), int)])
    assert len(runs.start) == 0
    assert runs.corner.shape == (2, 0)
