"""Damaged and hostile lineage files: a sentence or a finding, never a crash, never silence."""

import gzip
import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from tests.acquire.lineage_cases import TWO_DIVISIONS

from fatescope.acquire.lineages import read_lineage, read_lineage_checked, write_lineage
from fatescope.base.errors import FatescopeError, FileFormatError, InputError

HEAD = "cellTime,cell,time,none,global,local,blot,cross,z,x,y,size,gweight\n"


def row(cell, time, *, z="10.0", x="300", y="200", size="40"):
    return f"{cell}:{time},{cell},{time},1,2,3,4,5,{z},{x},{y},{size},9\n"


GOOD = HEAD + row("AB", 1) + row("AB", 2) + row("ABa", 3) + row("ABp", 3, x="350")


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rules(read):
    return [f.rule for f in read.findings]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("CDempty.csv", "", "empty"),
        ("CDblank.csv", "\n\n  \n", "empty"),
        ("CDhead.csv", HEAD, "no nucleus"),
        (
            "CDpicture.csv",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 8,
            "is an image",
        ),
        ("CDzeros.csv", b"\0" * 5000, "lineage table|not a table"),
        ("CDlong.csv", "a" * 300_000, "longer than"),
        ("CDquote.csv", HEAD + '"' + row("AB", 1) * 3000, "not a table|cannot be read"),
        ("CDtwice.csv", "cell,cell,time,x,y,z\n", "twice"),
        ("CDother.csv", "name,age\nx,1\n", "needs the columns time"),
        ("CDnotime.csv", "cell,time,x,y,z\nAB,soon,1,2,3\nABa,later,1,2,3\n", "cannot be read"),
        ("CDhalf.csv", "cell,time,x,y,z\nAB,1.5,1,2,3\n", "not whole"),
        ("CDyear.csv", "cell,time,x,y,z\nAB,20080314,1,2,3\n", "frame number"),
        ("CDcut.csv.gz", gzip.compress(GOOD.encode() * 200)[:-20], "ends early"),
        ("CDbad.csv.gz", b"\x1f\x8b\x08\0" + b"garbage" * 9, "cannot be read"),
        (
            "CDbomb.csv.gz",
            gzip.compress((HEAD + row("AB", 1)[:-1] * 1 + "\n" * 90_000_000).encode()),
            "inflates",
        ),
        ("a.zip", b"PK\x03\x04 and nothing else", "not a whole zip"),
        ("tree.nwk", "((a,b)c", "cut short|semicolon"),
        ("tree.nwk", "(a,b));", "not opened"),
        ("tree.nwk", "(a:x,b:1)c:1;", "branch length"),
        ("tree.nwk", "(a:1e9,b:1)c:1;", "branch length"),
        ("tree.nwk", "", "empty|cut short|semicolon"),
        ("t.xml", "<TrackMate><Model>", "well-formed"),
        ("t.xml", '<!DOCTYPE a [<!ENTITY b "c">]><TrackMate>&b;</TrackMate>', "entities"),
        ("t.xml", "<TrackMate/>", "no spot"),
        ("e.xml", "<embryo><nuclei/></embryo>", "names no nuclei"),
        ("e.xml", '<embryo><nuclei file="../../gone.zip"/></embryo>', "not there"),
        ("e.xml", "<", "no tag"),
        ("CD.csv", b"II*\0\x08\0\0\0", "is an image"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path, name, content, says):
    path = written(tmp_path, name, content)
    with pytest.raises(FatescopeError, match=says) as error:
        read_lineage(path)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_an_empty_folder_and_a_wrong_format_are_named(tmp_path):
    with pytest.raises(FileFormatError, match=r"CDgone\.csv: does not exist"):
        read_lineage(tmp_path / "CDgone.csv")
    with pytest.raises(FileFormatError, match="neither a GEFF group nor"):
        read_lineage(tmp_path)
    path = written(tmp_path, "CD.csv", GOOD)
    with pytest.raises(InputError, match="not a lineage format"):
        read_lineage(path, format="excel")
    with pytest.raises(FileFormatError, match="not an AceTree configuration"):
        read_lineage(path, format="acetree")


def test_a_last_line_cut_in_half_costs_one_finding(tmp_path):
    read = read_lineage_checked(written(tmp_path, "CD.csv", GOOD + "ABal:4,ABal,4,1,2"))
    assert len(read.lineage) == 4
    assert rules(read) == ["unreadable"]
    assert "line 6 is left out" in read.findings[0].reason


def test_values_of_the_wrong_kind_cost_a_finding_each(tmp_path):
    bad = row("ABal", 4, x="right") + row("ABar", "?")
    read = read_lineage_checked(written(tmp_path, "CD.csv", GOOD + bad))
    assert len(read.lineage) == 4
    assert [f.reason for f in read.findings] == [
        "line 6 is left out: x is 'right', not a number.",
        "line 7 is left out: time is '?', not a number.",
    ]


def test_empty_and_infinite_positions_are_unknown_not_zero(tmp_path):
    more = row("ABal", 4, x="") + row("ABar", 4, x="inf")
    read = read_lineage_checked(written(tmp_path, "CD.csv", GOOD + more))
    assert np.isnan(read.lineage.position[4:, 2]).all()
    assert rules(read) == ["not-finite", "not-finite"]


def test_a_cell_twice_in_a_frame_is_kept_unlinked_and_reported(tmp_path):
    read = read_lineage_checked(written(tmp_path, "CD.csv", GOOD + row("ABa", 3, x="301")))
    assert len(read.lineage) == 5
    assert read.lineage.parent.tolist() == [-1, 0, 1, 1, -1]
    assert rules(read) == ["duplicate-row"]


@pytest.mark.parametrize("parents", [("1", "0"), ("0", "0"), ("", "1")])
def test_cycles_are_cut_and_reported(tmp_path, parents):
    table = "id,parent,frame,x,y,z\n" + "".join(
        f"{i},{p},{3},{i},{i},{i}\n" for i, p in enumerate(parents)
    )
    read = read_lineage_checked(written(tmp_path, "t.csv", table))
    assert (read.lineage.parent == -1).all()
    assert set(rules(read)) == {"orphan"}


def test_a_daughter_whose_mother_lives_on_is_not_linked_to_her(tmp_path):
    table = HEAD + row("AB", 1) + row("ABa", 2) + row("AB", 2)
    read = read_lineage_checked(written(tmp_path, "CD.csv", table))
    assert read.lineage.parent.tolist() == [-1, -1, 0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_other_encodings_and_alphabets_are_read(tmp_path, encoding):
    name = "Zelle_ä" if encoding == "cp1252" else "細胞_ä"
    path = written(tmp_path, "t.csv", f"name,frame,x,y,z\n{name},0,1,2,3\n".encode(encoding))
    assert read_lineage(path).name.tolist() == [name]


@pytest.mark.parametrize(("delimiter", "point"), [(";", ","), ("\t", "."), (",", ".")])
def test_delimiters_and_decimal_commas_are_read(tmp_path, delimiter, point):
    lines = [["name", "frame", "x", "y", "z"], ["AB", "0", f"1{point}5", "2", f"3{point}25"]]
    text = "\r\n".join(delimiter.join(line) for line in lines)
    lineage = read_lineage(written(tmp_path, "t.csv", text))
    assert lineage.position.tolist() == [[3.25, 2.0, 1.5]]


MEASURED = """
import resource, sys
from fatescope.acquire.lineages import read_lineage
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = len(read_lineage(sys.argv[1]))
after = resource.getrusage(resource.RUSAGE_SELF)
print(rows, (after.ru_maxrss - before) / 1000, after.ru_utime)
"""


@pytest.mark.slow
def test_a_million_rows_are_read_in_bounded_memory_and_time(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("w") as file:
        file.write("frame,x,y,z\n")
        file.writelines(f"{i // 4000},{i % 700},{i % 500},{i % 30}\n" for i in range(1_000_000))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, check=True
    )
    rows, megabytes, seconds = map(float, done.stdout.split())
    assert rows == 1_000_000
    assert megabytes < 400
    assert seconds < 120  # a guard against quadratic time, not a speed claim


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


LINE = "1, 1, {pred}, -1, -1, 300, 200, 10.0, 40, {name}, 5, 0, 0, 0, {forced}, 9, 1, 2, 3, 4, \n"


def line(name, pred="-1", forced=""):
    return LINE.format(name=name, pred=pred, forced=forced)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"../nuclei/t001-nuclei": line("AB")}, "outside itself"),
        ({"/nuclei/t001-nuclei": line("AB")}, "outside itself"),
        ({"nuclei/t001-nuclei": "0" * 30_000_000}, "inflates"),
        ({"nuclei/t001-nuclei": "0" * 70_000_000}, "inflates"),
        ({"a/t001-nuclei": line("AB"), "b/t001-nuclei": line("AB")}, "twice"),
        ({"readme.txt": "hello"}, "no living nucleus"),
        ({"nuclei/t001-nuclei": ""}, "no living nucleus"),
        ({"nuclei/t001-nuclei": "what, is, this\n" * 9 + line("AB")}, "cannot be read"),
    ],
)
def test_hostile_archives_are_refused(tmp_path, members, says):
    path = written(tmp_path, "a.zip", zipped(members))
    with pytest.raises(FileFormatError, match=says):
        read_lineage(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


def test_an_archive_with_another_prefix_no_parameters_and_empty_ends_is_read(tmp_path):
    members = {
        "some/where/t0001-nuclei": line("AB"),
        "some/where/t0002-nuclei": line("AB", pred="1") + "2, 0, 1" + ", 0" * 17 + "\n",
        "some/where/t0003-nuclei": "",
        "some/where/t0004-nuclei": "",
    }
    lineage = read_lineage(written(tmp_path, "a.zip", zipped(members)))
    assert lineage.name.tolist() == ["AB", "AB"]
    assert lineage.parent.tolist() == [-1, 0]
    assert lineage.metadata["deleted_nuclei"] == 1


def test_a_forced_name_wins_and_a_bad_line_costs_a_finding(tmp_path):
    second = "2" + line("MS").removeprefix("1")
    members = {"nuclei/t001-nuclei": line("ABa", forced="ABp") + line("E", pred="x") + second}
    read = read_lineage_checked(written(tmp_path, "a.zip", zipped(members)))
    assert read.lineage.name.tolist() == ["ABp", "MS"]
    assert rules(read) == ["unreadable"]
    assert read.lineage.extra["forced_name"].tolist() == ["ABp", ""]


def test_a_predecessor_that_does_not_live_is_a_finding(tmp_path):
    members = {"nuclei/t001-nuclei": line("AB"), "nuclei/t002-nuclei": line("AB", pred="7")}
    read = read_lineage_checked(written(tmp_path, "a.zip", zipped(members)))
    assert read.lineage.parent.tolist() == [-1, -1]
    assert rules(read) == ["orphan"]


def test_the_layout_of_15_columns_is_read(tmp_path):
    old = "1, 300, 200, 10.5, {name}, 40, 77, 1, 0, 0, 0, 0, {pred}, -1, -1\n"
    members = {
        "nuclei/t001-nuclei": old.format(name="AB", pred="-1"),
        "nuclei/t002-nuclei": old.format(name="AB", pred="1"),
    }
    lineage = read_lineage(written(tmp_path, "a.zip", zipped(members)))
    assert lineage.name.tolist() == ["AB", "AB"]
    assert lineage.parent.tolist() == [-1, 0]
    assert lineage.position[0].tolist() == [9.5, 199.0, 299.0]
    assert lineage.radius_px.tolist() == [20.0, 20.0]
    assert lineage.extra["gweight"].tolist() == [77, 77]


def test_a_configuration_that_is_not_well_formed_is_read(tmp_path):
    written(tmp_path, "embryo.zip", zipped({"nuclei/t001-nuclei": line("AB")}))
    xml = """<?xml version='1.0'?><embryo>
      <nuclei file=embryo.zip/>
      <!-- <resolution xyRes="9" zRes="9"/> -->
      <resolution xyRes="0.1" zRes='0.5' planeEnd=30
      <exprCorr type="blot">
      <polar size=15>"""
    lineage = read_lineage(written(tmp_path, "embryo.xml", xml))
    assert lineage.spacing.um("ZYX") == (0.5, 0.1, 0.1)
    assert read_lineage(tmp_path / "embryo.zip").spacing == lineage.spacing


@pytest.mark.parametrize("version", ["", "_v2"])
def test_auxinfo_gives_pose_and_an_estimate_of_the_scale(tmp_path, version):
    path = written(tmp_path, "e.zip", zipped({"nuclei/t001-nuclei": line("AB")}))
    if version:
        text = "name,maj,zpixres,AP_orientation,LR_orientation\ne,585,10,1 0 0,0 0 1\n"
        pose = {"AP_orientation": [1.0, 0.0, 0.0], "LR_orientation": [0.0, 0.0, 1.0]}
    else:
        text, pose = "name,maj,zpixres,axis\ne,585,10,adl\n", "ADL"
    written(tmp_path, f"eAuxInfo{version}.csv", text)
    lineage = read_lineage(path)
    assert lineage.metadata["pose"] == {"value": pose, "source": "file"}
    assert lineage.spacing.um("ZYX") == pytest.approx((0.9, 0.09, 0.09))
    assert lineage.spacing.steps["X"].source == "estimated"


def test_an_odd_axis_in_auxinfo_is_a_finding(tmp_path):
    path = written(tmp_path, "e.zip", zipped({"nuclei/t001-nuclei": line("AB")}))
    written(tmp_path, "eAuxInfo.csv", "name,axis\ne,LDA\n")
    assert rules(read_lineage_checked(path)) == ["odd-axes"]


def test_what_the_user_says_of_the_scale_wins(tmp_path):
    path = written(tmp_path, "CD.csv", GOOD)
    assumed = read_lineage(path).spacing
    assert assumed.um("ZYX") == (1.0, 0.09, 0.09)
    assert {s.source for a, s in assumed.steps.items() if a in "ZYX"} == {"assumed"}
    said = read_lineage(path, spacing_um=(0.5, 0.2, 0.2), interval_min=2.0).spacing
    assert said.um("ZYX") == (0.5, 0.2, 0.2)
    assert said.interval_min == 2.0
    assert {s.source for s in said.steps.values()} == {"user"}
    for wrong in ((1.0, 2.0, 3.0, 4.0), (0.0, 1.0, 1.0)):
        with pytest.raises(InputError):
            read_lineage(path, spacing_um=wrong)


def test_ctc_tables_that_contradict_the_masks_are_findings(tmp_path):
    write_lineage(TWO_DIVISIONS, tmp_path / "t", format="ctc")
    table = tmp_path / "t" / "res_track.txt"
    table.write_text("1 0 0 0\n2 1 1 1\n3 3 3 9\n9 0 3 0\n")
    read = read_lineage_checked(tmp_path / "t")
    said = " ".join(f.reason for f in read.findings)
    assert "not in the table" in said
    assert "outside its frames" in said
    assert "in no mask" in said
    table.write_text("1 0 0\n")
    with pytest.raises(FileFormatError, match="four whole numbers"):
        read_lineage(tmp_path / "t")
    (tmp_path / "t" / "mask001.tif").write_bytes(b"not an image")
    table.write_text("1 0 0 0\n")
    with pytest.raises(FileFormatError, match="not a readable mask"):
        read_lineage(tmp_path / "t")


def test_a_geff_group_with_merging_nuclei_or_damage_is_said(tmp_path):
    import shutil

    path = tmp_path / "a.geff"
    write_lineage(TWO_DIVISIONS, path)
    shutil.rmtree(path / "edges")
    with pytest.raises(FileFormatError, match="not a valid GEFF group"):
        read_lineage(path)
