import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fatescope.base.errors import FileFormatError, RunError
from fatescope.engine.journal import Journal

ABOUT = {"table": "CD1.csv", "sha256": "ab12"}


def test_entries_are_there_after_reopening(tmp_path):
    path = tmp_path / "deep" / "journal.jsonl"
    with Journal.open(path, about=ABOUT) as journal:
        journal.append("do", {"text": "split ABal@4"}, who="ann", why="überzählig\n2")
    with Journal.open(path, about=ABOUT) as journal:
        assert [e.body for e in journal.entries] == [{"text": "split ABal@4"}]
        assert journal.entries[0].who == "ann"
        assert journal.entries[0].why == "überzählig\n2"
        assert journal.entries[0].number == 1
        assert journal.append("undo", {}, who="bob", why="").number == 2
    assert [e.kind for e in Journal.read(path).entries] == ["do", "undo"]


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_torn_last_line_is_cut_off_and_nothing_else_is_lost(tmp_path, cut):
    path = tmp_path / "journal.jsonl"
    with Journal.open(path, about=ABOUT) as journal:
        journal.append("do", {"i": 1}, who="", why="")
        whole = path.stat().st_size
        journal.append("do", {"i": 2}, who="", why="")
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    with Journal.open(path, about=ABOUT) as journal:
        assert [e.body["i"] for e in journal.entries] == [1]
        assert journal.torn_bytes == len(data) - cut - whole
        journal.append("do", {"i": 3}, who="", why="")
    assert [e.body["i"] for e in Journal.read(path).entries] == [1, 3]


def test_a_changed_line_is_named(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal.open(path, about=ABOUT) as journal:
        for i in range(3):
            journal.append("do", {"i": i}, who="", why="")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines).replace('"i":1', '"i":7'))
    with pytest.raises(FileFormatError, match="line 3 of the journal was changed"):
        Journal.open(path, about=ABOUT)
    path.write_text("".join(lines[:1] + lines[2:]))
    with pytest.raises(FileFormatError, match=r"line 2 .* or a line before it is missing"):
        Journal.open(path, about=ABOUT)
    path.write_text("{" + "".join(lines))
    with pytest.raises(FileFormatError, match="line 1 of the journal cannot be read"):
        Journal.read(path)


def test_a_journal_of_another_table_and_a_second_writer_are_refused(tmp_path):
    path = tmp_path / "journal.jsonl"
    with (
        Journal.open(path, about=ABOUT),
        pytest.raises(RunError, match="another program has this journal open"),
    ):
        Journal.open(path, about=ABOUT)
    with pytest.raises(RunError, match=r"about table CD1.csv.*not about table CD2.csv"):
        Journal.open(path, about={"table": "CD2.csv"})


def test_a_journal_read_takes_no_entries_and_an_empty_file_is_none(tmp_path):
    path = tmp_path / "journal.jsonl"
    Journal.open(path, about=ABOUT).close()
    with pytest.raises(RunError, match="not open for writing"):
        Journal.read(path).append("do", {}, who="", why="")
    (tmp_path / "empty").touch()
    with pytest.raises(FileFormatError, match="empty"):
        Journal.read(tmp_path / "empty")
    with pytest.raises(FileFormatError, match="No such file"):
        Journal.read(tmp_path / "none")


_WRITER = """
import sys
from pathlib import Path
from fatescope.engine.journal import Journal
with Journal.open(Path(sys.argv[1]), about={}) as journal:
    for i in range(10**6):
        journal.append("do", {"i": i, "pad": "x" * 300}, who="w", why="")
        print(i, flush=True)
"""


def test_a_killed_writer_loses_no_entry_that_it_acknowledged(tmp_path):
    path = tmp_path / "journal.jsonl"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < 25:
        pass
    writer.send_signal(signal.SIGKILL)
    seen = [25, *map(int, writer.stdout.read().split())]
    writer.stdout.close()
    writer.wait()
    with Journal.open(path, about={}) as journal:
        kept = [e.body["i"] for e in journal.entries]
    assert kept == list(range(len(kept)))
    assert len(kept) > seen[-1]
