"""Files that are replaced where a system, such as Windows, holds on to the old one."""

import errno
from pathlib import Path

import pytest

from fatescope.base import RunError
from fatescope.storage import write_beside


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
