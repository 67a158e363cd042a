import json
import sqlite3
import tracemalloc

import numpy as np
import pytest

from fatescope.acquire import read_table
from fatescope.base import Finding, InputError, Table
from fatescope.engine import Run

WELLS = {"B02": 3, "B03": 2}  # fields of each well


def opened(out):
    return Run.open(out, command="plate", settings={})


def one_row(key):
    return Table({"unit": np.array([key], object)})


def work(out, *, dies_before=None):
    """Find the fields of each well, then do them; the names of what was done, in order."""
    done = []

    def do(stage, key, **what):
        if key == dies_before:
            raise KeyboardInterrupt
        stage.record(key, **what)
        done.append(key)

    with opened(out) as run:
        for well in run.pending(WELLS):
            do(run, well, tables={"wells": one_row(well)})
        fields = run.stage("fields")
        for field in fields.pending([f"{w}/{i}" for w in WELLS for i in range(WELLS[w])]):
            do(fields, field, tables={"fields": one_row(field)})
        run.finish()
    return done


def test_units_of_a_later_stage_are_asked_for_after_the_earlier_one(tmp_path):
    assert work(tmp_path / "out") == ["B02", "B03", "B02/0", "B02/1", "B02/2", "B03/0", "B03/1"]
    assert read_table(tmp_path / "out" / "fields.parquet")["unit"].tolist()[-1] == "B03/1"
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [said["image"] for said in record["inputs"]][:3] == ["B02", "B03", "B02/0"]
    assert record["units_done"] == 7


def test_a_killed_plate_continues_inside_a_well(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path / "out", dies_before="B02/1")
    assert work(tmp_path / "out") == ["B02/1", "B02/2", "B03/0", "B03/1"]
    work(tmp_path / "whole")
    for name in ("wells.csv", "fields.csv", "findings.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_stage_whose_order_changes_leaves_the_others_where_they_were(tmp_path):
    work(tmp_path / "out")
    with opened(tmp_path / "out") as run:
        assert run.stage("fields").pending(["B03/1", "B03/0"]) == []
        run.finish()
    fields = read_table(tmp_path / "out" / "fields.parquet")["unit"].tolist()
    assert fields == ["B03/1", "B03/0", "B02/0", "B02/1", "B02/2"]
    assert read_table(tmp_path / "out" / "wells.parquet")["unit"].tolist() == ["B02", "B03"]


def test_a_unit_that_two_stages_claim_is_refused(tmp_path):
    work(tmp_path / "out")
    with opened(tmp_path / "out") as run, pytest.raises(InputError, match="two stages"):
        run.stage("fields").pending(["B02"])


@pytest.mark.slow
def test_results_are_composed_in_memory_that_does_not_grow_with_the_units(tmp_path, monkeypatch):
    monkeypatch.setattr("fatescope.engine.compose._AT_ONCE", 200)
    finding = Finding(file="a", rule="empty", severity="info", reason="It is black.").as_row()
    peaks = []
    for n in (1_000, 10_000):
        with opened(tmp_path / str(n)) as run:
            run.pending(str(i) for i in range(n))
            with sqlite3.connect(tmp_path / str(n) / "ledger.sqlite") as db:
                db.execute("UPDATE units SET state = 'done', findings = ?", [json.dumps([finding])])
            run.finish()  # what is imported or cached once is there now
            tracemalloc.start()
            assert run.finish().findings == n
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
