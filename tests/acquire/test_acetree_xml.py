"""The XML beside an AceTree archive: new ones open elsewhere, read ones keep what is theirs."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from fatescope.acquire.lineages import read_lineage, write_lineage
from fatescope.base import InputError, Lineage, Spacing
from fatescope.systems.lineages.convert import convert_lineages

THEIRS = """<?xml version='1.0' encoding='utf-8'?>
<embryo>
  <!-- edited by hand: keep -->
  <image file="tif/embryo-t001.tif"/>
  <nuclei file="old.zip"/>
  <end index="475"/>
  <resolution xyRes="0.254" zRes="1" planeEnd="35"/> <exprCorr type="blot"/>
  <ourOwnTag colour='green'/>
  <polar size="15"/>
</embryo>
"""


def lineage(**steps):
    return Lineage(
        frame=np.array([0, 1, 2]),
        position=np.array([[4.0, 10, 20], [4, 11, 20], [6, 12, 21]]),
        parent=np.array([-1, 0, 1]),
        name=np.array(["ABa"] * 3, dtype=object),
        radius_px=np.full(3, 5.0),
        spacing=Spacing.of(source="file", **steps),
    )


def tags(path):
    return {e.tag: e.attrib for e in ET.fromstring(path.read_text("utf-8"))}


def test_a_new_one_says_what_is_known_and_leads_to_the_images(tmp_path):
    first = tmp_path / "movie" / "a & b_t001.tif"
    first.parent.mkdir()
    first.write_bytes(b"")
    known = lineage(Z=0.75, Y=0.15, X=0.15)
    write_lineage(known, tmp_path / "out.zip", images=first)
    said = tags(tmp_path / "out.xml")
    assert said["nuclei"] == {"file": "out.zip"}
    assert said["image"] == {"file": "movie/a & b_t001.tif"}
    assert said["end"] == {"index": "3"}
    assert said["resolution"] == {"xyRes": "0.15", "zRes": "0.75", "planeEnd": "7"}
    assert {"exprCorr", "useStack", "Split", "polar"} <= set(said)
    again = read_lineage(tmp_path / "out.xml")
    assert again.spacing.um("ZYX") == (0.75, 0.15, 0.15)
    np.testing.assert_array_equal(again.position, known.position)


def test_what_is_not_known_is_left_out(tmp_path):
    write_lineage(lineage(), tmp_path / "out.zip")
    said = tags(tmp_path / "out.xml")
    assert "image" not in said
    assert "resolution" not in said


def test_what_was_read_is_kept_and_its_images_are_found_from_the_new_folder(tmp_path):
    (tmp_path / "old" / "tif").mkdir(parents=True)
    (tmp_path / "old" / "tif" / "embryo-t001.tif").write_bytes(b"")
    write_lineage(lineage(), tmp_path / "old" / "old.zip")
    (tmp_path / "old" / "old.xml").write_text(THEIRS, "utf-8")
    convert_lineages([tmp_path / "old" / "old.xml"], out=tmp_path / "new", to="acetree")
    text = (tmp_path / "new" / "old.xml").read_text("utf-8")
    expected = THEIRS.replace('"tif/embryo-t001.tif"', '"../old/tif/embryo-t001.tif"').replace(
        'index="475"', 'index="3"'
    )
    assert text == expected


def test_an_xml_that_lies_there_keeps_its_other_tags(tmp_path):
    (tmp_path / "a.xml").write_text(THEIRS, "utf-8")
    write_lineage(lineage(Z=0.5, Y=0.1, X=0.1), tmp_path / "a.zip")
    text = (tmp_path / "a.xml").read_text("utf-8")
    assert "<!-- edited by hand: keep -->" in text
    assert "<ourOwnTag colour='green'/>" in text
    assert tags(tmp_path / "a.xml")["resolution"] == {
        "xyRes": "0.1",
        "zRes": "0.5",
        "planeEnd": "35",
    }
    before = text
    write_lineage(lineage(Z=0.5, Y=0.1, X=0.1), tmp_path / "a.zip")
    assert (tmp_path / "a.xml").read_text("utf-8") == before


def test_images_are_those_of_one_movie_and_of_this_format(tmp_path):
    write_lineage(lineage(), tmp_path / "a.zip")
    write_lineage(lineage(), tmp_path / "b.zip")
    both = [tmp_path / "a.zip", tmp_path / "b.zip"]
    with pytest.raises(InputError, match="--images belongs to --to acetree"):
        convert_lineages(both, out=tmp_path / "o", to="csv", images=tmp_path / "a.zip")
    with pytest.raises(InputError, match="there are 2 lineages"):
        convert_lineages(both, out=tmp_path / "o", to="acetree", images=tmp_path / "a.zip")
    with pytest.raises(InputError, match="is no file"):
        convert_lineages(both[:1], out=tmp_path / "o", to="acetree", images=tmp_path / "x.tif")
