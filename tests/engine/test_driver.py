"""The loop of every workflow: what a failing, a faulty, a done and an interrupted unit cost."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fatescope.acquire import ImageFile
from fatescope.acquire.lineages import LineageFile
from fatescope.base import Execution, FileFormatError, Finding, InputError, Table
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.engine.pairs import FilePair
from fatescope.prepare import Sample
from fatescope.systems.nuclei.reproduce.folds import Fold

ALONE = Execution(workers=1)
ERRORS = {
    "cut": FileFormatError("cut.txt: is cut off. Copy it again."),
    "gone": FileNotFoundError("gone.txt is\nnot there"),
    "large": MemoryError("no room for large.txt"),
    "bug": KeyError("channel"),
    "stop": KeyboardInterrupt(),
}


@dataclass(frozen=True)
class Note:
    """A unit: a text file."""

    path: Path

    @property
    def key(self):
        return self.path.stem

    @property
    def paths(self):
        return (self.path,)

    def absolute(self):
        return replace(self, path=self.path.absolute())

    def __str__(self):
        return f"note {self.key}"


def count(note, *, out):
    """Write a note in capitals and count its letters, or fail as its text says."""
    text = note.path.read_text()
    if text in ERRORS:
        raise ERRORS[text]
    (out / f"{note.key}.out").write_text(text.upper())
    return Outcome(
        input=describe_files(note.paths),
        tables={"letters": Table({"note": np.array([note.key]), "n": np.array([len(text)])})},
        findings=[Finding(file=str(note), rule="loss", severity="info", reason="Small letters.")],
        files=[f"{note.key}.out"],
    )


@pytest.fixture
def notes(tmp_path):
    """Write notes of these texts, named a, b, c."""

    def write(*texts):
        made = [Note(tmp_path / f"{name}.txt") for name in "abcdef"[: len(texts)]]
        for note, text in zip(made, texts, strict=True):
            note.path.write_text(text)
        return made

    return write


def worked(units, out, *, execution=ALONE, progress=None):
    """Work through units as a workflow does; return what was to do, and the summary."""
    with Run.open(out, command="count", settings={}) as run:
        todo = pending(run, units)
        job = partial(count, out=run.out)
        work_through(run, todo, job, execution=execution, progress=progress)
        return [u.key for u in todo], run.finish()


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_unit_that_fails_costs_one_finding_and_nothing_else(notes, tmp_path, workers):
    out, told = tmp_path / "out", []
    _, summary = worked(
        notes("one", "cut", "three"),
        out,
        execution=Execution(workers=workers),
        progress=lambda *p: told.append(p[2]),
    )
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (2, 1, 1)
    assert [(r["note"], r["n"]) for r in rows_of(out / "letters.csv")] == [("a", "3"), ("c", "5")]
    found = rows_of(out / "findings.csv")
    assert [(f["file"], f["rule"]) for f in found] == [
        ("note a", "loss"),
        ("note b", "unreadable"),
        ("note c", "loss"),
    ]
    assert found[1]["severity"] == "error"
    assert found[1]["reason"] == "cut.txt: is cut off. Copy it again."
    assert set(told) - {""} == {"note a", "note b", "note c"}


@pytest.mark.slow
def test_the_peak_memory_holds_that_of_each_worker(notes, tmp_path):
    units = notes("one", "two", "three")
    _, both = worked(units, tmp_path / "both", execution=Execution(workers=2))
    _, alone = worked(units, tmp_path / "alone")
    python_mb = 20
    assert both.peak_memory_mb > alone.peak_memory_mb + 2 * python_mb


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gone", "gone.txt is not there"),
        ("large", "no room for large.txt"),
        ("bug", "this is a bug of fatescope (KeyError: 'channel'). Report it."),
    ],
)
def test_what_is_our_fault_says_so_and_what_is_not_does_not(notes, tmp_path, text, reason):
    worked(notes(text, "two"), tmp_path / "out")
    assert rows_of(tmp_path / "out" / "findings.csv")[0]["reason"] == reason


def test_what_is_done_is_not_done_again_and_what_failed_or_changed_is(notes, tmp_path):
    units, out = notes("one", "cut", "three", "four"), tmp_path / "out"
    assert worked(units[:3], out)[0] == ["a", "b", "c"]
    units[1].path.write_text("mended")
    units[2].path.write_text("longer")
    todo, summary = worked(units, out)
    assert todo == ["b", "c", "d"]
    assert (summary.units_done, summary.units_failed) == (4, 0)
    assert [r["n"] for r in rows_of(out / "letters.csv")] == ["3", "6", "6", "4"]
    assert worked(units, out)[0] == []


def test_an_interrupt_keeps_what_is_done_and_the_rest_gives_the_same_tables(notes, tmp_path):
    units, out = notes("one", "stop", "three"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        worked(units, out)
    made = (out / "a.out").stat().st_mtime_ns
    units[1].path.write_text("two")
    told = []
    assert worked(units, out, progress=lambda *p: told.append(p[:2]))[0] == ["b", "c"]
    assert told == [(2, 3), (3, 3)]  # it goes on from where it was
    assert (out / "a.out").stat().st_mtime_ns == made
    worked(units, tmp_path / "whole")
    for name in ("letters.csv", "letters.parquet", "findings.csv"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_two_units_of_one_key_are_refused(notes, tmp_path):
    (unit,) = notes("one")
    with pytest.raises(InputError, match="the same key"):
        worked([unit, unit], tmp_path / "out")


PICTURE = ImageFile(key="a", paths=(Path("in/a.tif"),))
SAMPLE = Sample(image=Path("in/a.tif"), labels=Path("in/b.tif"), unit="e1")
UNITS = [
    (PICTURE, "in/a.tif", 1),
    (LineageFile(key="sub/a", path=Path("in/a.tif")), "sub/a", 1),
    (FilePair(PICTURE, ImageFile(key="b", paths=(Path("in/b.tif"),))), "in/a.tif", 2),
    (Fold(left_out=(SAMPLE,), training=(replace(SAMPLE, unit="e2"),)), "e1", 4),
    (SAMPLE, "in/a.tif", 2),
]


@pytest.mark.parametrize(
    ("unit", "text", "n_files"), UNITS, ids=[type(u).__name__ for u, *_ in UNITS]
)
def test_every_kind_of_unit_has_a_text_for_people_and_can_be_done_from_another_folder(
    unit, text, n_files, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in ("a.tif", "b.tif"):
        (tmp_path / "in" / name).write_bytes(b"")
    assert str(unit) == text
    assert len(unit.paths) == n_files
    moved = unit.absolute()
    assert (type(moved), moved.key) == (type(unit), unit.key)
    assert list(moved.paths) == [tmp_path / p for p in unit.paths]
