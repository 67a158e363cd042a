"""Plate maps: what was done to each well, and rows that cannot be true."""

from __future__ import annotations

import pytest
from tests.acquire import plate_cases as cases
from tests.acquire.plate_cases import write_tiff

from fatescope.acquire import apply_plate_map, read_plate, read_plate_map, read_table
from fatescope.acquire.plates import PlateReading
from fatescope.base import FatescopeError, FileFormatError, Treatment, untreated_wells
from fatescope.plate import SurvivalSettings
from fatescope.systems.plates.show import show_plate
from fatescope.systems.plates.survival import survival_of_plate

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


def test_names_stay_as_they_are_written(tmp_path):
    rows = (
        "A1,007,1e1,nM,,,\nA2,1e5,,,,,\nA3,NA,,,,,\nA4,2024-05-01,,,,,\nA5,1.0,,,,,\nA6,nan,,,,,\n"
    )
    treatments = read_plate_map(write(tmp_path / "map.csv", HEAD + rows))
    names = [t.treatment for t in treatments.values()]
    assert names == ["007", "1e5", "NA", "2024-05-01", "1.0", "nan"]
    assert treatments["A01"].dose == 10


def test_rows_and_columns_that_hold_nothing_are_passed_by(tmp_path):
    text = "well,,treatment,,\nA1,,a,,\n,,,,\n A 2 ,, b ,,\n,,,,\n"
    treatments = read_plate_map(write(tmp_path / "map.csv", text))
    assert {w: t.treatment for w, t in treatments.items()} == {"A01": "a", "A02": "b"}
    with pytest.raises(FileFormatError, match="a column without a name"):
        read_plate_map(write(tmp_path / "map.csv", text.replace("A1,,", "A1,x,")))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_spreadsheet_with_decimal_commas_says_the_same_doses(tmp_path, encoding):
    text = "Well;Treatment;Dose;Dose unit\nA1;a;0,5;µM\nA2;a;1,250;µM\nA3;a;10;µM\n"
    path = tmp_path / "map.csv"
    path.write_bytes(text.encode(encoding))
    assert [t.dose for t in read_plate_map(path).values()] == [0.5, 1.25, 10]
    assert read_plate_map(path)["A01"].dose_unit == "µM"


def test_a_comma_that_may_divide_thousands_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"'1,250', which may be 1250 or 1\.250"):
        read_plate_map(write(tmp_path / "map.csv", "well;dose\nA1;1,250\n"))


def test_columns_may_have_the_names_of_other_programs(tmp_path):
    text = "ROW,Col,Compound,Concentration (nM),Control type\nB,3,a,5,\n2,4,b,,Neg. control\n"
    treatments = read_plate_map(write(tmp_path / "map.csv", text))
    assert treatments["B03"] == Treatment(treatment="a", dose=5, dose_unit="nM")
    assert treatments["B04"] == Treatment(treatment="b", control="negative")


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("well,Treatment name", r"has no column treatment, and a column 'Treatment name'"),
        ("well,dose_uM", r"has no column dose, and a column 'dose_uM' that is not read"),
        ("well,drug,Compound", r"columns 'drug' and 'Compound' both say the treatment"),
    ],
)
def test_a_column_that_may_be_meant_is_not_passed_by(tmp_path, head, reason):
    row = "A1" + ",x" * head.count(",")
    with pytest.raises(FileFormatError, match=reason):
        read_plate_map(write(tmp_path / "map.csv", f"{head}\n{row}\n"))


def test_wells_that_merged_cells_leave_without_a_treatment_are_said(tmp_path):
    layout = read_plate(cases.write_exported(tmp_path / "plate"), PlateReading())
    rows = "B02,drug,1,uM,,,\nB03,,2,uM,,,\nB04,,,,,,\nB05,,,,,,negative\n"
    treated = apply_plate_map(layout, read_plate_map(write(tmp_path / "map.csv", HEAD + rows)))
    (found,) = [f for f in treated.findings if f.rule == "no-treatment"]
    assert "2 wells of the plate map (B03, B04)" in found.reason


def test_a_map_of_doses_or_of_stains_needs_no_names(tmp_path):
    for rows in ("A1,,1,nM,,,\nA2,,2,nM,,,\n", "A1,,,,DRAQ7,yes,\nA2,,,,none,no,\n"):
        treatments = read_plate_map(write(tmp_path / "map.csv", HEAD + rows))
        assert not untreated_wells(treatments)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            "A1,drug,1,uM,,,\nA2,drug,,,,,\nA3,w,,,,,negative\n",
            "1 wells of drug (A02) have no dose",
        ),
        (
            "A1,drug,1,uM,,,\nA2,drug,2,,,,\nA3,w,,,,,negative\n",
            "1 wells of drug (A02) have no dose unit",
        ),
        ("A1,w,,,,,negative\nA2,w,,,,,\nA3,w,,,,,\n", "2 wells of w (A02, A03) have no control"),
        ("A1,DMSO,,,,,negative\nA2,dmso,,,,,negative\n", "(DMSO and dmso)"),
    ],
)
def test_what_merged_cells_leave_is_said_by_the_commands(tmp_path, rows, words):
    path = write(tmp_path / "map.csv", HEAD + rows)
    write_tiff(tmp_path / "p" / "e_phase_A1_1_00d00h00m.tif")
    shown = show_plate(tmp_path / "p", reading=PlateReading(), plate_map=path)
    assert [r for r in shown.as_json()["reasons"] if words in r]
    fates = "well,cell,first_frame,last_frame,death_frame,censored\n"
    fates += "".join(f"A{w},{c},0,5,{2 + c},0\n" for w in (1, 2, 3) for c in range(3))
    write(tmp_path / "fates.csv", fates)
    settings = SurvivalSettings(map=path, interval_min=15)
    survival_of_plate([tmp_path / "fates.csv"], out=tmp_path / "o", settings=settings)
    found = read_table(tmp_path / "o" / "findings.csv")
    assert [r for r in found["reason"] if words in r]


def test_a_map_without_doubts_says_nothing(tmp_path):
    rows = "A1,w,,,,,negative\nA2,w,,,,,negative\nA3,drug,1,uM,,,\nA4,drug,2,uM,,,\n"
    rows += "A5,kill,,,,,positive\n"
    assert not read_plate_map(write(tmp_path / "map.csv", HEAD + rows)).findings


def test_columns_that_are_not_read_are_said(tmp_path):
    plate_map = read_plate_map(
        write(tmp_path / "m.csv", "well,treatment,cell line,empty\nA1,x,U2OS,\n")
    )
    assert [(f.rule, f.severity) for f in plate_map.findings] == [("left-out", "info")]
    assert "(cell line)" in plate_map.findings[0].reason


@pytest.mark.parametrize(
    "data",
    [
        "sep=;\r\nwell;dose;dose_unit\r\nA1;0,5;µM\r\nA2;1,25;µM\r\n".encode("utf-8-sig"),
        "well\tdose\tdose_unit\r\nA1\t0,5\tµM\r\nA2\t1,25\tµM\r\n".encode("utf-16"),
        "well\tdose\tdose_unit\r\nA1\t0,5\tµM\r\nA2\t1,25\tµM\r\n".encode("utf-16-le"),
        "well,dose,dose_unit\rA1,0.5,µM\rA2,1.25,µM\r".encode(),
    ],
    ids=["hint", "utf-16", "without its mark", "old Mac lines"],
)
def test_maps_as_spreadsheets_save_them(tmp_path, data):
    (tmp_path / "map.csv").write_bytes(data)
    wells = read_plate_map(tmp_path / "map.csv")
    assert [(t.dose, t.dose_unit) for t in wells.values()] == [(0.5, "µM"), (1.25, "µM")]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("m.csv", "well,dose_unit\nA1,µM\n".encode("cp1252"), "not UTF-8 text.*CSV UTF-8"),
        ("m.xlsx", b"PK\3\4", "is a spreadsheet. Save its sheet as CSV UTF-8"),
    ],
)
def test_what_is_no_text_that_can_be_known_is_refused(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FatescopeError, match=words):
        read_plate_map(tmp_path / name)
