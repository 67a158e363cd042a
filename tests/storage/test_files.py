"""Files that are replaced where a system, such as Windows, holds on to the old one."""

import errno
import os
import time
from pathlib import Path

import pytest

from fatescope.base import RunError
from fatescope.storage import files as stored
from fatescope.storage import hash_once, hash_path, write_beside


def refuse(monkeypatch):
    """Let no file take the place of another, as where a spreadsheet has it open."""

    def replace(self, target):
        raise PermissionError(errno.EACCES, "Access is denied", str(self), 5, str(target))

    monkeypatch.setattr(Path, "replace", replace)


def test_a_file_that_is_open_elsewhere_stays_as_it_is_and_is_named(tmp_path, monkeypatch):
    path = tmp_path / "objects.csv"
    path.write_text("old")
    refuse(monkeypatch)
    said = pytest.raises(RunError, match=r"objects\.csv: .* another program has it open")
    with said, write_beside(path) as part:
        part.write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["objects.csv"]
    assert path.read_text() == "old"


def test_a_folder_that_may_not_be_written_is_not_called_a_file_that_is_open(tmp_path, monkeypatch):
    refuse(monkeypatch)
    said = pytest.raises(RunError, match=r"objects\.csv: cannot be written: permission is denied")
    with said, write_beside(tmp_path / "objects.csv") as part:
        part.write_text("new")
    assert list(tmp_path.iterdir()) == []


def test_what_was_refused_is_written_when_it_is_closed_there(tmp_path, monkeypatch):
    path = tmp_path / "objects.csv"
    path.write_text("old")
    with monkeypatch.context() as patch:
        refuse(patch)
        with pytest.raises(RunError), write_beside(path) as part:
            part.write_text("new")
    with write_beside(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"


def test_a_file_of_many_images_is_hashed_once_and_again_when_it_has_changed(tmp_path, monkeypatch):
    path, read = tmp_path / "a.lif", []
    path.write_bytes(b"one")
    monkeypatch.setattr(stored, "hash_path", lambda p: read.append(p) or hash_path(p))
    old = time.time_ns() - 10**11
    os.utime(path, ns=(old, old))
    first = hash_once(path)
    assert (hash_once(path), len(read)) == (first, 1)
    path.write_bytes(b"two")
    os.utime(path, ns=(old + 1000, old + 1000))
    assert (hash_once(path) != first, len(read)) == (True, 2)
    path.write_bytes(b"six")  # now: its time may be that of another change
    assert hash_once(path) == hash_once(path) == hash_path(path)
    assert len(read) == 4
