"""The registry: what ships is complete, and another one is checked before anything is fetched."""

import csv
import gzip
import hashlib

import pytest

from fatescope.acquire.data_sets import check_address, known_data
from fatescope.base import FileFormatError

GOOD = """
[a]
what = "two files"
licence = "CC0"
home = "https://example.com"
base = "https://example.com/raw/"
files = [["x/a.csv", "{sha}", 3]]
"""


def test_every_data_set_says_what_it_is_its_licence_and_its_page():
    known = known_data()
    assert len(known) > 10
    for name, d in known.items():
        assert name == d.name
        assert d.what
        assert d.licence
        check_address(d.home)
        for f in d.files:
            check_address(f.url)
            assert f.bytes > 0
    assert len(known["epic-tables"].files) == 58


def test_the_hashes_of_the_tables_are_those_of_the_files(data_dir):
    known = {f.path: f for f in known_data()["epic-tables"].files}
    with (data_dir / "epic_tables" / "index.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(known)
    for row in rows[:5]:
        content = gzip.decompress((data_dir / "epic_tables" / row["file"]).read_bytes())
        file = known[row["file"].removesuffix(".gz")]
        assert (file.sha256, file.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
        assert file.url.endswith(f"{row['source_commit']}/{row['source_path']}")


def test_another_registry_is_read(tmp_path):
    (tmp_path / "r.toml").write_text(GOOD.format(sha="a" * 64))
    found = known_data(tmp_path / "r.toml")["a"]
    assert found.files[0].url == "https://example.com/raw/x/a.csv"
    assert (found.bytes, found.cite) == (3, "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("x/a.csv", "../a.csv"), "not a path inside"),
        (("{sha}", "abc"), "not a path inside"),
        (("3]", "-3]"), "not a path inside"),
        (('"CC0"', "7"), "lacks one of what, licence, home"),
        (("[a]", "[a"), "cannot be read as a registry"),
    ],
)
def test_a_registry_with_a_fault_is_refused(tmp_path, change, said):
    (tmp_path / "r.toml").write_text(GOOD.replace(*change).replace("{sha}", "a" * 64))
    with pytest.raises(FileFormatError, match=said):
        known_data(tmp_path / "r.toml")
    with pytest.raises(FileFormatError, match="cannot be read"):
        known_data(tmp_path / "nowhere.toml")
