"""Connections to DuckDB: one database for the process, and nothing shared in it."""

import signal
import threading

import duckdb
import numpy as np
import pytest

from fatescope.base import Table
from fatescope.storage import connection, copy_table, interrupts


def test_a_connection_does_not_see_what_another_registered():
    with connection() as one, connection() as other:
        one.register("rows", {"a": np.arange(3)})
        other.register("rows", {"b": np.arange(5)})
        assert one.execute("select sum(a) from rows").fetchone() == (3,)
        assert other.execute("select sum(b) from rows").fetchone() == (10,)


def test_a_closed_connection_leaves_the_others_open(tmp_path):
    with connection() as lasting:
        with connection() as brief:
            brief.execute("select 1")
        copy_table(Table({"a": np.arange(3)}), tmp_path / "a.csv", kind="csv", db=lasting)
    assert (tmp_path / "a.csv").read_text().split() == ["a", "0", "1", "2"]


@pytest.mark.parametrize("setting", ["autoinstall_known_extensions", "threads"])
def test_every_connection_is_offline_and_has_one_thread(setting):
    with connection() as db:
        (value,) = db.execute(f"select current_setting('{setting}')").fetchone()
        assert value in (False, 1)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Query interrupted"),
        SystemError("KeyboardInterrupt"),
        duckdb.InterruptException("INTERRUPT: Interrupted!"),
    ],
)
def test_what_duckdb_makes_of_ctrl_c_is_an_interrupt_again(error):
    with pytest.raises(KeyboardInterrupt), interrupts():
        raise error


def test_ctrl_c_while_a_table_is_asked_is_an_interrupt():
    asked = "select count(*) from range(1000000) a, range(1000000) b where a.range < b.range"
    later = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    later.start()
    with pytest.raises(KeyboardInterrupt), connection() as db:
        db.execute(asked)
    later.join()


def test_other_errors_stay_what_they_are():
    with pytest.raises(duckdb.CatalogException), connection() as db:
        db.execute("select * from nothing")
    with pytest.raises(RuntimeError, match="broken"), interrupts():
        raise RuntimeError("broken")
