"""What is wrong with a plate is said in one sentence, with the file and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.acquire import plate_cases as cases

from fatescope.acquire import read_plate
from fatescope.acquire.plates import PlateReading
from fatescope.base import FileFormatError, InputError

ANY = PlateReading()

_BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]>
<EvaluationInputData><Images><Image><URL>&c;</URL></Image></Images></EvaluationInputData>"""
_OUTSIDE = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>
<EvaluationInputData><Images><Image><URL>&x;</URL></Image></Images></EvaluationInputData>"""


def index_of(plate: Path) -> Path:
    return next(p for p in plate.rglob("*") if p.suffix in (".xml", ".mlf", ".HTD"))


@pytest.mark.parametrize("write", [cases.write_operetta, cases.write_yokogawa])
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: "", "is empty"),
        (lambda text: text[: len(text) // 2], "is cut or not well-formed XML"),
        (lambda text: "<a/>", "lists no image"),
        (lambda text: _BOMB, "defines entities"),
        (lambda text: _OUTSIDE, "defines entities"),
        (lambda text: "<a>" * 100 + "</a>" * 100, "more than 64 elements inside each other"),
        (lambda text: "\x00\x01 no xml", "not well-formed"),
    ],
)
def test_a_damaged_index_is_one_sentence(tmp_path, write, damage, reason):
    plate = write(tmp_path)
    index = index_of(plate)
    index.write_text(damage(index.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(FileFormatError, match=reason) as caught:
        read_plate(plate, ANY)
    assert str(caught.value).startswith(str(index))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b'"HTSInfoFile", Version 1.0\n"TimePoints", 3\n', b"\0"])
def test_a_damaged_htd_file_is_one_sentence(tmp_path, content):
    plate = cases.write_exported(tmp_path)
    index_of(plate).write_bytes(content)
    with pytest.raises(FileFormatError, match=r"P.HTD: is empty, cut, or no file of MetaXpress"):
        read_plate(plate, ANY)


def test_a_damaged_side_file_costs_a_finding(tmp_path):
    plate = cases.write_yokogawa(tmp_path)
    (plate / "MeasurementDetail.mrf").write_text("<a", encoding="utf-8")
    layout = read_plate(plate, ANY)
    assert "unreadable" in [f.rule for f in layout.findings]
    assert layout.n_images == 10


def test_an_unknown_folder_names_the_formats_and_the_pattern(tmp_path):
    cases.write_tiff(tmp_path / "cells.tif")
    with pytest.raises(FileFormatError, match=r"no plate that is recognised.*--pattern"):
        read_plate(tmp_path, ANY)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("{field}.tif", "does not say where the well stands"),
        ("{well}_{field}.tif", "no file fits"),
        ("plain.tif", "must hold placeholders"),
    ],
)
def test_a_pattern_that_cannot_work_is_explained(tmp_path, pattern, reason):
    cases.write_tiff(tmp_path / "cells.tif")
    with pytest.raises(InputError, match=reason):
        read_plate(tmp_path, PlateReading(pattern=pattern))


def test_a_file_or_nothing_is_no_plate(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(FileFormatError, match=r"is a file\. Give the folder"):
        read_plate(tmp_path / "a.png", ANY)
    (tmp_path / "a.czi").write_bytes(b"x")
    with pytest.raises(FileFormatError, match=r"a\.czi: is not an image that fatescope reads"):
        read_plate(tmp_path / "a.czi", ANY)
    with pytest.raises(FileFormatError, match="is not there"):
        read_plate(tmp_path / "b", ANY)


def test_several_plates_are_not_mixed(tmp_path):
    cases.write_exported(tmp_path / "one")
    cases.write_exported(tmp_path / "two")
    with pytest.raises(FileFormatError, match="holds 2 plates, such as one and two"):
        read_plate(tmp_path, ANY)


def test_an_ome_zarr_image_is_no_plate(tmp_path):
    plate = cases.write_ome_zarr(tmp_path / "p.zarr", version="0.4")
    with pytest.raises(FileFormatError, match="is an image and no plate"):
        read_plate(plate / "A" / "1" / "0", ANY)
    with pytest.raises(FileFormatError, match="is a well and no plate"):
        read_plate(plate / "A" / "1", ANY)


@pytest.mark.parametrize(("old", "new"), [("A/1", "../x"), ("A/1", "/etc"), ('"wells"', '"lost"')])
def test_odd_paths_in_the_metadata_of_a_plate_stay_inside_it(tmp_path, old, new):
    plate = cases.write_ome_zarr(tmp_path / "p.zarr", version="0.4")
    metadata = plate / ".zattrs"
    metadata.write_text(metadata.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    layout = read_plate(plate, ANY)
    assert layout.wells == ("A01", "B02")
    assert layout.findings


def test_a_well_that_is_no_row_and_column_is_one_sentence(tmp_path):
    plate = cases.write_ome_zarr(tmp_path / "p.zarr", version="0.4")
    metadata = plate / ".zattrs"
    metadata.write_text(metadata.read_text(encoding="utf-8").replace("A/1", "1/A"))
    with pytest.raises(FileFormatError, match="a well '1/A', which is no row and column"):
        read_plate(plate, ANY)


def test_a_field_with_damaged_metadata_is_missing_and_named(tmp_path):
    plate = cases.write_ome_zarr(tmp_path / "p.zarr", version="0.5")
    (plate / "A" / "1" / "0" / "zarr.json").write_text("{", encoding="utf-8")
    layout = read_plate(plate, ANY)
    assert (layout.n_images, layout.missing) == (3, 1)
    assert {f.rule for f in layout.findings} == {"unreadable", "missing-images"}


@pytest.mark.parametrize("length", [10**30, 0, -1, "x", None, {}])
def test_an_array_of_impossible_length_is_missing_and_named(tmp_path, length):
    plate = cases.write_ome_zarr(tmp_path / "p.zarr", version="0.4", fields=1)
    metadata = plate / "A" / "1" / "0" / "0" / ".zarray"
    content = json.loads(metadata.read_text(encoding="utf-8"))
    content["shape"][2] = length
    metadata.write_text(json.dumps(content), encoding="utf-8")
    layout = read_plate(plate, ANY)
    assert (layout.wells, layout.missing) == (("B02",), 1)
    assert any("stores an array of shape" in f.reason for f in layout.findings)


def test_a_plate_of_an_index_alone_has_no_image_and_says_so(tmp_path):
    plate = cases.write_yokogawa(tmp_path)
    for path in plate.glob("*.tif"):
        path.unlink()
    layout = read_plate(plate, ANY)
    assert (layout.n_images, layout.missing, layout.wells) == (0, 11, ())
    assert "error" in [f.severity for f in layout.findings]
