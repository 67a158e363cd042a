"""Tables of nuclei as other programs and people write them: the right tree, or a finding."""

import numpy as np
import pytest

import fatescope as fs
from fatescope.acquire.lineages import find_lineages, read_lineage, read_lineage_checked
from fatescope.acquire.lineages.objects import detections_by_image
from fatescope.base import FileFormatError

# A nucleus in frames 0 and 1 divides; one daughter is not found in frame 3.
#        id   frame  x   track  mother  parent
SPOTS = [
    (11, 0, 10.0, 1, None, None),
    (12, 1, 11.0, 1, None, 11),
    (13, 2, 20.0, 2, 1, 12),
    (14, 2, 30.0, 3, 1, 12),
    (15, 3, 21.0, 2, 1, 13),
    (16, 4, 22.0, 2, 1, 15),
    (17, 4, 31.0, 3, 1, 14),
]
PARENTS = [-1, 0, 1, 1, 2, 4, 3]
CONTINUED = [-1, 0, -1, -1, 2, 4, 3]


def table(path, separator=",", **columns):
    """Write columns, each a function of id, frame, x, track, mother and parent of a spot."""
    columns = {"x": lambda s: s[2], "y": lambda s: 5, "z": lambda s: 3} | columns
    lines = [separator.join(columns)]
    for spot in SPOTS:
        values = (column(spot) for column in columns.values())
        lines.append(separator.join("" if v is None else str(v) for v in values))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


FRAME = {"frame": lambda s: s[1]}
ID = {"id": lambda s: s[0]}


def rules(read):
    return [f.rule for f in read.findings]


@pytest.mark.parametrize(
    "missing",
    [
        *("NA", "N/A", "n/a", "#N/A", "None", "NULL", "null", "nan", "NaN", "<NA>", "nil", "-"),
        *("\N{EN DASH}", "", " ", '""', '"NA"', "-1", "-1.0", "0", "4294967295"),
    ],
)
def test_a_missing_parent_is_none_however_it_is_written(tmp_path, missing):
    path = table(tmp_path / "a.csv", **FRAME, **ID, parent=lambda s: s[5] or missing)
    read = read_lineage_checked(path)
    assert read.lineage.parent.tolist() == PARENTS
    assert not read.findings


@pytest.mark.parametrize(
    ("own", "above"),
    [
        *(("ID", "Parent ID"), ("id", "parentId"), ("id", "mother"), ("Id", "mother_id")),
        *(("id", "pred"), ("cell_id", "parent_id"), ("node_id", "parent_node_id")),
        *(("Spot ID", "Source spot id"), ("nodeId", "parentNodeId"), ("ID", "SPOT_SOURCE_ID")),
        *(("id", "predecessor"), ("Cell.ID", "Parent.Cell.ID"), ("ID", "Previous ID")),
        *(("label", "parent"), ("Spot", "Parent-Spot")),
    ],
)
def test_ids_and_parents_are_known_under_the_names_of_other_programs(tmp_path, own, above):
    columns = {**FRAME, own: lambda s: s[0], above: lambda s: s[5]}
    read = read_lineage_checked(table(tmp_path / "a.csv", **columns))
    assert read.lineage.parent.tolist() == PARENTS
    assert not read.findings


@pytest.mark.parametrize(
    ("own", "above"),
    [
        (str, "{}.0".format),
        ("{}.0".format, str),
        ("{}e0".format, str),
        ("cell_{}".format, "cell_{}".format),
        (lambda i: 2**60 + i, lambda i: 2**60 + i),
        (lambda i: 2**64 - 40 + i, lambda i: 2**64 - 40 + i),
        (lambda i: f"{2**60 + i}", lambda i: f"{2**60 + i}.0"),
    ],
)
def test_ids_are_the_same_however_numbers_are_spelt(tmp_path, own, above):
    columns = {"id": lambda s: own(s[0]), "parent": lambda s: s[5] and above(s[5])}
    read = read_lineage_checked(table(tmp_path / "a.csv", **FRAME, **columns))
    assert read.lineage.parent.tolist() == PARENTS
    assert not read.findings


@pytest.mark.parametrize("none", [None, 0, -1, "NA", "own"])
@pytest.mark.parametrize(
    ("track", "above"),
    [
        *(("track_id", "parent_track_id"), ("TrackID", "Parent Track ID"), ("track", "parent")),
        *(("ID", "parent"), ("cell_id", "mother"), ("trackId", "parentTrackId")),
    ],
)
def test_tracks_with_mothers_link_along_and_between_them(tmp_path, track, above, none):
    mother = {above: lambda s: s[4] or (s[3] if none == "own" else none)}
    read = read_lineage_checked(
        table(tmp_path / "a.csv", **FRAME, **{track: lambda s: s[3]}, **mother)
    )
    assert read.lineage.parent.tolist() == PARENTS
    assert not read.findings


def test_ids_win_over_tracks_and_tracks_fill_what_ids_leave_open(tmp_path):
    both = {"track_id": lambda s: s[3], "parent_track_id": lambda s: s[4]}
    path = table(tmp_path / "a.csv", **FRAME, **ID, **both, parent_id=lambda s: s[5] or -1)
    assert read_lineage(path).parent.tolist() == PARENTS
    births = {"parent_id": lambda s: s[5] if s[0] in (13, 14) else None}
    path = table(tmp_path / "b.csv", **FRAME, **ID, track_id=lambda s: s[3], **births)
    assert read_lineage(path).parent.tolist() == PARENTS
    path = table(tmp_path / "c.csv", **FRAME, **ID, track=both["track_id"], parent=lambda s: s[4])
    assert read_lineage(path).parent.tolist() == PARENTS


@pytest.mark.parametrize("name", ["track_id", "track", "TrackID", "Track ID", "particle"])
def test_tracks_alone_go_on(tmp_path, name):
    path = table(tmp_path / "a.csv", **FRAME, **{name: lambda s: s[3]})
    read = read_lineage_checked(path)
    assert read.lineage.parent.tolist() == CONTINUED
    assert not read.findings


def test_mothers_by_the_names_of_cells_are_links(tmp_path):
    cell = {"cell": lambda s: f"c{s[3]}", "mother": lambda s: s[4] and f"c{s[4]}"}
    assert read_lineage(table(tmp_path / "a.csv", **FRAME, **cell)).parent.tolist() == PARENTS


def test_tracks_that_are_whole_trees_are_not_linked_and_said(tmp_path):
    read = read_lineage_checked(table(tmp_path / "a.csv", **FRAME, TRACK_ID=lambda s: 0))
    assert (read.lineage.parent == -1).all()
    assert rules(read) == ["links-not-read"]


@pytest.mark.parametrize(
    "column", ["daughters", "my_parent_ref", "Mother cell name 2", "lineage_id"]
)
def test_a_column_of_links_that_is_not_understood_is_said(tmp_path, column):
    read = read_lineage_checked(
        table(tmp_path / "a.csv", **FRAME, **ID, **{column: lambda s: s[5]})
    )
    assert rules(read) == ["links-not-read"]
    assert column in read.findings[0].reason


def test_parents_without_ids_are_said(tmp_path):
    read = read_lineage_checked(table(tmp_path / "a.csv", **FRAME, parent=lambda s: s[5]))
    assert rules(read) == ["links-not-read"]


def test_an_id_in_two_rows_is_said_and_nothing_is_linked_to_it(tmp_path):
    twice = {"id": lambda s: 13 if s[0] == 14 else s[0], "parent": lambda s: s[5]}
    read = read_lineage_checked(table(tmp_path / "a.csv", **FRAME, **twice))
    assert read.lineage.parent.tolist() == [-1, 0, 1, 1, -1, 4, -1]
    assert rules(read) == ["duplicate-id", "unknown-parent"]
    assert "the first is 13, in rows 3 and 4" in read.findings[0].reason


def test_ids_that_a_spreadsheet_rounded_are_said(tmp_path):
    columns = {"id": lambda s: f"{2.0**60 + s[0]:.6e}", "parent": lambda s: s[5] and 2**60 + s[5]}
    read = read_lineage_checked(table(tmp_path / "a.csv", **FRAME, **columns))
    assert (read.lineage.parent == -1).all()
    assert rules(read) == ["duplicate-id", "unknown-parent"]


def test_a_parent_in_no_row_is_said(tmp_path):
    read = read_lineage_checked(
        table(tmp_path / "a.csv", **FRAME, **ID, parent=lambda s: 99 if s[0] == 14 else s[5])
    )
    assert read.lineage.parent.tolist() == [-1, 0, 1, -1, 2, 4, 3]
    assert rules(read) == ["unknown-parent"]
    assert "row 4, with parent 99" in read.findings[0].reason


@pytest.mark.parametrize("movie", ["movie", "Image", "file name", "embryo", "position"])
@pytest.mark.parametrize("links", ["ids", "tracks", "names"])
def test_movies_in_one_table_are_never_linked_across(tmp_path, movie, links):
    columns = {
        "ids": (ID, {"parent": lambda s: s[5]}),
        "tracks": ({"track_id": lambda s: s[3]}, {"parent_track_id": lambda s: s[4]}),
        "names": ({"name": lambda s: ["", "AB", "ABa", "ABp"][s[3]]}, {}),
    }[links]
    one = table(tmp_path / "one.csv", **FRAME, **columns[0], **columns[1]).read_text().splitlines()
    rows = [f"{m},{row}" for m in ("a", "b") for row in one[1:]]
    path = tmp_path / "two.csv"
    path.write_text("\n".join([f"{movie},{one[0]}", *rows]) + "\n")
    read = read_lineage_checked(path)
    assert read.lineage.parent.tolist() == PARENTS + [p + 7 if p >= 0 else -1 for p in PARENTS]
    assert rules(read) == ["duplicate-id"]
    apart = detections_by_image(read.lineage, path)
    assert [len(part) for part in apart.values()] == [7, 7]


def test_a_column_of_files_that_names_each_frame_is_no_movie(tmp_path):
    file = {"file": lambda s: f"frame{s[1]}.tif", "parent": lambda s: s[5]}
    read = read_lineage_checked(table(tmp_path / "a.csv", **FRAME, **ID, **file))
    assert read.lineage.parent.tolist() == PARENTS
    assert not read.findings


@pytest.mark.parametrize(("name", "begin"), [("t", 0), ("t", 1), ("time", 0), ("Timepoint", 1)])
def test_frames_count_from_where_they_begin_and_so_do_pixels(tmp_path, name, begin):
    columns = {"x": lambda s: s[2] + begin, name: lambda s: s[1] + begin}
    lineage = read_lineage(table(tmp_path / "a.csv", **columns))
    assert lineage.frame.tolist() == [s[1] for s in SPOTS]
    assert lineage.position[:, 2].tolist() == [s[2] for s in SPOTS]


@pytest.mark.parametrize(
    ("name", "step", "minutes"),
    [
        *(("time_s", 30, 0.5), ("time_h", 0.25, 15), ("Time [min]", 2, 2)),
        *(("t (sec)", 90.5, 90.5 / 60), ("POSITION_T", 5, None)),
    ],
)
def test_times_on_a_clock_are_frames_in_even_steps(tmp_path, name, step, minutes):
    lineage = read_lineage(table(tmp_path / "a.csv", **{name: lambda s: s[1] * step}))
    assert lineage.frame.tolist() == [s[1] for s in SPOTS]
    assert lineage.spacing.interval_min == pytest.approx(minutes)
    both = read_lineage(table(tmp_path / "b.csv", **FRAME, **{name: lambda s: s[1] * step}))
    assert both.frame.tolist() == [s[1] for s in SPOTS]


def test_a_clock_of_uneven_steps_is_refused(tmp_path):
    uneven = {"time_min": lambda s: [0, 2, 4, 7, 7.5][s[1]]}
    with pytest.raises(FileFormatError, match=r"a\.csv.*even steps.*column frame"):
        read_lineage(table(tmp_path / "a.csv", **uneven))


@pytest.mark.parametrize(
    "name", ["X", "POSITION_X", "pos_x", "Position X", "centroid_x", "x_coord"]
)
def test_positions_are_known_under_the_names_of_other_programs(tmp_path, name):
    path = table(tmp_path / "a.csv", **FRAME)
    path.write_text(path.read_text().replace("x,", f"{name},", 1))
    assert read_lineage(path).position[:, 2].tolist() == [s[2] for s in SPOTS]
    assert [f.path for f in find_lineages([tmp_path])] == [path]


@pytest.mark.parametrize(("unit", "factor"), [("um", 1), ("µm", 1), ("μm", 1), ("nm", 0.001)])
def test_positions_in_a_unit_become_pixels_of_the_given_size(tmp_path, unit, factor):
    path = table(tmp_path / "a.csv", **FRAME, **{f"radius [{unit}]": lambda s: 2 / factor})
    path.write_text(path.read_text().replace("x,y,z", f"x [{unit}],y [{unit}],z [{unit}]", 1))
    stored = read_lineage(path)
    assert stored.position_um()[0] == pytest.approx(np.array([3, 5, 10]) * factor)
    pixels = read_lineage(path, spacing_um=(1, 0.5, 0.1))
    assert pixels.position_um() == pytest.approx(stored.position_um())
    assert pixels.position[0] == pytest.approx(np.array([3, 10, 100]) * factor)
    assert pixels.radius_px == pytest.approx(np.full(7, 20))


@pytest.mark.parametrize("column", ["radius_um", "Radius (µm)", "diameter_um"])
def test_a_radius_in_um_waits_for_the_size_of_a_pixel(tmp_path, column):
    path = table(tmp_path / "a.csv", **FRAME, **{column: lambda s: 4 if "dia" in column else 2})
    unknown = read_lineage(path)
    assert np.isnan(unknown.radius_px).all()
    assert unknown.extra["radius_um"].tolist() == [2] * 7
    known = read_lineage(path, spacing_um=(1, 0.1, 0.1))
    assert known.radius_px == pytest.approx(np.full(7, 20))
    assert "radius_um" not in known.extra


def test_lines_of_names_and_units_below_the_header_are_no_rows(tmp_path):
    """As TrackMate writes its tables: keys, names, short names, units."""
    path = tmp_path / "spots.csv"
    path.write_text(
        "LABEL,ID,TRACK_ID,POSITION_X,POSITION_Y,POSITION_Z,FRAME,RADIUS\n"
        "Label,Spot ID,Track ID,X,Y,Z,Frame,Radius\n"
        "Label,Spot ID,Track ID,X,Y,Z,Frame,R\n"
        ",,,(micron),(micron),(micron),,(micron)\n"
        "ID7,7,0,1.5,2.5,0,0,3\n"
        "ID9,9,0,1.6,2.5,0,1,3\n"
        "ID8,8,None,8,2.5,0,1,3\n"
    )
    read = read_lineage_checked(path)
    assert read.lineage.parent.tolist() == [-1, 0, -1]
    assert read.lineage.spacing.um("ZYX") == (1, 1, 1)
    assert not read.findings


def test_names_in_two_lines_are_one_name(tmp_path):
    """As Mastodon writes its tables."""
    path = tmp_path / "spots.csv"
    path.write_text(
        '"Label","ID","Spot frame","Spot position","Spot position","Spot position","Spot radius"\n'
        '"","","","X","Y","Z",""\n'
        '"","","","(pixel)","(pixel)","(pixel)","(pixel)"\n'
        '"1","1","0","1.5","2.5","0","3"\n'
        '"2","2","1","1.5","2.5","0","3"\n'
    )
    read = read_lineage_checked(path)
    assert read.lineage.position[:, 2].tolist() == [1.5, 1.5]
    assert read.lineage.radius_px.tolist() == [3, 3]
    assert not read.findings


def test_titles_above_the_header_are_passed_by(tmp_path):
    """As Imaris writes its tables, with the unit in a column of its own."""
    path = tmp_path / "Position.csv"
    path.write_text(
        "\nPosition\n====================\n"
        "Position X,Position Y,Position Z,Unit,Category,Time,TrackID,ID,\n"
        "1,2,3,um,Spot,1,1000000000,0,\n1,2,3,um,Spot,2,1000000000,1,\n"
    )
    lineage = read_lineage(path)
    assert lineage.frame.tolist() == [0, 1]
    assert lineage.parent.tolist() == [-1, 0]
    assert lineage.position_um()[0].tolist() == [3, 2, 1]


def test_names_that_are_missing_are_no_cell(tmp_path):
    read = read_lineage_checked(table(tmp_path / "a.csv", **FRAME, name=lambda s: "NA"))
    assert read.lineage.name.tolist() == [""] * 7
    assert not read.findings


def test_a_missing_number_is_unknown_and_no_reason_to_leave_a_row_out(tmp_path):
    read = read_lineage_checked(table(tmp_path / "a.csv", **FRAME, size=lambda s: "N/A"))
    assert len(read.lineage) == 7
    assert np.isnan(read.lineage.radius_px).all()


EPIC = "cell,time,z,x,y,size"


@pytest.mark.parametrize("column", ["my_parent_ref", "mother cell 2", "daughters", "successors"])
def test_a_table_with_the_columns_of_epic_says_which_links_it_did_not_read(tmp_path, column):
    path = tmp_path / "CDa.csv"
    path.write_text(f"{EPIC},{column}\nAB,1,3,10,10,9,P0\nABa,2,3,9,10,9,AB\n")
    read = read_lineage_checked(path)
    assert read.format == "epic"
    assert rules(read) == ["links-not-read"]
    assert column in read.findings[0].reason
    assert read.lineage.parent.tolist() == [-1, 0]


def test_a_table_with_the_columns_of_epic_and_others_is_whole(tmp_path):
    path = tmp_path / "CDa.csv"
    path.write_text(f"{EPIC},blot,lineage\nAB,1,3,10,10,9,0.5,AB\nABa,2,3,9,10,9,0.1,AB\n")
    assert not read_lineage_checked(path).findings


def test_places_in_several_units_are_said(tmp_path):
    columns = {"frame": lambda s: s[1], "z": lambda s: 4, "x_um": lambda s: s[2]}
    columns |= {"y_nm": lambda s: 2000}
    path = tmp_path / "a.csv"
    lines = [",".join(columns), *(",".join(str(c(s)) for c in columns.values()) for s in SPOTS)]
    path.write_text("\n".join(lines) + "\n")
    read = read_lineage_checked(path)
    assert rules(read) == ["odd-axes"]
    assert read.lineage.position_um()[0].tolist() == [4, 2, 10]


def test_a_unit_of_places_that_is_not_known_is_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("frame,Position X,Position Y,Position Z,Unit\n0,1,2,3,um\n1,1,2,3,inch\n")
    read = read_lineage_checked(path)
    assert rules(read) == ["no-scale"]
    assert "um and inch" in read.findings[0].reason


def test_in_python_findings_of_reading_travel_with_the_lineage(tmp_path):
    rows = ["id,frame,z,y,x,parent"]
    rows += [f"{i},{i},3,{5 + i},{10 + i},{77 if i == 4 else ''}" for i in range(8)]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    lineage = fs.read_lineage(tmp_path / "a.csv", spacing_um=(1, 1, 1), interval_min=1)
    assert [f.rule for f in lineage.findings] == ["unknown-parent"]
    assert ("a.csv", "unknown-parent") in {(f.file, f.rule) for f in fs.lint_lineage(lineage)}
    assert {f.file for f in fs.lint_lineage(lineage)} == {"a.csv"}
    named = fs.name_lineage(lineage)
    assert ("a.csv", "unknown-parent") in {(f.file, f.rule) for f in named.findings}
    assert fs.link_lineage(lineage).findings == lineage.findings


def written(path, text, encoding="utf-8"):
    path.write_text(text, encoding=encoding)
    return read_lineage_checked(path)


@pytest.mark.parametrize("place", ["Center_of_the_object", "Object_Center"])
def test_a_table_of_ilastik_is_read_and_objects_without_a_track_stay_alone(tmp_path, place):
    read = written(
        tmp_path / "a.csv",
        f"frame,labelimageId,trackId,lineageId,parentTrackId,mergerLabelId,{place}_0,{place}_1\n"
        "0,1,1,1,0,0,20,10\n1,1,1,1,0,0,21,11\n2,1,2,1,1,0,22,12\n2,2,3,1,1,0,26,16\n"
        "1,2,-1,-1,0,0,1,2\n2,3,-1,-1,0,0,1,2\n",
    )
    assert read.lineage.parent.tolist() == [-1, 0, 1, 1, -1, -1]
    assert read.lineage.position[0].tolist() == [0, 10, 20]
    assert not read.findings


def test_a_table_of_manual_tracking_in_fiji_is_read(tmp_path):
    header = " \tTrack n\N{DEGREE SIGN}\tSlice n\N{DEGREE SIGN}\tX\tY\tDistance\n"
    rows = "1\t1\t1\t20\t10\t-1\n2\t1\t2\t21\t11\t0.1\n3\t2\t1\t60\t50\t-1\n"
    read = written(tmp_path / "a.txt", header + rows, "cp1252")
    assert read.lineage.frame.tolist() == [0, 1, 0]
    assert read.lineage.position[0].tolist() == [0, 10, 20]
    assert read.lineage.parent.tolist() == [-1, 0, -1]
    assert not read.findings


@pytest.mark.parametrize("column", ["tree_id", "lineage_id", "root", "treeId"])
def test_tracks_of_one_tree_without_mothers_are_said(tmp_path, column):
    head = f"frame,x,y,track_id,{column}\n"
    rows = "0,20,10,0,0\n1,20,10,0,0\n2,22,12,1,0\n2,25,15,2,0\n0,50,50,3,1\n"
    read = written(tmp_path / "a.csv", head + rows)
    assert [(f.rule, f.value) for f in read.findings] == [("links-not-read", 1)]
    assert column in read.findings[0].reason
    alone = "0,20,10,0,0\n1,20,10,0,0\n0,50,50,3,1\n1,50,50,3,1\n"
    assert not written(tmp_path / "b.csv", head + alone).findings


def test_numbers_that_come_again_from_frame_to_frame_are_said(tmp_path):
    read = written(tmp_path / "a.csv", "index,t,y,x\n0,0,1,2\n0,1,1,2\n1,0,5,6\n1,1,5,6\n")
    assert [(f.rule, f.severity) for f in read.findings] == [("links-not-read", "info")]
    read = written(tmp_path / "b.csv", "index,t,y,x\n0,0,1,2\n1,1,1,2\n2,0,5,6\n3,1,5,6\n")
    assert not read.findings


def test_thousands_with_a_comma_are_no_small_numbers(tmp_path):
    rows = 'AB,1,3,"1,100",10,9,0\nAB,2,3,998,10,9,0\nAB,3,3,990,10,9,0\n'
    read = written(tmp_path / "CDa.csv", f"{EPIC},blot\n{rows}")
    assert rules(read) == ["unreadable"]
    assert "1,100" in read.findings[0].reason
    assert read.lineage.frame.tolist() == [1, 2]
    rows = 'AB,1,3,5,10,9,"25,500"\nAB,2,3,5,10,9,"1,234,567"\n'
    read = written(tmp_path / "CDb.csv", f"{EPIC},blot\n{rows}")
    assert read.lineage.extra["blot"].tolist() == ["25,500", "1,234,567"]
    read = written(tmp_path / "c.csv", "frame;x;y\n0;1,100;2,5\n")
    assert read.lineage.position[0].tolist() == [0, 2.5, 1.1]


def test_cell_time_that_says_something_else_is_said(tmp_path):
    text = "cellTime,cell,time,z,x,y,size\nAB:1,AB,1,3,9,9,9\nAB:2,AB,3,3,9,9,9\n"
    read = written(tmp_path / "CDa.csv", text)
    assert [(f.rule, f.value) for f in read.findings] == [("left-out", 1)]
    assert not written(tmp_path / "CDb.csv", text.replace("AB,3", "AB,2")).findings
