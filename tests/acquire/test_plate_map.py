"""Plate maps: what was done to each well, and rows that cannot be true."""

from __future__ import annotations

import pytest
from tests.acquire import plate_cases as cases

from fatescope.acquire import apply_plate_map, read_plate, read_plate_map
from fatescope.acquire.plates import PlateReading
from fatescope.base import FileFormatError, Treatment

HEAD = "well,treatment,dose,dose_unit,stain,light,control\n"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_says_what_was_done_to_a_well(tmp_path):
    rows = "B10,drug,2.5,uM,Hoechst+DRAQ7,yes,\na1,DMSO,,,none,0.5,Negative\n"
    treatments = read_plate_map(write(tmp_path / "map.csv", HEAD + rows))
    assert list(treatments) == ["A01", "B10"]
    assert treatments["A01"] == Treatment(treatment="DMSO", light=0.5, control="negative")
    assert treatments["B10"].stains == ("Hoechst", "DRAQ7")
    assert (treatments["B10"].dose, treatments["B10"].light) == (2.5, 1.0)


def test_only_the_well_is_needed_and_unknown_is_not_zero(tmp_path):
    treatments = read_plate_map(write(tmp_path / "map.csv", "Well;note\nC03;x\n"))
    assert treatments == {"C03": Treatment()}
    assert treatments["C03"].dose is None


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("Z9x,a,,,,,\n", r"row 2: 'Z9x' is not a well"),
        ("A1,a,,,,,\nA01,b,,,,,\n", r"row 3: well A01 is there twice"),
        ("A1,a,much,,,,\n", r"row 2: dose is 'much'; write a number"),
        ("A1,a,-1,,,,\n", r"row 2: dose is"),
        ("A1,a,inf,,,,\n", r"row 2: dose is"),
        ("A1,a,,,,dim,\n", r"row 2: light is 'dim'; write yes, no or a dose"),
        ("A1,a,,,,,vehicle\n", r"row 2: control is 'vehicle'; write negative, positive"),
        ("A1,a\n", r"row 2 has 2 values and the first line names 7"),
        ("", r"names no well"),
        ("X,,,,,,\n" * 5, r"; 2 more rows\. Correct"),
    ],
)
def test_a_wrong_row_is_named_with_its_fault(tmp_path, rows, reason):
    with pytest.raises(FileFormatError, match=reason) as caught:
        read_plate_map(write(tmp_path / "map.csv", HEAD + rows))
    assert "\n" not in str(caught.value)


def test_a_table_without_wells_is_no_plate_map(tmp_path):
    with pytest.raises(FileFormatError, match="has no column well"):
        read_plate_map(write(tmp_path / "map.csv", "a,b\n1,2\n"))


def test_wells_of_the_map_and_of_the_plate_are_compared(tmp_path):
    layout = read_plate(cases.write_exported(tmp_path / "plate"), PlateReading())
    treated = apply_plate_map(layout, {"B02": Treatment(treatment="a"), "D01": Treatment()})
    assert treated.treatments["B02"].treatment == "a"
    reasons = [f.reason for f in treated.findings if f.rule == "unmapped-wells"]
    assert len(reasons) == 2
    assert "(B03) have images and no row" in reasons[0]
    assert "(D01) are in the plate map and have no images" in reasons[1]
