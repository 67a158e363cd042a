import json
import multiprocessing
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from tests.acquire.image_files import ome_tiff, ramp

from fatescope.acquire import read_image, read_table
from fatescope.base import Finding, RunError, Table
from fatescope.engine import Run, Summary, input_record

SETTINGS = {"threshold": 0.5, "size": 22}


def opened(out, **changes):
    given = {"command": "count things", "settings": SETTINGS, "model": None, **changes}
    return Run.open(out, **given)


def rows(key, n=2):
    return Table({"image": np.array([key] * n, object), "label": np.arange(1, n + 1)})


def finding(key):
    return Finding(file=key, rule="empty", severity="warning", reason="It is black.")


def work(out, keys, **options):
    """Do every pending unit: a file, two rows, a finding for units that begin with e."""
    with opened(out, **options) as run:
        done = run.pending(keys)
        for key in done:
            path = out / "labels" / f"{key}.tif"
            path.parent.mkdir(exist_ok=True)
            path.write_text(key)
            found = [finding(key)] if key.startswith("e") else []
            run.record(key, table=rows(key), findings=found, files=[path], seconds={"read": 0.5})
        return done, run.finish()


def contents(out):
    skipped = ("run.json", "ledger.sqlite", ".lock")
    return {
        p.relative_to(out).as_posix(): p.read_bytes()
        for p in out.rglob("*")
        if p.is_file() and p.name not in skipped
    }


def test_a_run_leaves_tables_findings_and_a_record(tmp_path):
    out = tmp_path / "out"
    done, summary = work(out, ["a", "e", "b"])
    assert done == ["a", "e", "b"]
    assert (summary.units_done, summary.units_failed, summary.findings) == (3, 0, 1)
    assert summary.as_lines()[1:] == [f"warnings: 1 empty (reasons in {out / 'findings.csv'})"]
    assert read_table(out / "objects.parquet")["image"].tolist() == list("aaeebb")
    assert (out / "objects.csv").read_text().splitlines()[:2] == ["image,label", "a,1"]
    findings = read_table(out / "findings.csv")
    assert list(findings) == (
        ["file", "frame", "object", "rule", "value", "limit", "severity", "status", "reason"]
    )
    assert findings["file"].tolist() == ["e"]
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert record["command"] == "count things"
    assert record["settings"] == SETTINGS
    assert record["seconds"] == {"read": 1.5}
    assert record["packages"]["numpy"] == np.__version__
    assert record["processor"]["flags"] is not None
    assert record["peak_memory_mb"] > 10
    assert sorted(p.name for p in out.iterdir() if p.is_file()) == (
        ["findings.csv", "ledger.sqlite", "objects.csv", "objects.parquet", "run.json"]
    )


def test_the_summary_has_the_keys_of_the_contract(tmp_path):
    _, summary = work(tmp_path / "out", ["a"])
    assert list(summary.as_json())[:7] == (
        ["command", "out", "units_done", "units_failed", "findings", "seconds", "peak_memory_mb"]
    )
    json.dumps(summary.as_json())


def test_the_summary_groups_findings_by_rule_for_people_and_for_scripts(tmp_path):
    keys = [f"{i}.tif" for i in range(40)]
    out = tmp_path / "out"
    with Run.open(out, command="count", settings={}) as run:
        for key in run.pending(keys):
            said = [
                Finding(file=key, rule="unlike-training", severity="warning", reason="Odd."),
                Finding(file=key, rule="no-scale", severity="info", reason="No step."),
            ]
            table = Table({"image": np.array([key, key], dtype=object)})
            run.record(key, table=table, findings=said)
        (out / "report.html").write_text("x")
        summary = run.finish()
    said = summary.as_json()
    assert said["findings_by_rule"] == {
        "unlike-training": {"warning": 40},
        "no-scale": {"info": 40},
    }
    assert (said["objects"], said["report"], said["findings"]) == (80, str(out / "report.html"), 80)
    first, *others = summary.as_lines()
    assert first == "caution: unlike-training in 40 of 40. Odd."
    assert "40 done, 80 objects, 80 findings" in others[0]
    assert len(others) == 2


@pytest.mark.parametrize(("done", "failed", "code"), [(3, 0, 0), (2, 1, 1), (0, 2, 2)])
def test_the_exit_code_says_how_much_was_done(done, failed, code):
    summary = Summary(
        command="x",
        out=Path("o"),
        units_done=done,
        units_failed=failed,
        findings=0,
        seconds=1,
        peak_memory_mb=1,
    )
    assert summary.exit_code == code


def test_the_same_command_again_does_nothing_and_changes_nothing(tmp_path):
    out = tmp_path / "out"
    work(out, ["a", "b"])
    before = contents(out)
    assert work(out, ["a", "b"])[0] == []
    assert contents(out) == before


def test_of_many_units_that_are_done_again_a_few_are_named(tmp_path, caplog):
    out, keys = tmp_path / "out", [f"u{i}" for i in range(40)]
    work(out, keys)
    for path in (out / "labels").iterdir():
        path.unlink()
    assert len(work(out, keys)[0]) == 40
    said = [r.getMessage() for r in caplog.records if "done again" in r.getMessage()]
    assert len(said) == 4
    assert said[0].startswith("u0 is done again: its result ")
    assert said[-1] == "37 more are done again, for such reasons"


def test_results_stand_in_input_order_whatever_the_order_of_work(tmp_path):
    keys = [f"u{i}" for i in range(8)]
    work(tmp_path / "straight", keys)
    out = tmp_path / "crooked"
    for part in (["u5"], ["u7", "u1"], keys):
        work(out, part)
    assert contents(out) == contents(tmp_path / "straight")


def test_more_inputs_later_continue_and_earlier_ones_stay(tmp_path):
    out = tmp_path / "out"
    work(out, ["a", "b"])
    assert work(out, ["c"])[0] == ["c"]
    assert read_table(out / "objects.csv")["image"].tolist() == list("ccaabb")
    assert work(out, ["a", "b", "c"])[0] == []
    assert read_table(out / "objects.csv")["image"].tolist() == list("aabbcc")


DIFFERENT = {
    "a setting": ({"settings": {**SETTINGS, "size": 30}}, r"other settings: size = 22 \(now 30\)"),
    "one more": ({"settings": {**SETTINGS, "new": 1}}, r"other settings: new = None \(now 1\)"),
    "the model": ({"model": {"name": "b", "sha256": "2"}}, r"another model: None \(now b\)"),
    "the command": ({"command": "measure"}, r"the command 'count things' \(now 'measure'\)"),
}


@pytest.mark.parametrize("case", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_something_else_into_the_same_folder_is_refused(tmp_path, case):
    changes, message = case
    out = tmp_path / "out"
    work(out, ["a"])
    before = contents(out)
    with pytest.raises(RunError, match=message + ".*--fresh"):
        opened(out, **changes)
    assert contents(out) == before
    assert work(out, ["a"], fresh=True, **changes)[0] == ["a"]


def all_failed(out, **changes):
    """Begin a folder in which no unit could be done."""
    with opened(out, **changes) as run:
        for key in run.pending(["a", "b"]):
            run.fail(key, finding(key))
        return run.finish()


@pytest.mark.parametrize("case", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_folder_in_which_nothing_was_done_takes_new_settings(tmp_path, case):
    out = tmp_path / "out"
    assert all_failed(out).exit_code == 2
    changes, _ = case
    done, summary = work(out, ["a"], **changes)
    assert (done, summary.units_done, summary.units_failed) == (["a"], 1, 0)
    with pytest.raises(RunError, match="was begun with"):
        opened(out)


def test_a_file_that_is_not_listed_is_work_and_keeps_its_settings(tmp_path):
    out = tmp_path / "out"
    all_failed(out)
    (out / "checkpoints").mkdir()
    (out / "checkpoints" / "last.ckpt").write_text("weights")
    with pytest.raises(RunError, match="was begun with"):
        opened(out, settings={**SETTINGS, "size": 30})


def test_another_version_is_refused(tmp_path, monkeypatch):
    work(tmp_path / "out", ["a"])
    monkeypatch.setattr("fatescope.engine.opening.__version__", "99.0")
    with pytest.raises(RunError, match=r"begun with fatescope '.*' \(now '99.0'\)"):
        opened(tmp_path / "out")


def test_fresh_removes_what_the_ledger_lists_and_nothing_else(tmp_path):
    out = tmp_path / "out"
    work(out, ["a", "b"])
    (out / "labels" / "mine.txt").write_text("keep")
    (out / "notes.txt").write_text("keep")
    with opened(out, fresh=True) as run:
        assert run.pending(["a"]) == ["a"]
    left = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert left == {"labels/mine.txt", "notes.txt", "ledger.sqlite"}


def test_a_failed_unit_is_named_and_tried_again(tmp_path):
    out = tmp_path / "out"
    with opened(out) as run:
        run.pending(["a", "b"])
        run.record("a", table=rows("a"))
        run.fail("b", Finding(file="b", rule="unreadable", severity="error", reason="b: is empty."))
        summary = run.finish()
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (1, 1, 1)
    assert read_table(out / "findings.csv")["rule"].tolist() == ["unreadable"]
    done, summary = work(out, ["a", "b"])
    assert done == ["b"]
    assert summary.exit_code == 0
    assert len(read_table(out / "findings.csv")) == 0


def test_a_failed_unit_that_is_no_longer_asked_for_is_forgotten(tmp_path):
    out = tmp_path / "out"
    with opened(out) as run:
        run.pending(["a", "bad", "b"])
        run.record("a", table=rows("a"))
        run.fail("bad", finding("bad"))
        run.finish()
    done, summary = work(out, ["b"])
    assert done == ["b"]
    assert (summary.units_done, summary.units_failed, summary.findings) == (2, 0, 0)


@pytest.mark.parametrize("harm", ["missing", "changed", "longer"])
def test_a_unit_whose_result_was_harmed_is_done_again_and_said(tmp_path, harm, caplog):
    out = tmp_path / "out"
    work(out, ["a", "b"])
    before = contents(out)
    path = out / "labels" / "a.tif"
    if harm == "missing":
        path.unlink()
    else:
        path.write_text("x" if harm == "changed" else "longer")
        os.utime(path, ns=(1, 1))
    with opened(out) as run:
        assert run.pending(["a", "b"]) == ["a"]
        word = "is missing" if harm == "missing" else "has changed"
        assert run.redone == [("a", f"its result labels/a.tif {word}")]
    assert "labels/a.tif" in caplog.text
    work(out, ["a", "b"])
    assert contents(out) == before


def test_a_result_that_was_only_touched_is_not_done_again(tmp_path):
    out = tmp_path / "out"
    work(out, ["a"])
    os.utime(out / "labels" / "a.tif", ns=(5, 5))
    assert work(out, ["a"])[0] == []


def test_an_input_that_changed_is_done_again_and_said(tmp_path):
    path = ome_tiff(tmp_path / "a.tif", ramp(4, 5), "YX", PhysicalSizeX=0.2, PhysicalSizeY=0.2)
    out = tmp_path / "out"
    with opened(out) as run:
        run.pending(["a"])
        run.record("a", input=input_record(read_image(path), [path]), table=rows("a"))
        run.finish()
    (record,) = json.loads((out / "run.json").read_text())["inputs"]
    assert record["path"] == str(path)
    assert len(record["sha256"]) == 64
    assert (record["shape"], record["axes"]) == ([4, 5], "YX")
    assert record["spacing"]["X"] == {"value": 0.2, "unit": "µm", "source": "file"}
    with opened(out) as run:
        assert run.pending(["a"], paths={"a": [path]}) == []
        os.utime(path, ns=(1, 1))
        assert run.pending(["a"], paths={"a": [path]}) == []
        moved = path.rename(tmp_path / "b.tif")
        assert run.pending(["a"], paths={"a": [moved]}) == [], "moved, and the same content"
        ome_tiff(moved, ramp(4, 5) + 1, "YX", PhysicalSizeX=0.2, PhysicalSizeY=0.2)
        os.utime(moved, ns=(2, 2))
        assert run.pending(["a"], paths={"a": [moved]}) == ["a"]
        assert "input" in run.redone[0][1]


def test_further_tables_are_composed_too(tmp_path):
    with opened(tmp_path / "out") as run:
        for key in run.pending(["a", "b"]):
            run.record(key, table=rows(key), tables={"contacts": rows(key, 1)})
        run.finish()
    assert read_table(tmp_path / "out" / "contacts.csv")["image"].tolist() == ["a", "b"]
    assert read_table(tmp_path / "out" / "contacts.parquet")["label"].tolist() == [1, 1]


def test_units_with_and_without_spacing_stand_in_one_table(tmp_path):
    with opened(tmp_path / "out") as run:
        run.pending(["a", "b", "c"])
        run.record("a", table=rows("a"))
        run.record("b", table=rows("b").with_columns({"area_um2": np.array([1.5, 2.5])}))
        empty = rows("c", 0).with_columns({"area_um2": np.array([], float)})
        run.record("c", table=empty)
        run.finish()
    back = read_table(tmp_path / "out" / "objects.csv")
    np.testing.assert_array_equal(back["area_um2"], [np.nan, np.nan, 1.5, 2.5])


def test_findings_about_the_whole_come_last(tmp_path):
    with opened(tmp_path / "out") as run:
        for key in run.pending(["e1", "e2"]):
            run.record(key, table=rows(key), findings=[finding(key)])
        assert run.finish(findings=[finding("all")]).findings == 3
    assert read_table(tmp_path / "out" / "findings.csv")["file"].tolist() == ["e1", "e2", "all"]


def hold(out, ready, leave):
    with opened(out):
        ready.set()
        leave.wait(20)


def test_two_processes_cannot_use_one_folder(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path / "out", ready, leave))
    other.start()
    assert ready.wait(20)
    try:
        with pytest.raises(RunError, match=r"out: another fatescope is working here"):
            opened(tmp_path / "out")
    finally:
        leave.set()
        other.join()
    opened(tmp_path / "out").close()


def test_a_lock_of_a_killed_process_is_free(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path / "out", ready, leave))
    other.start()
    assert ready.wait(20)
    other.kill()
    other.join()
    opened(tmp_path / "out").close()


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    out = tmp_path / "out"
    work(out, ["a"])
    leftover = out / "labels" / ".0123456789abcdef.fatescope-part"
    leftover.write_bytes(b"half")
    work(out, ["a"])
    assert not leftover.exists()


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    for fresh in (False, True):
        with pytest.raises(RunError, match=r"did not write \(holiday\.jpg\).*new or empty folder"):
            opened(tmp_path, fresh=fresh)
    assert (tmp_path / "holiday.jpg").exists()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(RunError, match=r"out: is a file\. Give a folder"):
        opened(tmp_path / "out")
    with pytest.raises(RunError, match=r"a part of its path is a file"):
        opened(tmp_path / "out" / "deeper")


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()

    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(RunError, match=r"out: cannot be written: permission is denied"):
        opened(tmp_path / "out")


def test_a_damaged_ledger_is_named(tmp_path):
    (tmp_path / "ledger.sqlite").write_bytes(
        b"this is no database, although it is long enough" * 50
    )
    with pytest.raises(RunError, match=r"ledger\.sqlite: cannot be used as a ledger"):
        opened(tmp_path)


def test_an_empty_ledger_of_a_run_killed_at_its_birth_is_begun_anew(tmp_path):
    (tmp_path / "ledger.sqlite").write_bytes(b"")
    assert work(tmp_path, ["a"])[0] == ["a"]


def test_a_result_that_was_not_written_cannot_be_recorded(tmp_path):
    with opened(tmp_path / "out") as run:
        with pytest.raises(RunError, match=r"labels/a\.tif: was reported as written"):
            run.record("a", table=rows("a"), files=["labels/a.tif"])
        with pytest.raises(RunError, match=r"was reported as written into"):
            run.record("a", table=rows("a"), files=[Path(__file__)])
        assert run.pending(["a"]) == ["a"]


def test_the_ledger_is_plain_sqlite_that_others_can_read_during_a_run(tmp_path):
    with opened(tmp_path / "out") as run:
        run.pending(["a", "b"])
        run.record("a", table=rows("a"))
        with sqlite3.connect(tmp_path / "out" / "ledger.sqlite") as db:
            states = db.execute("SELECT key, state FROM units ORDER BY position").fetchall()
        db.close()
    assert states == [("a", "done"), ("b", "waiting")]


def test_a_full_disk_is_one_sentence_and_the_run_continues_later(tmp_path):
    out = tmp_path / "out"

    with opened(out) as run:
        run.pending(["a"])
        pages = run._ledger._db.execute("PRAGMA page_count").fetchone()[0]
        run._ledger._db.execute(f"PRAGMA max_page_count = {pages}")
        many = Table({"label": np.random.default_rng(0).integers(0, 2**60, 10_000)})
        with pytest.raises(RunError, match=r"no space is left on the disk\. Free some space"):
            run.record("a", table=many)
    assert work(out, ["a"])[0] == ["a"]


def test_hundreds_of_units_are_composed(tmp_path):
    keys = [f"well {i}" for i in range(100)]
    with opened(tmp_path / "out") as run:
        for key in run.pending(keys):
            run.record(key, table=rows(key, 3))
        run.finish()
    assert len(read_table(tmp_path / "out" / "objects.parquet")) == 300


def test_a_unit_done_again_leaves_its_new_rows_alone(tmp_path):
    out = tmp_path / "out"
    work(out, ["a", "b"])
    (out / "labels" / "a.tif").write_text("degraded")
    with opened(out) as run:
        assert run.pending(["a", "b"]) == ["a"]
        run.record("a", table=rows("a", 1))
        run.finish()
    assert read_table(out / "objects.parquet")["image"].tolist() == ["a", "b", "b"]


def test_a_unit_that_fails_when_done_again_has_no_rows(tmp_path):
    out = tmp_path / "out"
    work(out, ["a", "b"])
    (out / "labels" / "a.tif").write_text("degraded")
    with opened(out) as run:
        run.pending(["a", "b"])
        run.fail("a", finding("a"))
        run.finish()
    assert read_table(out / "objects.parquet")["image"].tolist() == ["b", "b"]


def test_a_table_larger_than_one_row_of_the_ledger_keeps_its_order(tmp_path):
    many = Table({"label": np.arange(250_001), "x": np.linspace(0, 1, 250_001)})
    with opened(tmp_path / "out") as run:
        run.pending(["a"])
        run.record("a", table=many)
        run.finish()
    found = read_table(tmp_path / "out" / "objects.parquet")
    np.testing.assert_array_equal(found["label"], many["label"])
    np.testing.assert_array_equal(found["x"], many["x"])


def test_columns_that_one_unit_lacks_are_missing_there(tmp_path):
    with opened(tmp_path / "out") as run:
        run.pending(["a", "b", "c"])
        run.record("a", table=Table({"label": np.array([1])}))
        run.record("b", table=Table({"label": np.array([1]), "area": np.array([0.5])}))
        run.record("c", table=Table({"label": np.array([2])}))
        run.finish()
    found = (tmp_path / "out" / "objects.csv").read_text().splitlines()
    assert found == ["label,area", "1,", "1,0.5", "2,"]


def test_a_folder_whose_ledger_has_another_layout_is_refused(tmp_path):
    out = tmp_path / "out"
    work(out, ["a"])
    with sqlite3.connect(out / "ledger.sqlite") as db:
        db.execute("DELETE FROM meta WHERE name = 'layout'")
    db.close()
    with pytest.raises(RunError, match=r"another layout.*--fresh"):
        work(out, ["a", "b"])
