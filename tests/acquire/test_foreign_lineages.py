"""TrackMate, GEFF, AceTree and masks as other programs write them."""

import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.acquire.lineage_cases import TWO_DIVISIONS, lineage_of

from fatescope.acquire.lineages import read_lineage, read_lineage_checked, write_lineage
from fatescope.base import FileFormatError


def trackmate(path, change=lambda text: text):
    write_lineage(TWO_DIVISIONS, path)
    path.write_text(change(path.read_text()))
    return read_lineage_checked(path)


def rules(read):
    return [f.rule for f in read.findings]


def test_spots_without_a_frame_are_in_that_of_their_group(tmp_path):
    read = trackmate(tmp_path / "a.xml", lambda t: t.replace(' FRAME="', ' OTHER="'))
    assert sorted(read.lineage.frame.tolist()) == sorted(TWO_DIVISIONS.frame.tolist())


@pytest.mark.parametrize("edge", ["<Edge/>", '<Edge SPOT_SOURCE_ID="0" SPOT_TARGET_ID="999"/>'])
def test_an_edge_to_no_spot_is_said(tmp_path, edge):
    read = trackmate(tmp_path / "a.xml", lambda t: t.replace("</Track>", f"{edge}</Track>"))
    assert rules(read) == ["unknown-parent"]
    assert (read.lineage.parent >= 0).sum() == 7


def test_spots_and_tracks_that_trackmate_hides_are_left_out_and_said(tmp_path):
    hidden = '<Spot ID="77" VISIBILITY="0" FRAME="0" POSITION_X="1" POSITION_Y="1" POSITION_Z="1"/>'
    read = trackmate(tmp_path / "a.xml", lambda t: t.replace("</AllSpots>", hidden + "</AllSpots>"))
    assert (len(read.lineage), rules(read)) == (8, ["left-out"])
    more = '<Spot ID="{}" FRAME="{}" POSITION_X="1" POSITION_Y="1" POSITION_Z="1"/>'
    spots = more.format(77, 0) + more.format(78, 1) + "</AllSpots>"
    edge = '<Track TRACK_ID="9"><Edge SPOT_SOURCE_ID="77" SPOT_TARGET_ID="78"/></Track></AllTracks>'
    read = trackmate(
        tmp_path / "b.xml",
        lambda t: t.replace("</AllSpots>", spots).replace("</AllTracks>", edge),
    )
    assert (len(read.lineage), rules(read)) == (8, ["left-out"])


@pytest.mark.parametrize(
    ("word", "minutes"),
    [("minutes", 1), ("sec", 1 / 60), ("seconds", 1 / 60), ("hours", 60), ("ms", 1 / 60000)],
)
def test_units_of_time_are_known_under_all_their_words(tmp_path, word, minutes):
    read = trackmate(tmp_path / "a.xml", lambda t: t.replace('"frame"', f'"{word}"', 1))
    assert read.lineage.spacing.interval_min == pytest.approx(minutes)


def test_a_pixel_that_no_microscope_has_is_not_believed(tmp_path):
    def absurd(text):
        return text.replace('units="pixel"', 'units="micron"').replace(
            'pixelwidth="1.0"', 'pixelwidth="4.9e9"'
        )

    read = trackmate(tmp_path / "a.xml", absurd)
    assert rules(read) == ["no-scale"]
    assert read.lineage.spacing.um("X") is None


def test_names_of_spots_do_not_cut_cells(tmp_path):
    rows = [(f"spot {i}", i, i - 1, 1, 1, 1) for i in range(5)]
    write_lineage(lineage_of(rows), tmp_path / "a.xml")
    lineage = read_lineage(tmp_path / "a.xml")
    assert lineage.name.tolist() == [""] * 5
    assert lineage.extra["spot_name"].tolist() == [r[0] for r in rows]


def test_our_trackmate_file_declares_what_it_holds_and_has_no_nan(tmp_path):
    from dataclasses import replace

    unknown = replace(TWO_DIVISIONS, radius_px=np.full(8, np.nan))
    write_lineage(unknown, tmp_path / "a.xml")
    model = ElementTree.parse(tmp_path / "a.xml").find("Model")
    for kind, tag in (("Spot", "Spot"), ("Edge", "Edge"), ("Track", "Track")):
        declared = {f.get("feature") for f in model.find(f"FeatureDeclarations/{kind}Features")}
        for element in model.iter(tag):
            assert set(element.attrib) - {"ID", "name"} == declared
            assert not {"nan", "inf"} & set(element.attrib.values())


def geff(path, times, names=("t", "z", "y", "x"), *, zarr_format=2, without=(), **axis):
    """Write three linked nodes: an axis of time, and axes of space in the order of the names."""
    import zarr

    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    group.create_array("nodes/ids", data=np.array([5, 6, 7], np.uint64))
    group.create_array("edges/ids", data=np.array([[5, 6], [6, 7]], np.uint64))
    values = {n: np.full(3, float("zyx".find(n[-1].lower()))) for n in names[1:]}
    values[names[0]] = np.asarray(times)
    for name, column in values.items():
        group.create_array(f"nodes/props/{name}/values", data=column)
    for name in without:
        del group[name]
    space = {"type": "space", "unit": "micrometer", **axis.get("space", {})}
    time = {"name": names[0], "type": "time", **axis.get("time", {})}
    group.attrs["geff"] = {
        "geff_version": "1.1",
        "directed": True,
        "axes": [time, *({"name": n, **space} for n in names[1:])],
        "node_props_metadata": {
            n: {"identifier": n, "dtype": str(v.dtype)} for n, v in values.items()
        },
        "edge_props_metadata": {},
    }
    return read_lineage_checked(path)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    "names",
    [
        ("FRAME", "POSITION_X", "POSITION_Y", "POSITION_Z"),
        ("T", "X", "Y", "Z"),
        ("time", "pos_y", "pos_z", "pos_x"),
        ("whatever", "z", "y", "x"),
    ],
)
def test_axes_of_geff_are_known_by_name_in_any_order(tmp_path, names, zarr_format):
    read = geff(tmp_path / "a.geff", [0, 1, 2], names, zarr_format=zarr_format)
    lineage = read.lineage
    assert not read.findings
    assert lineage.position[0].tolist() == [0, 1, 2]
    assert lineage.parent.tolist() == [-1, 0, 1]


@pytest.mark.parametrize(
    ("times", "axis", "minutes"),
    [
        ([0.0, 0.5, 1.0], {"unit": "second"}, 0.5 / 60),
        ([0, 30, 60], {"unit": "sec"}, 0.5),
        ([0, 1, 2], {"scale": 30.0, "scaled_unit": "sec"}, 0.5),
        ([0.0, 0.1, 0.2], {}, None),
        ([62, 92, 122], {"unit": "second"}, 0.5),
        ([0, 59, 121], {"unit": "second"}, 60.5 / 60),
    ],
)
def test_times_of_geff_become_frames_one_by_one(tmp_path, times, axis, minutes):
    lineage = geff(tmp_path / "a.geff", times, time=axis).lineage
    assert (lineage.frame - lineage.frame[0]).tolist() == [0, 1, 2]
    if minutes:
        assert lineage.spacing.interval_min == pytest.approx(minutes, rel=1e-4)


@pytest.mark.parametrize(("unit", "factor"), [("micron", 1), ("μm", 1), ("nanometer", 1e-3)])
def test_places_of_geff_in_any_unit_are_in_um(tmp_path, unit, factor):
    lineage = geff(tmp_path / "a.geff", [0, 1, 2], space={"unit": unit}).lineage
    assert lineage.position_um()[0] == pytest.approx(np.array([0, 1, 2]) * factor)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    ("without", "why"),
    [
        *(("nodes/ids", "ids"), ("edges/ids", "edges"), ("nodes/props/t", "t is in the metadata")),
        ("nodes/props/x", "x is in the metadata"),
    ],
)
def test_a_geff_group_that_lacks_an_array_is_refused(tmp_path, zarr_format, without, why):
    with pytest.raises(FileFormatError, match=why):
        geff(tmp_path / "a.geff", [0, 1, 2], zarr_format=zarr_format, without=[without])


@pytest.mark.parametrize("kind", ["time", "space"])
def test_an_offset_of_geff_is_left_out_and_said(tmp_path, kind):
    read = geff(tmp_path / "a.geff", [0, 1, 2], **{kind: {"offset": 12.5}})
    assert rules(read) == ["left-out"]
    assert "12.5" in read.findings[0].reason
    assert read.lineage.frame.tolist() == [0, 1, 2]
    assert read.lineage.position[0].tolist() == [0, 1, 2]


def test_a_unit_that_is_not_known_is_said(tmp_path):
    read = geff(tmp_path / "a.geff", [0, 1, 2], space={"unit": "parsec"})
    assert rules(read) == ["no-scale"]
    assert read.lineage.spacing.um("X") is None
    read = trackmate(tmp_path / "a.xml", lambda t: t.replace('"pixel"', '"furlong"'))
    assert rules(read) == ["no-scale"]
    assert "furlong" in read.findings[0].reason


def archive(path, change):
    """Two divisions in an archive, with the values of each nucleus changed."""
    write_lineage(TWO_DIVISIONS, path.with_name("whole.zip"))
    with zipfile.ZipFile(path.with_name("whole.zip")) as whole, zipfile.ZipFile(path, "w") as out:
        for name in whole.namelist():
            lines = whole.read(name).decode().splitlines()
            values = [change(int(name[8:11]), line.split(", ")) for line in lines]
            out.writestr(name, "".join(", ".join(v) + "\n" for v in values))
    return read_lineage_checked(path)


def names_of_parents(lineage):
    return {
        (str(lineage.name[i]), int(lineage.frame[i])): str(lineage.name[p]) if p >= 0 else ""
        for i, p in enumerate(lineage.parent.tolist())
    }


def test_successors_that_contradict_predecessors_are_said_and_predecessors_used(tmp_path):
    def exchanged(time, values):  # AB and P1 of the second frame name each other's nuclei
        if time == 2:
            values[3] = {"1": "2", "2": "1"}[values[3]]
        return values

    read = archive(tmp_path / "a.zip", exchanged)
    assert [(f.rule, f.value) for f in read.findings] == [("links-not-read", 2)]
    assert names_of_parents(read.lineage) == names_of_parents(TWO_DIVISIONS)


def test_a_predecessor_with_other_successors_is_said(tmp_path):
    def stolen(time, values):  # ABp names P1 as predecessor, which knows nothing of it
        if time == 4 and values[9] == "ABp":
            values[2] = "2"
        return values

    read = archive(tmp_path / "a.zip", stolen)
    assert [(f.rule, f.value) for f in read.findings] == [("links-not-read", 1)]
    assert names_of_parents(read.lineage)["ABp", 3] == "P1"


def test_successors_that_do_not_live_and_numbers_that_repeat_are_said(tmp_path):
    def gone(time, values):
        if time == 3 and values[9] == "P1":
            values[3] = "9"
        if time == 4 and values[9] == "P1":
            values[2] = "-1"
        return values

    read = archive(tmp_path / "a.zip", gone)
    assert [(f.rule, f.value) for f in read.findings] == [("unknown-parent", 1)]
    assert names_of_parents(read.lineage)["P1", 3] == ""

    def twice(time, values):
        return ["1", *values[1:]] if time == 2 else values

    read = archive(tmp_path / "b.zip", twice)
    assert ("duplicate-id", 1) in [(f.rule, f.value) for f in read.findings]
    assert names_of_parents(read.lineage)["AB", 2] == ""


def test_links_that_only_a_successor_tells_are_read(tmp_path):
    write_lineage(TWO_DIVISIONS, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        frames = {n: archive.read(n).decode().splitlines() for n in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name, lines in frames.items():
            split = [line.split(", ") for line in lines]
            lines = [", ".join([*v[:2], "-1", *v[3:]]) for v in split]
            archive.writestr(name, "\n".join(lines) + "\n")
    links = [(read_lineage(tmp_path / f).parent >= 0).sum() for f in ("a.zip", "b.zip")]
    assert links == [7, 7]


def test_the_radius_of_a_mask_is_that_of_a_ball_in_um(tmp_path):
    from dataclasses import replace

    from fatescope.base.spacing import Spacing

    flat = Spacing.of(source="user", Z=0.5, Y=0.2, X=0.2)
    one = replace(lineage_of([("", 0, -1, 10, 20, 20)]), spacing=flat)
    write_lineage(one, tmp_path / "masks", format="ctc")
    again = read_lineage(tmp_path / "masks", spacing_um=(0.5, 0.2, 0.2))
    assert again.radius_px[0] == pytest.approx(5, rel=0.05)


def test_nuclei_of_several_folders_of_an_archive_are_not_merged(tmp_path):
    write_lineage(TWO_DIVISIONS, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as whole:
        lines = {n: whole.read(n) for n in whole.namelist()}
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as out:
        for i, (name, text) in enumerate(lines.items()):
            out.writestr(f"embryo{i % 2}/{name}", text)
    with pytest.raises(FileFormatError, match="several folders"):
        read_lineage(tmp_path / "b.zip")


def test_frames_of_a_track_in_which_no_mask_has_it_are_said(tmp_path):
    write_lineage(TWO_DIVISIONS, tmp_path / "masks", format="ctc")
    assert not read_lineage_checked(tmp_path / "masks").findings
    table = tmp_path / "masks" / "res_track.txt"
    lines = [line.split() for line in table.read_text().splitlines()]
    lines[0][2] = str(int(lines[0][2]) + 2)
    table.write_text("".join(" ".join(line) + "\n" for line in lines))
    read = read_lineage_checked(tmp_path / "masks")
    assert [(f.rule, f.value) for f in read.findings] == [("hole", 2)]
    (tmp_path / "masks" / "mask001.tif").unlink()
    read = read_lineage_checked(tmp_path / "masks")
    assert [f.rule for f in read.findings].count("hole") == 1
