"""Lists of paths with commas between, whose names may hold commas."""

from pathlib import Path

import pytest

from fatescope.acquire import listed_paths


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", []),
        ("a.csv", ["a.csv"]),
        ("a.csv, b.csv", ["a.csv", "b.csv"]),
        ("wt, 20 C.csv", ["wt, 20 C.csv"]),
        ("a.csv,wt, 20 C.csv,b.csv", ["a.csv", "wt, 20 C.csv", "b.csv"]),
        ("'wt, 20 C.csv',a.csv", ["wt, 20 C.csv", "a.csv"]),
        ("wt", ["wt"]),
        ("lost.csv,,a.csv,", ["lost.csv", "a.csv"]),
    ],
)
def test_a_name_may_hold_commas_where_it_is_there(tmp_path, monkeypatch, text, paths):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv", "wt, 20 C.csv"):
        (tmp_path / name).touch()
    assert listed_paths(text) == [Path(p) for p in paths]
