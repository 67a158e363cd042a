"""Positions of one recording as fields of a plate: files made here, cut from one known picture."""

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter
from tests.acquire.file_sets import micromanager, ndtiff
from tests.acquire.microscope_files import lif
from tests.acquire.nd2_file import nd2

from fatescope.acquire import read_table
from fatescope.acquire.plates import PlateReading, read_field, read_plate
from fatescope.base import FileFormatError
from fatescope.plate import StitchSettings
from fatescope.systems.plates.stitching import stitch_plate

SIDE, APART, UM = 96, 72, 0.5


def picture(seed=0):
    """Cells enough for any two fields to be matched where they overlap."""
    rng = np.random.default_rng(seed)
    size = SIDE + 2 * APART + 12
    return (gaussian_filter(rng.normal(size=(size, size)), 1.5) * 4000 + 3000).astype(np.uint16)


def places(seed=1):
    """Upper left pixels of nine fields that lie nearly on a grid."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(range(3), range(3), indexing="ij"), axis=-1).reshape(-1, 2)
    return 6 + grid * APART + rng.integers(-5, 6, (9, 2)), grid * APART


def cut(image, place):
    y, x = place
    return image[y : y + SIDE, x : x + SIDE]


def ome_files(folder, wells=("",), *, turn=((1, 0), (0, 1))):
    """A file for each position: the stage is turned against the camera by ``turn``."""
    folder.mkdir()
    true, nominal = places()
    for w, well in enumerate(wells):
        for n, (place, told) in enumerate(zip(true, nominal, strict=True)):
            y, x = np.array(turn) @ told * UM
            plane = {f"Position{a}": [float(v)] for a, v in (("Y", y + 5000), ("X", x - 800))}
            plane |= {f"Position{a}Unit": ["µm"] for a in "YX"}
            about = {"axes": "YX", "PhysicalSizeX": UM, "PhysicalSizeY": UM, "Plane": plane}
            about["Channel"] = {"Name": ["DAPI"]}
            tifffile.imwrite(
                folder / f"{well}_{n + 1:04d}.ome.tif", cut(picture(w), place), metadata=about
            )
    return folder


def czi_file(path):
    library = pytest.importorskip("pylibCZIrw.czi")
    true, _ = places()
    with library.create_czi(str(path)) as document:
        for s, place in enumerate(true):
            y, x = (int(v) for v in place)
            document.write(cut(picture(), place), scene=s, location=(x, y))
        document.write_metadata("made", channel_names={0: "DAPI"}, scale_x=5e-7, scale_y=5e-7)
    return path


def cuts():
    return np.stack([cut(picture(), place) for place in places()[0]])


def nd2_file(path):
    pytest.importorskip("nd2")
    pixels = cuts()[None, :, None, None]
    return nd2(path, pixels, channels=("DAPI",), um=UM, places_um=places()[1] * UM)


def lif_file(path):
    pytest.importorskip("liffile")
    return lif(
        path, {"well": ((cuts() // 32).astype("uint8"), ())}, places_um=places()[1] * (0.25, 0.2)
    )


def stitched(plate, out):
    summary = stitch_plate(plate, out=out, settings=StitchSettings(overlap=0.25))
    assert not summary.errors
    table = read_table(out / "positions.parquet")
    return table, np.column_stack([table["y_px"], table["x_px"]])


def rules(layout):
    return [f.rule for f in layout.findings]


def test_files_named_after_wells_are_a_plate(tmp_path):
    folder = ome_files(tmp_path / "set", ["A1", "B12"])
    layout = read_plate(folder, PlateReading())
    assert layout.format == "positions"
    assert layout.wells == ("A01", "B12")
    assert list(layout.images["B12"]) == [f"{n:04d}" for n in range(1, 10)]
    assert (layout.channels, layout.frames, layout.findings) == (("DAPI",), (0,), ())
    assert layout.spacing.um("YX") == (UM, UM)
    assert layout.positions_um["A01", "0002"] == (5000.0, APART * UM - 800)
    image = read_field(layout, "B12", "0005")
    np.testing.assert_array_equal(image.read(), cut(picture(1), places()[0][4]))


TURNS = {
    "as the image": ((1, 0), (0, 1)),
    "y upward": ((-1, 0), (0, 1)),
    "across": ((0, 1), (-1, 0)),
}


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_overlaps_say_where_fields_lie_however_the_camera_is_turned(tmp_path, turn):
    folder = ome_files(tmp_path / "set", ["C3"], turn=turn)
    table, found = stitched(folder, tmp_path / "out")
    assert table["placed"].all()
    true = places()[0]
    np.testing.assert_allclose(found, true - true.min(axis=0), atol=0.5)


def test_a_file_of_scenes_without_wells_is_one_well_and_says_so(tmp_path):
    path = czi_file(tmp_path / "many.czi")
    layout = read_plate(path, PlateReading())
    assert (layout.wells, len(layout.images["A01"])) == (("A01",), 9)
    assert rules(layout) == ["no-wells"]
    assert "9 positions" in layout.findings[0].reason
    np.testing.assert_array_equal(
        read_field(layout, "A01", "S5").read(), cut(picture(), places()[0][4])
    )
    _, found = stitched(path, tmp_path / "out")
    true = places()[0]
    np.testing.assert_allclose(found, true - true.min(axis=0), atol=0.5)


MADE = {"nd2": (nd2_file, "place_5", 1), "lif": (lif_file, "well_tile5", 32)}


@pytest.mark.parametrize("kind", MADE)
def test_stage_positions_of_a_recording_are_fields_that_are_stitched(tmp_path, kind):
    """The bytes of the formats as the readers of others have them: no file of Nikon or Leica."""
    make, field, divided = MADE[kind]
    path = make(tmp_path / f"many.{kind}")
    layout = read_plate(path, PlateReading())
    assert (layout.wells, len(layout.images["A01"])) == (("A01",), 9)
    image = read_field(layout, "A01", field)
    np.testing.assert_array_equal(image.read(), cut(picture(), places()[0][4]) // divided)
    _, found = stitched(path, tmp_path / "out")
    true = places()[0]
    np.testing.assert_allclose(found, true - true.min(axis=0), atol=0.5)


def test_folders_of_micro_manager_are_named_by_the_well_in_their_names(tmp_path):
    for site in ("A1-Site_0", "A1-Site_1", "A2-Site_0"):
        (tmp_path / "plate" / site).mkdir(parents=True)
        micromanager(tmp_path / "plate" / site, np.ones((1, 2, 1, 40, 50), "uint16"), version=2)
    layout = read_plate(tmp_path / "plate", PlateReading())
    assert {w: list(f) for w, f in layout.images.items()} == {
        "A01": ["Site_0", "Site_1"],
        "A02": ["Site_0"],
    }
    assert layout.positions_um["A02", "Site_0"] == (-20.0, 1000.5)


def test_positions_of_an_ndtiff_recording_are_fields(tmp_path):
    ndtiff(tmp_path / "rec", np.ones((3, 2, 1, 2, 40, 50), "uint16"))
    layout = read_plate(tmp_path / "rec", PlateReading())
    assert (layout.wells, layout.frames, layout.planes) == (("A01",), (0, 1), (0, 1))
    assert list(layout.positions_um.values()) == [(2.5, -7.0), (2.5, 93.0), (2.5, 193.0)]


def test_positions_of_which_one_has_no_stage_are_no_plate(tmp_path):
    folder = ome_files(tmp_path / "set")
    tifffile.imwrite(folder / "other.ome.tif", picture(), metadata={"axes": "YX"})
    with pytest.raises(FileFormatError, match="whose images say where the stage stood"):
        read_plate(folder, PlateReading())


def test_a_file_of_one_image_is_no_plate(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", picture(), metadata={"axes": "YX"})
    with pytest.raises(FileFormatError, match=r"a\.ome\.tif: holds no two images"):
        read_plate(tmp_path / "a.ome.tif", PlateReading())


def test_names_that_nobody_gave_are_no_wells(tmp_path):
    """P1, P2, ... are positions, although a plate of 1536 wells has a row P."""
    folder = tmp_path / "set"
    ome_files(folder, [""])
    for n, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"P{n + 1}.ome.tif")
    layout = read_plate(folder, PlateReading())
    assert layout.wells == ("A01",)
    assert list(layout.images["A01"])[:2] == ["P1", "P2"]


def test_positions_of_another_size_are_left_out_and_said(tmp_path):
    folder = ome_files(tmp_path / "set", ["A1"])
    first = sorted(folder.iterdir())[0]
    with tifffile.TiffFile(first) as tif:
        text = tif.ome_metadata
    tifffile.imwrite(
        first,
        picture()[:50, :60],
        description=text.replace(
            f'SizeX="{SIDE}" SizeY="{SIDE}"', 'SizeX="60" SizeY="50"'
        ).encode(),
        metadata=None,
    )
    layout = read_plate(folder, PlateReading())
    assert len(layout.images["A01"]) == 8
    assert rules(layout) == ["left-out"]
