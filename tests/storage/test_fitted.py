"""Fitted numbers are data: each has a recipe, and a file that was changed is refused."""

import shutil
from pathlib import Path

import pytest

from fatescope.base.errors import FileFormatError
from fatescope.storage import HASH_FILE, hash_path, read_fitted

SOURCE = Path(__file__).resolve().parents[2] / "src" / "fatescope"
SHIPPED = sorted(p for p in SOURCE.rglob("shipped/*.toml") if (p.parent / HASH_FILE).exists())


def test_every_section_says_how_its_numbers_were_made():
    assert SHIPPED
    for path in SHIPPED:
        for name, section in read_fitted(path.relative_to(SOURCE).as_posix()).items():
            assert len(str(section["recipe"]).split()) > 5, f"{path.name}: [{name}]"


def test_the_hashes_beside_the_atlas_are_those_of_its_files():
    folder = SOURCE / "lineage" / "shipped"
    lines = dict(
        reversed(line.split("  ")) for line in (folder / HASH_FILE).read_text().splitlines()
    )
    files = [p for p in folder.iterdir() if p.name != HASH_FILE]
    assert lines == {p.name: hash_path(p) for p in files}


def test_changed_numbers_are_refused(tmp_path, monkeypatch):
    shutil.copytree(SOURCE / "lineage" / "shipped", tmp_path / "shipped")
    changed = tmp_path / "shipped" / "celegans-names-1.toml"
    changed.write_text(changed.read_text().replace("0.316", "0.317"))
    monkeypatch.setattr("fatescope.storage.fitted.files", lambda _package: tmp_path)
    with pytest.raises(FileFormatError, match="not the file that was shipped"):
        read_fitted("shipped/celegans-names-1.toml")
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_fitted("shipped/none.toml")
