"""Edits of a lineage: on the disk before they are answered, undone when opened again, checked."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.lineage.embryo_cases import embryo

from fatescope.acquire.lineages import LineageReading, find_lineages, read_lineage, write_lineage
from fatescope.base import InputError, RunError
from fatescope.lineage.editing import editable, fingerprint
from fatescope.lineage.lint import LintSettings
from fatescope.systems.lineages.edit import edit_lineage
from fatescope.systems.lineages.review import LineageReview
from fatescope.systems.lineages.settings import EditSettings

SCALE = LineageReading(spacing_um=(1.0, 1.0, 1.0), interval_min=1.5)


def opened(folder):
    (file,) = find_lineages([folder / "embryo.csv"])
    return LineageReview.open(file, journal=folder / "book.jsonl", reading=SCALE)


@pytest.fixture
def folder(tmp_path):
    write_lineage(embryo(generations=3, life=12), tmp_path / "embryo.csv")
    return tmp_path


@pytest.fixture
def review(folder):
    with opened(folder) as review:
        yield review


def cell(review, name):
    return next(c for c in review.cells() if c["name"] == name)


def test_cells_stand_below_their_mothers_and_say_how_an_edit_calls_them(review):
    cells = review.cells()
    assert cells[0]["name"] == "P0"
    assert (cells[0]["depth"], cells[0]["mother"], cells[0]["daughters"]) == (0, -1, 2)
    for k, c in enumerate(cells):
        assert c["mother"] < k
        assert c["mother"] < 0 or cells[c["mother"]]["depth"] == c["depth"] - 1
        assert c["call"] == c["name"]
    spots = review.spots(cell(review, "AB")["row"])
    assert [s["frame"] for s in spots] == list(
        range(cell(review, "AB")["first"], cell(review, "AB")["last"] + 1)
    )


def test_a_cell_without_a_name_is_called_by_its_first_row_and_renamed_as_a_whole(folder):
    lineage = read_lineage(folder / "embryo.csv")
    nameless = np.full(len(lineage), "", dtype=object)
    write_lineage(replace(lineage, name=nameless), folder / "embryo.csv")
    with opened(folder) as review:
        first, second, *_ = review.cells()
        assert first["call"] == f"#{first['row']}-"
        review.commit([f"rename {first['call']} P0"], who="x")
        again = review.cells()[0]
        assert (again["name"], again["call"]) == ("P0", "P0")
        assert (again["first"], again["last"]) == (first["first"], first["last"])
        frame = second["first"] + 3
        row = next(s["row"] for s in review.spots(second["row"]) if s["frame"] == frame)
        review.commit([f"remove #{row}-"], who="x")
        shorter = next(c for c in review.cells() if c["first"] == second["first"])
        assert (shorter["last"], shorter["daughters"]) == (frame - 1, 2)  # linked across the gap
        assert len(review.lineage) == len(lineage) - (second["last"] - frame + 1)


def test_edits_outlive_the_program_and_are_those_of_the_command_line(folder):
    lines = ["swap ABa ABp", "remove P1@14", "rename AB@5- ABx"]
    with opened(folder) as review:
        for line in lines:
            review.commit([line], who="somebody", why="seen")
        now = fingerprint(review.lineage)
        review.commit(undo=1, who="somebody")
    with opened(folder) as review:
        assert review.state["undo"] == lines[1]
        assert review.state["redo"] == lines[2]
        review.commit(redo=1, who="somebody else")
        assert fingerprint(review.lineage) == now
        written = review.write(folder / "edited" / "table.csv")
        listed = review.listed()
    assert listed["who"].tolist() == ["somebody"] * 4 + ["somebody else"]
    assert listed["holds"].tolist() == [1, 1, 1, 0, 0]
    ours = edit_lineage(
        folder / "embryo.csv", out=folder / "out", edits=EditSettings(do=lines), reading=SCALE
    )
    assert written.read_bytes() == ours.table.read_bytes()
    # and the command goes on from the journal of the app
    book = folder / "book.jsonl"
    more = edit_lineage(
        folder / "embryo.csv", out=folder / "more", edits=EditSettings(undo=3), journal=book
    )
    assert more.done == 0


def test_what_cannot_be_done_leaves_no_trace(review):
    before, revision = fingerprint(review.lineage), review.revision
    for lines in (["explode AB"], ["rename AB ABx", "rename nobody X"], ["swap AB ABa"]):
        with pytest.raises(InputError):
            review.commit(lines, who="x")
    with pytest.raises(InputError, match="nothing to undo"):
        review.commit(undo=1, who="x")
    assert (fingerprint(review.lineage), review.revision) == (before, revision)


def test_an_edit_of_what_has_changed_in_the_meantime_is_refused(review):
    seen = review.revision
    review.commit(["remove #3"], who="one", seen=seen)
    with pytest.raises(InputError, match="in the meantime"):
        review.commit(["remove #3"], who="two", seen=seen)
    assert review.revision == 1


def test_a_check_after_an_edit_finds_what_it_did_and_nothing_after_undo(review):
    def found():
        _, findings = review.findings(LintSettings())
        return {(f.rule, f.object, f.frame) for f in findings}

    before = found()
    first = cell(review, "ABa")["first"]
    review.commit([f"remove ABa@{first + 4}"], who="x")
    assert any(rule == "hole" and "ABa" in (obj or "") for rule, obj, _ in found() - before)
    review.commit(undo=1, who="x")
    assert found() == before


def test_one_program_at_a_time_has_a_lineage_open(review, folder):
    with pytest.raises(RunError, match="another program"):
        opened(folder)


KILLED = """
import sys
from pathlib import Path
from tests.systems.lineages.test_review import opened
review = opened(Path(sys.argv[1]))
for n in range(10_000):
    review.commit([f"move #{n % 40} z={n} y=0 x=0"], who="x")
    print(n, flush=True)
"""


@pytest.mark.parametrize("n", [1, 9])
def test_a_killed_program_loses_no_edit_that_was_answered(folder, n):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", KILLED, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        answered = [int(process.stdout.readline()) for _ in range(n)]
        process.kill()
        answered += [int(line) for line in process.stdout.read().splitlines()]
    original = fingerprint(editable(read_lineage(folder / "embryo.csv")))
    with opened(folder) as review:
        assert review.revision - len(answered) in (0, 1)
        assert f" z={review.revision - 1} " in review.state["undo"]
        review.commit(undo=review.revision, who="x")
        assert fingerprint(review.lineage) == original
