"""Every tree written and read again is the same tree, as far as the format can carry it."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.acquire.lineage_cases import TWO_DIVISIONS, lineages, same_tree, tree_set

from fatescope.acquire import read_image
from fatescope.acquire.lineages import (
    FORMATS,
    from_networkx,
    losses,
    read_lineage,
    read_lineage_checked,
    recognise,
    to_networkx,
    write_lineage,
)
from fatescope.base.errors import FileFormatError, InputError
from fatescope.base.spacing import Length, Spacing

SUFFIX = {
    "epic": "CD.csv.gz",
    "csv": "table.csv",
    "acetree": "nuclei.zip",
    "newick": "tree.nwk",
    "ctc": "tracks",
    "geff": "tracks.geff",
    "trackmate": "tracks.xml",
}
relaxed = settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("format", [f for f in FORMATS if f not in ("newick", "ctc")])
@relaxed
@given(data=st.data())
def test_positions_names_links_and_weights_come_back(format, data, tmp_path_factory):
    lineage = data.draw(lineages(whole_pixels=format == "acetree"))
    path = tmp_path_factory.mktemp("trip") / SUFFIX[format]
    write_lineage(lineage, path, format=format)
    assert recognise(path) == ("epic" if format == "csv" else format)
    back = read_lineage(path)
    if format == "acetree":
        assert tree_set(back) == tree_set(lineage)
        order = np.argsort(lineage.frame, kind="stable")
    elif format == "trackmate":
        order = np.argsort(lineage.frame, kind="stable")
        assert tree_set(back) == tree_set(lineage)
    else:
        same_tree(back, lineage)
        order = np.arange(len(lineage))
    np.testing.assert_allclose(back.position, lineage.position[order], atol=1e-9, rtol=0)
    np.testing.assert_allclose(back.radius_px, lineage.radius_px[order], atol=1e-9)
    if format != "trackmate":
        np.testing.assert_array_equal(back.extra["gweight"], lineage.extra["gweight"][order])


@relaxed
@given(lineage=lineages())
def test_newick_keeps_the_tree_and_the_lives(lineage, tmp_path_factory):
    path = tmp_path_factory.mktemp("trip") / "tree.nwk"
    write_lineage(lineage, path)
    assert recognise(path) == "newick"
    back = read_lineage(path)
    assert tree_set(back) == tree_set(lineage)
    assert np.isnan(back.position).all()


@relaxed
@given(lineage=lineages())
def test_a_graph_brings_everything_back(lineage):
    back = from_networkx(to_networkx(lineage))
    same_tree(back, lineage)
    np.testing.assert_array_equal(back.position, lineage.position)
    assert back.spacing == lineage.spacing
    assert list(back.extra) == list(lineage.extra)


def test_tracks_and_masks_bring_back_the_tree_and_places_within_a_voxel(tmp_path):
    path = tmp_path / "tracks"
    write_lineage(TWO_DIVISIONS, path, format="ctc")
    assert recognise(path) == "ctc"
    table = (path / "res_track.txt").read_text().splitlines()
    assert table == ["1 0 0 0", "2 1 2 1", "3 3 3 2", "4 3 3 2", "5 1 3 1"]
    back = read_lineage(path)
    assert tree_set(back) == tree_set(TWO_DIVISIONS)
    order = [[*zip(lin.name, lin.frame, strict=True)] for lin in (back, TWO_DIVISIONS)]
    rows = [order[1].index(k) for k in order[0]]
    moved = np.abs(back.position - TWO_DIVISIONS.position[rows])
    assert moved[:, 1:].max() < 1
    with pytest.raises(FileFormatError, match="exists"):
        write_lineage(TWO_DIVISIONS, path, format="ctc")


@relaxed
@given(lineage=lineages())
def test_tracks_and_masks_keep_any_tree(lineage, tmp_path_factory):
    path = tmp_path_factory.mktemp("trip") / "tracks"
    apart = np.arange(len(lineage))[:, None] % 7 * np.array([0.0, 9.0, 11.0])
    write_lineage(replace(lineage, position=lineage.position + apart), path, format="ctc")
    assert tree_set(read_lineage(path)) == tree_set(lineage)


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "epic"])
def test_names_in_any_alphabet_come_back(format, tmp_path):
    names = {"AB": "細胞 1", "ABa": "клетка,'a'", "ABp": 'κύτταρο "p"', "P1": "خلية; (2)"}
    name = np.array([names.get(n, n) for n in TWO_DIVISIONS.name], dtype=object)
    lineage = replace(TWO_DIVISIONS, name=name)
    path = tmp_path / SUFFIX[format]
    if format == "acetree":  # its fields end at a comma
        with pytest.raises(InputError, match="names with a comma"):
            write_lineage(lineage, path, format=format)
        name[name == names["ABa"]] = names["ABa"].replace(",", " ")
    write_lineage(lineage, path, format=format)
    assert tree_set(read_lineage(path)) == tree_set(lineage)


@pytest.mark.parametrize("format", ["geff", "csv"])
def test_negative_frames_and_unnamed_nuclei_travel(format, tmp_path):
    lineage = replace(
        TWO_DIVISIONS,
        frame=TWO_DIVISIONS.frame - 5,
        name=np.full(8, "", dtype=object),
    )
    path = tmp_path / SUFFIX[format]
    write_lineage(lineage, path)
    same_tree(read_lineage(path), lineage)


def test_geff_keeps_spacing_sources_and_axes_in_pixels(tmp_path):
    steps = {"Z": Length(1.0, "user"), "Y": Length(0.1, "file"), "X": Length(0.1, "assumed")}
    lineage = replace(TWO_DIVISIONS, spacing=Spacing({**steps, "T": Length(1.25, "estimated")}))
    write_lineage(lineage, tmp_path / "a.geff")
    back = read_lineage(tmp_path / "a.geff")
    assert back.spacing == lineage.spacing
    write_lineage(lineage, tmp_path / "a.geff")  # a group of ours is replaced
    (tmp_path / "b.geff").mkdir()
    with pytest.raises(FileFormatError, match="not a GEFF group"):
        write_lineage(lineage, tmp_path / "b.geff")


def test_acetree_becomes_geff_and_comes_back(tmp_path):
    write_lineage(TWO_DIVISIONS, tmp_path / "a.zip")
    write_lineage(read_lineage(tmp_path / "a.zip"), tmp_path / "a.geff")
    write_lineage(read_lineage(tmp_path / "a.geff"), tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_losses_are_said_before_they_happen():
    gap = replace(TWO_DIVISIONS, frame=np.array([0, 1, 2, 6, 6, 1, 2, 3]))
    assert losses(TWO_DIVISIONS, format="csv") == []
    assert losses(TWO_DIVISIONS, format="epic") == []
    assert losses(gap, format="acetree") == ["2 links across empty frames are lost"]
    unnamed = replace(TWO_DIVISIONS, name=np.full(8, "", dtype=object))
    assert losses(unnamed, format="epic") == ["7 links do not follow from the names and are lost"]
    assert "positions" in losses(TWO_DIVISIONS, format="newick")[0]


def test_an_archive_refuses_what_it_cannot_say(tmp_path):
    early = replace(TWO_DIVISIONS, frame=TWO_DIVISIONS.frame - 1)
    with pytest.raises(InputError, match="before the first"):
        write_lineage(early, tmp_path / "a.zip")
    nowhere = replace(TWO_DIVISIONS, position=np.full((8, 3), np.nan))
    for name in ("a.zip", "a.geff", "a.xml"):
        with pytest.raises(InputError, match="position"):
            write_lineage(nowhere, tmp_path / name)
    with pytest.raises(InputError, match="suffix"):
        write_lineage(TWO_DIVISIONS, tmp_path / "a.docx")


def test_the_same_lineage_gives_the_same_bytes(tmp_path):
    for format in ("epic", "csv", "acetree", "newick", "trackmate"):
        paths = [tmp_path / f"{i}{SUFFIX[format]}" for i in (1, 2)]
        for path in paths:
            write_lineage(TWO_DIVISIONS, path, format=format)
        assert paths[0].read_bytes() == paths[1].read_bytes(), format


@pytest.mark.data
def test_tables_of_the_collection_come_back_byte_for_byte(data_dir, tmp_path):
    for path in sorted((data_dir / "epic_tables").glob("CD*.csv.gz"))[::14]:
        read = read_lineage_checked(path)
        assert read.findings == []
        write_lineage(read.lineage, tmp_path / "CD.csv")
        assert (tmp_path / "CD.csv").read_bytes() == gzip.decompress(path.read_bytes())


@pytest.mark.slow
@pytest.mark.data
def test_the_sample_archive_agrees_with_its_cd_table(data_dir):
    folder = data_dir / "acetree_samples"
    archive = read_lineage(folder / "20241108_JIM767_25_L5-edit.zip")
    by_xml = read_lineage(folder / "20241108_JIM767_25_L5-edit.xml")
    same_tree(archive, by_xml)
    assert len(archive) == 76_688
    assert archive.metadata["deleted_nuclei"] == 12_420
    assert archive.metadata["pose"] == {"value": "PVL", "source": "file"}
    assert archive.spacing.um("ZYX") == (0.5, 0.087, 0.087)
    assert archive.spacing.steps["X"].source == "file"
    assert archive.spacing.interval_min == pytest.approx(1.5, abs=0.1)
    table = read_lineage(folder / "CD20241108_JIM767_25_L5.csv.gz")
    places = dict(
        zip(
            zip(archive.name.tolist(), archive.frame.tolist(), strict=True),
            archive.position.tolist(),
            strict=True,
        )
    )
    keys = zip(table.name.tolist(), table.frame.tolist(), strict=True)
    found = [places.get(k) for k in keys]
    there = np.array([f is not None for f in found])
    assert there.sum() >= 19_990
    inside = np.array([f for f in found if f is not None])
    # A few rows were edited between the table and the archive.
    assert (np.abs(inside - table.position[there]).max(axis=1) <= 0.051).mean() > 0.995


def test_masks_of_three_planes_are_planes_and_no_colours(tmp_path):
    flat = replace(TWO_DIVISIONS, position=TWO_DIVISIONS.position * [0.2, 1, 1])
    write_lineage(flat, tmp_path / "tracks", format="ctc")
    for mask in (tmp_path / "tracks").glob("mask*.tif"):
        image = read_image(mask)
        assert image.axes.endswith("YX")
        assert image.shape[0] == 3
        assert "C" not in image.axes
