"""Labels for other programs and back: the very labels, whatever their shape; touching cells too."""

import json
import zipfile

import numpy as np
import pytest
from tests.acquire.image_files import plain_tiff, ramp
from typer.testing import CliRunner

from fatescope.acquire import read_labels, write_labels
from fatescope.acquire.images.outlines_in import filled
from fatescope.base import InputError, Spacing
from fatescope.cli.groups import app
from fatescope.cli.main import load_commands
from fatescope.systems.labels.convert import convert_labels

load_commands()


def _kinds():
    rng = np.random.default_rng(0)
    touching = np.repeat(np.repeat(np.arange(1, 13).reshape(3, 4), 5, 0), 6, 1)
    ring = np.zeros((12, 12), int)
    ring[2:10, 2:10], ring[4:8, 4:8], ring[5:7, 5:7] = 3, 0, 3
    nested = np.where(ring == 0, 0, 4)
    nested[4:8, 4:8] = 9
    corners = np.eye(7, dtype=int) * 5
    pieces = np.zeros((9, 20), int)
    pieces[1:3, 1:3], pieces[6:8, 15:19], pieces[4, 8] = 2, 2, 7
    gaps = np.zeros((8, 8), int)
    gaps[0, 0], gaps[3:5, 3:5], gaps[7, 7] = 300, 70000, 1
    return {
        "touching": ("YX", touching),
        "a ring with an island": ("YX", ring),
        "a cell in a cell": ("YX", nested),
        "pixels that meet at corners": ("YX", corners),
        "two pieces": ("YX", pieces),
        "gaps in the numbers": ("YX", gaps),
        "noise": ("YX", rng.integers(0, 6, (30, 31))),
        "the whole image": ("YX", np.full((4, 5), 8)),
        "a volume": ("ZYX", rng.integers(0, 4, (3, 9, 8))),
        "a movie of volumes": ("TZYX", rng.integers(0, 4, (2, 3, 9, 8))),
    }


KINDS = _kinds()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("to", ["rois", "geojson", "zarr", "masks"])
def test_labels_leave_and_come_back_as_they_were(tmp_path, kind, to):
    axes, labels = KINDS[kind]
    spacing = Spacing.of(source="file", Y=0.5, X=0.25)
    write_labels(
        tmp_path / "a.tif", labels, shape=labels.shape, axes=axes, dtype="uint32", spacing=spacing
    )
    out = tmp_path / "out"
    assert convert_labels([tmp_path / "a.tif"], out=out, to=to).exit_code == 0
    endings = {"rois": "_rois.zip", "zarr": ".ome.zarr", "masks": "_masks.tif"}
    written = out / f"a{endings.get(to, '.geojson')}"
    if to in ("rois", "geojson"):
        done = convert_labels([written], out=tmp_path / "back", like=tmp_path / "a.tif")
        assert (done.exit_code, done.findings) == (0, 0)
        written = tmp_path / "back" / f"{written.stem}.tif"
    again = read_labels(written)
    assert again.axes == axes
    np.testing.assert_array_equal(again.read(), labels)
    assert again.spacing.um("YX") == pytest.approx((0.5, 0.25))


def test_holes_of_geojson_lie_behind_the_outline_that_they_are_in(tmp_path):
    axes, labels = KINDS["a ring with an island"]
    write_labels(
        tmp_path / "a.tif", labels, shape=labels.shape, axes=axes, dtype="uint8", spacing=Spacing()
    )
    convert_labels([tmp_path / "a.tif"], out=tmp_path / "out", to="geojson")
    (feature,) = json.loads((tmp_path / "out" / "a.geojson").read_text())["features"]
    rings = [len(polygon) for polygon in feature["geometry"]["coordinates"]]
    assert sorted(rings) == [1, 2]
    assert all(r[0] == r[-1] for p in feature["geometry"]["coordinates"] for r in p)


def test_a_slanted_outline_takes_the_pixels_whose_middle_it_holds():
    triangle = np.array([[0, 0], [4, 0], [0, 4]], float)
    inside, corner = filled([triangle], (10, 10))
    assert corner == (0, 0)
    middles = np.add.outer(np.arange(4) + 0.5, np.arange(4) + 0.5)
    np.testing.assert_array_equal(inside[middles != 4], (middles < 4)[middles != 4])


def test_outlines_of_a_person_get_free_numbers_and_overlaps_are_said(tmp_path):
    roifile = pytest.importorskip("roifile")
    plain_tiff(tmp_path / "a.tif", ramp(20, 20))
    boxes = {"0012-0034": (2, 2), "cell": (5, 5), "far": (50, 50), "7": (12, 12)}
    with zipfile.ZipFile(tmp_path / "drawn.zip", "w") as archive:
        for name, (y, x) in boxes.items():
            square = np.array([[x, y], [x + 5, y], [x + 5, y + 5], [x, y + 5]])
            roi = roifile.ImagejRoi.frompoints(square, name=name)
            roi.roitype = roifile.ROI_TYPE.POLYGON
            archive.writestr(f"{name}.roi", roi.tobytes())
    words = ["convert", tmp_path / "drawn.zip", "--like", tmp_path / "a.tif"]
    done = CliRunner().invoke(app, [*map(str, words), "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    labels = read_labels(tmp_path / "out" / "drawn.tif").read()
    numbers = dict(zip(*np.unique(labels, return_counts=True), strict=True))
    assert set(numbers) == {0, 1, 2, 7}  # what Fiji calls an outline by its place is no number
    assert (numbers[1], numbers[2], numbers[7]) == (25, 25 - 4, 25)
    said = (tmp_path / "out" / "findings.csv").read_text()
    assert "4 pixels lie in more than one outline" in said
    assert "1 outlines hold no pixel" in said


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.zip", b"PK\x03\x04 nothing"), ("a.geojson", b"[1, 2]"), ("a.geojson", b"\xff\xfe{")],
)
def test_what_holds_no_outlines_costs_one_sentence(tmp_path, name, content):
    plain_tiff(tmp_path / "like.tif", ramp(20, 20))
    (tmp_path / name).write_bytes(content)
    done = convert_labels([tmp_path / name], out=tmp_path / "out", like=tmp_path / "like.tif")
    assert done.exit_code != 0
    assert len(done.errors) == 1
    assert name in done.errors[0]


def test_what_is_missing_is_asked_for(tmp_path):
    with pytest.raises(InputError, match=r"Give it with --like"):
        convert_labels([tmp_path / "a.zip"], out=tmp_path / "out")
    with pytest.raises(InputError, match=r"Give --to rois, geojson, zarr"):
        convert_labels([tmp_path / "a.tif"], out=tmp_path / "out")
