"""A damaged table or lineage of any format is read around or refused in a sentence.

FATESCOPE_MUTATIONS and FATESCOPE_SEED are those of `test_damaged_images`.
"""

import logging
import warnings

import numpy as np
import pytest
from tests.acquire.damage import damaged_copies
from tests.acquire.lineage_cases import TWO_DIVISIONS
from tests.acquire.test_damaged_images import BUDGET, SEED

from fatescope.acquire import read_table, write_table
from fatescope.acquire.lineages import FORMATS, read_lineage_checked, write_lineage
from fatescope.base import FatescopeError, FileFormatError, Table

SUFFIX = {
    "epic": "CD.csv",
    "csv": "table.csv",
    "acetree": "nuclei.zip",
    "newick": "tree.nwk",
    "ctc": "tracks",
    "geff": "tracks.geff",
    "trackmate": "tracks.xml",
}


def names_and_numbers():
    n = 40
    return Table(
        {
            "image": np.array([f'"a", {i}' if i % 5 else None for i in range(n)], dtype=object),
            "frame": np.arange(n),
            "x_um": np.linspace(-1, 1, n) ** 3,
            "used": np.arange(n) % 2 == 0,
        }
    )


def refused(read, path):
    """Read a file; return the sentence of a refusal, or nothing. Nothing else may happen."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read(path)
        except FatescopeError as error:
            return str(error)
    return ""


def read_checked(path):
    lineage = read_lineage_checked(path).lineage
    assert len(lineage) > 0
    assert (lineage.parent < len(lineage)).all()


def check_damaged(read, whole, target, caplog):
    with caplog.at_level(logging.WARNING):
        for number in damaged_copies(whole, target, seed=SEED, first=0, n=BUDGET):
            sentence = refused(read, target)
            assert len(sentence.splitlines()) < 2, number
            assert sentence.endswith((".", ")")) or not sentence, number
    assert [r.getMessage() for r in caplog.records if not r.name.startswith("fatescope")] == []


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_damaged_table_is_read_or_refused_in_a_sentence(suffix, tmp_path, caplog):
    whole = tmp_path / "whole" / f"a.{suffix}"
    whole.parent.mkdir()
    write_table(names_and_numbers(), whole)
    check_damaged(read_table, whole, tmp_path / whole.name, caplog)


@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_lineage_is_read_around_or_refused_in_a_sentence(format, tmp_path, caplog):
    whole = tmp_path / "whole" / SUFFIX[format]
    whole.parent.mkdir()
    write_lineage(TWO_DIVISIONS, whole, format=format)
    check_damaged(read_checked, whole, tmp_path / whole.name, caplog)


def test_an_encoding_that_does_not_exist_is_refused(tmp_path):
    path = tmp_path / "tracks.xml"
    write_lineage(TWO_DIVISIONS, path, format="trackmate")
    content = path.read_bytes()
    assert b"UTF-8" in content
    path.write_bytes(content.replace(b"UTF-8", b"UTF-87", 1))
    with pytest.raises(FileFormatError, match=r"tracks\.xml: is not well-formed .*UTF-87"):
        read_lineage_checked(path)


@pytest.mark.parametrize("order", "<>")
def test_characters_that_do_not_exist_are_refused(tmp_path, order):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "tracks.geff"
    write_lineage(TWO_DIVISIONS, path, format="geff")
    group = zarr.open_group(path / "nodes" / "props" / "name", mode="r+")
    before = group["values"]
    wide = np.array(before[:], f"{order}U8")
    wide.view(f"{order}u4")[3] = 0x110000
    group.create_array("values", data=wide, overwrite=True)
    with pytest.raises(FileFormatError, match=r"tracks\.geff: .*'name' holds characters that do"):
        read_lineage_checked(path)


def test_what_zarr_warns_of_is_not_told_twice(tmp_path):
    path = tmp_path / "tracks.geff"
    write_lineage(TWO_DIVISIONS, path, format="geff")
    (path / "nodes" / "props" / "name" / "values" / ".zarray").unlink()
    with (
        warnings.catch_warnings(record=True, action="always") as told,
        pytest.raises(FileFormatError, match=r"tracks\.geff: is not a valid GEFF group"),
    ):
        read_lineage_checked(path)
    assert [str(w.message) for w in told] == []
