"""Tables: columns of one length, handed over to whatever reads Arrow."""

import duckdb
import numpy as np
import pytest

from fatescope.base import InputError, Table


def test_whatever_reads_arrow_takes_a_table_as_it_is():
    columns = {
        "label": np.array([1, 2, 3], np.uint32),
        "cell": np.array(["ABa", None, "P1"], dtype=object),
        "area_um2": np.array([1.5, np.nan, 2.5]),
        "living": np.array([True, False, True]),
    }
    cells = Table(columns)  # noqa: F841  read by name below
    rows = duckdb.sql("SELECT * FROM cells ORDER BY label DESC")
    assert rows.fetchall() == [(3, "P1", 2.5, True), (2, None, None, False), (1, "ABa", 1.5, True)]


def test_a_table_is_handed_over_though_it_is_gone():
    class Held:
        def __init__(self, stream):
            self.__arrow_c_stream__ = lambda requested_schema=None: stream

    n = 200_000
    held = Held(Table({"x": np.arange(n)}).__arrow_c_stream__())  # noqa: F841  read by name
    assert duckdb.sql("SELECT sum(x), count(*) FROM held").fetchall() == [(n * (n - 1) // 2, n)]


def test_without_columns_there_is_nothing_to_hand_over():
    with pytest.raises(InputError, match="without columns"):
        Table().__arrow_c_stream__()
