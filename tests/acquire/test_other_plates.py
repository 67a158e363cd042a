"""Plates of ScanR, Cytation and Fractal, as their layouts are published."""

import json
import shutil

import numpy as np
import pytest
from tests.acquire import plate_cases as cases
from tests.acquire.plate_cases import write_tiff

from fatescope.acquire.plates import PlateReading, read_field, read_plate
from fatescope.base import FileFormatError

ANY = PlateReading()


def rules(layout):
    return [f.rule for f in layout.findings]


def scanr(root, *, named=True, descriptor=True):
    """Two wells, two fields, two channels, two frames, two planes."""
    wells = {1: "A1", 14: "B2"}
    for number, well in wells.items():
        for p, z, t in np.ndindex(2, 2, 2):
            for c, channel in enumerate(("DAPI", "Alexa 488")):
                name = f"{well * named}--W{number:05d}--P{p + 1:05d}--Z{z:05d}--T{t:05d}--{channel}"
                write_tiff(root / "data" / f"{name}.tif", 16 * p + 8 * z + 4 * t + 2 * c)
    if descriptor:
        table = "".join(
            f"<String><Name></Name><Val>{v}</Val></String>" for pair in wells.items() for v in pair
        )
        (root / "experiment_descriptor.xml").write_bytes(
            "<Root><DBL><Name>conversion factor um/pixel</Name><Val>0.645</Val></DBL>"
            f"<Array><Name>well selection table + cDNA</Name>{table}</Array>"
            "<String><Name>objective µ</Name><Val>20x</Val></String></Root>".encode("latin-1")
        )
    return root


@pytest.mark.parametrize("named", [True, False], ids=["wells in names", "wells in the descriptor"])
def test_a_scanr_plate_is_read_with_its_scale(tmp_path, named):
    layout = read_plate(scanr(tmp_path, named=named), ANY)
    assert layout.format == "scanr"
    assert {w: list(f) for w, f in layout.images.items()} == {"A01": ["1", "2"], "B02": ["1", "2"]}
    assert (layout.channels, layout.frames, layout.planes) == (
        ("Alexa 488", "DAPI"),
        (0, 1),
        (0, 1),
    )
    assert (layout.missing, layout.findings) == (0, ())
    assert layout.spacing.um("YX") == (0.645, 0.645)
    field = read_field(layout, "B02", "2")
    assert field.axes == "TCZYX"
    assert field.read(T=1, C=0, Z=1)[0, 0] == 16 + 8 + 4 + 2


def test_a_scanr_plate_whose_wells_are_numbers_alone_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"well number 1, and experiment_descriptor\.xml"):
        read_plate(scanr(tmp_path, named=False, descriptor=False), ANY)


def test_a_scanr_plate_says_its_scale_in_ome_xml_too(tmp_path):
    scanr(tmp_path, descriptor=False)
    (tmp_path / "data" / "metadata.ome.xml").write_text(
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" PhysicalSizeX="322" PhysicalSizeXUnit="nm" PhysicalSizeY="322" '
        'PhysicalSizeYUnit="nm"/></Image></OME>'
    )
    assert read_plate(tmp_path, ANY).spacing.um("YX") == (0.322, 0.322)


def test_a_damaged_scanr_descriptor_leaves_the_scale_unknown(tmp_path):
    scanr(tmp_path)
    (tmp_path / "experiment_descriptor.xml").write_text("<Root><DBL>")
    layout = read_plate(tmp_path, ANY)
    assert layout.spacing.um("YX") is None
    assert layout.wells == ("A01", "B02")


def cytation(root, names):
    for value, name in enumerate(names):
        write_tiff(root / f"{name}.tif", value)
    return root


def test_a_cytation_export_is_read_by_the_names_of_its_files(tmp_path):
    names = [
        f"{well}_02_{c + 1}_{field}_{channel}_{frame:03d}"
        for well in ("A1", "C12")
        for field in (1, 2, 3)
        for c, channel in enumerate(("Bright Field", "DAPI 377,447"))
        for frame in (1, 2)
    ]
    layout = read_plate(cytation(tmp_path, names), ANY)
    assert layout.format == "cytation"
    assert {w: list(f) for w, f in layout.images.items()} == {
        "A01": ["1", "2", "3"],
        "C12": ["1", "2", "3"],
    }
    assert (layout.channels, layout.frames) == (("Bright Field", "DAPI 377,447"), (0, 1))
    assert layout.findings == ()
    image = read_field(layout, "C12", "3")
    value = names.index("C12_02_2_3_DAPI 377,447_002")
    assert image.read(T=1, C=1)[0, 0] == value


def test_what_gen5_made_of_images_is_left_out_beside_them_and_used_alone(tmp_path):
    made = [f"{w}_-1_1_1_Stitched[DAPI 377,447]_001" for w in ("A1", "A2")]
    cytation(tmp_path / "both", [*made, "A1_01_1_1_DAPI 377,447_001", "A2_01_1_1_DAPI 377,447_001"])
    layout = read_plate(tmp_path / "both", ANY)
    assert (rules(layout), layout.n_images) == (["left-out"], 2)
    layout = read_plate(cytation(tmp_path / "made", made), ANY)
    assert (layout.channels, layout.n_images) == (("Stitched[DAPI 377,447]",), 2)


def test_steps_of_the_protocol_are_channels_of_their_own(tmp_path):
    names = [f"A1_0{step}_1_1_DAPI_001" for step in (1, 2)]
    layout = read_plate(cytation(tmp_path, names), ANY)
    assert layout.channels == ("DAPI step 1", "DAPI step 2")
    assert layout.findings == ()


def fractal(root, version, *, acquisitions=1):
    """One image a well and cycle, regions as tables beside it, as Fractal's converters write."""
    plate = cases.write_ome_zarr(root, version=version, size=(1, 2, 3, 8, 12), fields=acquisitions)
    file = "zarr.json" if version == "0.5" else ".zattrs"
    for well in ("A/1", "B/2"):
        where = plate / well / file
        said = json.loads(where.read_text())
        holder = said["attributes"]["ome"] if version == "0.5" else said
        for cycle, image in enumerate(holder["well"]["images"]):
            image["acquisition"] = cycle
        where.write_text(json.dumps(said))
        for cycle in range(acquisitions):
            for region in ("FOV_ROI_table", "well_ROI_table"):
                table = plate / well / str(cycle) / "tables" / region
                table.mkdir()
                (table / ".zgroup").write_text('{"zarr_format": 2}')
                (table / ".zattrs").write_text('{"type": "roi_table"}')
    return plate


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_fractal_plate_is_an_image_for_each_well(tmp_path, version):
    layout = read_plate(fractal(tmp_path / "p.zarr", version), ANY)
    assert {w: list(f) for w, f in layout.images.items()} == {"A01": ["0"], "B02": ["0"]}
    assert (layout.channels, layout.planes, layout.findings) == (("BF", "DAPI"), (0, 1, 2), ())
    assert layout.spacing.um("ZYX") == (2, 0.5, 0.5)
    assert read_field(layout, "A01", "0").shape == (2, 3, 8, 12)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_cycles_of_a_fractal_plate_are_said(tmp_path, version):
    layout = read_plate(fractal(tmp_path / "p.zarr", version, acquisitions=2), ANY)
    assert list(layout.images["B02"]) == ["0", "1"]
    assert rules(layout) == ["repeated-images", "repeated-images"]


def test_a_plate_and_its_projection_beside_it_are_two_plates(tmp_path):
    plate = fractal(tmp_path / "p.zarr", "0.4")
    shutil.copytree(plate, tmp_path / "p_mip.zarr")
    with pytest.raises(FileFormatError, match=r"2 OME-Zarr folders, such as p\.zarr and p_mip\."):
        read_plate(tmp_path, ANY)
    assert read_plate(tmp_path / "p_mip.zarr", ANY).wells == ("A01", "B02")
