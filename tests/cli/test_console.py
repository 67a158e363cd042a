"""The line of progress, as a terminal of a given width draws it."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import unicodedata

import pytest

from fatescope.cli.console import Console, progress_line

LONG = "/data/2024-03-11 embryo, strain AB/plate 7/well_C05_field_3_channel_DAPI.tif"


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.mark.parametrize("columns", [8, 20, 60, 80, 200])
@pytest.mark.parametrize("name", [LONG, "a.tif", "胚" * 60 + ".tif", "new\nline.tif"])
def test_a_line_of_progress_never_passes_the_edge(columns, name):
    line = progress_line("12/30 ", name, " (17 s, 3 min left)", columns)
    assert width(line) <= columns
    assert "\n" not in line
    if columns >= 60:
        assert line.startswith("12/30 ")
        assert line.endswith(".tif (17 s, 3 min left)")


def test_a_name_that_fits_stands_whole_and_of_a_long_one_the_end():
    assert progress_line("1/2 ", "a.tif", " (2 s)", 40) == "1/2 a.tif (2 s)"
    cut = progress_line("1/2 ", LONG, " (2 s)", 40)
    assert len(cut) == 40
    assert cut.startswith("1/2 …")
    assert "channel_DAPI.tif" in cut


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_shows_one_line_that_is_drawn_over(columns):
    """A pseudo-terminal of that width gets no line that it would have to wrap."""
    fcntl, pty, termios = map(pytest.importorskip, ("fcntl", "pty", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    code = (
        "from fatescope.cli.console import Console\n"
        "c = Console(_started=-1e6)\n"
        f"[c.progress(i, 9, {LONG!r}) for i in (1, 9)]\nc.close()\n"
    )
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    written = os.read(ours, 65536).decode()
    os.close(ours)
    lines = [part for part in written.replace("\x1b[K", "").split("\r") if part]
    assert lines
    assert "/9 " in lines[0]
    assert max(map(len, lines)) < columns


@pytest.mark.parametrize("flags", [{}, {"json": True}, {"quiet": True}])
def test_a_log_gets_one_line_of_progress_a_minute_unless_silence_was_asked_for(
    flags, monkeypatch, capsys
):
    clock = iter([0.0, 59.0, 61.0, 70.0, 119.0, 122.0, 130.0])
    monkeypatch.setattr("fatescope.cli.console.time.monotonic", lambda: next(clock))
    console = Console(_started=next(clock), **flags)
    for done in range(1, 7):
        console.progress(done, 6, "a.tif")
    said = capsys.readouterr()
    lines = ["2/6 a.tif (61 s, 2 min left)", "5/6 a.tif (2 min, 24 s left)"]
    assert said.err.splitlines() == ([] if flags.get("quiet") else lines)
    assert said.out == ""
