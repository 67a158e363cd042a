import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fatescope.base import InputError, Table, pack_table, unpack_table

KINDS = {"u": np.uint16, "i": np.int64, "f": np.float32, "d": np.float64, "b": np.bool_}
texts = st.text(st.characters(exclude_categories=["Cs"]))


def same(one, two):
    assert list(one) == list(two)
    for name in one:
        assert one[name].dtype == two[name].dtype
        np.testing.assert_array_equal(one[name], two[name])


@given(values=st.lists(st.floats(width=32), max_size=20), kind=st.sampled_from(sorted(KINDS)))
def test_numbers_come_back_to_the_bit(values, kind):
    with np.errstate(all="ignore"):
        column = np.array(np.nan_to_num(values, posinf=1, neginf=-1) if kind in "uib" else values)
        table = Table({"a": column.astype(KINDS[kind])})
    same(table, unpack_table(pack_table(table)))


@given(st.lists(st.none() | texts | st.integers() | st.booleans(), max_size=20))
def test_texts_and_what_is_missing_come_back(values):
    column = np.empty(len(values), object)
    column[:] = values
    table = Table({"a \u00b5m": column, "n": np.arange(len(values))})
    same(table, unpack_table(pack_table(table)))


def test_numbers_of_numpy_among_objects_become_plain_ones():
    table = Table({"a": np.array([np.int64(3), np.float64(0.5), None], object)})
    assert unpack_table(pack_table(table))["a"].tolist() == [3, 0.5, None]


def test_a_date_is_refused_by_name():
    column = np.array([datetime.datetime(2020, 1, 1)], "datetime64[s]")
    with pytest.raises(InputError, match="column 'day' has type datetime64"):
        pack_table(Table({"day": column}))
