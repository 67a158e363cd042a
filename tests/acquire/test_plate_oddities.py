"""Plates as instruments and converters write them, and not as their readers hope."""

import numpy as np
import pytest
import tifffile
import zarr

from fatescope.acquire.plates import PlateReading, read_field, read_plate, stage_position_um

IMAGE = """<Image><URL>{name}</URL><Row>1</Row><Col>1</Col><FieldID>{field}</FieldID>
<PlaneID>1</PlaneID><TimepointID>0</TimepointID><ChannelID>1</ChannelID>
<ChannelName>HOECHST</ChannelName><ImageResolutionX Unit="m">6e-07</ImageResolutionX>
<ImageResolutionY Unit="m">6e-07</ImageResolutionY>
<PositionX Unit="m">{x}</PositionX><PositionY Unit="m">0</PositionY></Image>"""


@pytest.mark.parametrize(
    ("index", "images"), [("Index.idx.xml", "Images"), ("meta/Index.idx.xml", "Images"), ("I", "")]
)
def test_an_index_of_harmony_finds_its_images_in_another_folder(tmp_path, index, images):
    index = "Index.idx.xml" if index == "I" else index
    listed = ""
    for field in (1, 2):
        name = f"r01c01f{field:02d}p01-ch1sk1fk1fl1.tiff"
        path = tmp_path / images / name
        path.parent.mkdir(exist_ok=True)
        tifffile.imwrite(path, np.full((32, 32), field, np.uint16), metadata=None)
        listed += IMAGE.format(name=name, field=field, x=field * 1.8e-5)
    (tmp_path / index).parent.mkdir(exist_ok=True)
    (tmp_path / index).write_text(
        f"<EvaluationInputData><Images>{listed}</Images></EvaluationInputData>"
    )
    plate = read_plate(tmp_path, PlateReading())
    assert plate.channels == ("HOECHST",)
    assert not plate.findings
    assert list(plate.images["A01"]) == ["1", "2"]
    assert int(read_field(plate, "A01", "2").read().max()) == 2


def zarr_plate(path, fields):
    """Write one well of fields: size of a pixel, and names of two channels or none."""
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.attrs["plate"] = {
        "version": "0.4",
        "columns": [{"name": "1"}],
        "rows": [{"name": "A"}],
        "wells": [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}],
    }
    well = group.require_group("A/1")
    well.attrs["well"] = {
        "version": "0.4",
        "images": [{"path": str(i)} for i in range(len(fields))],
    }
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": a, "type": "space", "unit": "micrometer"} for a in "yx"]
    for number, (size, names) in enumerate(fields):
        image = well.require_group(str(number))
        scale = [{"type": "scale", "scale": [1, size, size]}]
        data = [{"path": "0", "coordinateTransformations": scale}]
        image.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": data}]
        if names:
            image.attrs["omero"] = {"channels": [{"label": n} for n in names]}
        image.create_array("0", shape=(2, 32, 32), chunks=(1, 32, 32), dtype="u2")[:] = 7
    return read_plate(path, PlateReading())


def test_fields_of_two_pixel_sizes_are_said(tmp_path):
    named = ("DAPI", "GFP")
    plate = zarr_plate(tmp_path / "p.zarr", [(0.5, named), (0.25, named), (0.5, named)])
    (found,) = plate.findings
    assert (found.rule, found.file, found.value, found.limit) == ("mixed-scale", "A01/1", 0.25, 0.5)
    assert "1 of 3" in found.reason


def test_a_field_without_names_has_the_channels_of_the_others(tmp_path):
    plate = zarr_plate(tmp_path / "p.zarr", [(0.5, ("DAPI", "GFP")), (0.5, ())])
    assert plate.channels == ("DAPI", "GFP")
    assert [(f.rule, f.file) for f in plate.findings] == [("odd-axes", "A01/1")]


def test_a_plate_in_which_nothing_is_named_is_read_without_a_word(tmp_path):
    plate = zarr_plate(tmp_path / "p.zarr", [(0.5, ()), (0.5, ())])
    assert plate.channels == ("0", "1")
    assert not plate.findings


METASERIES = """<MetaData><PlaneInfo>
<prop id="spatial-calibration-state" type="bool" value="on"/>
<prop id="spatial-calibration-units" type="string" value="um"/>
<prop id="spatial-calibration-x" type="float" value="0.5"/>
<prop id="spatial-calibration-y" type="float" value="0.5"/>
<prop id="stage-position-x" type="float" value="{x}"/>
<prop id="stage-position-y" type="float" value="{y}"/></PlaneInfo></MetaData>"""


@pytest.mark.parametrize("where", [METASERIES, ""])
def test_the_stage_of_an_imagexpress_is_read_from_its_files(tmp_path, where):
    for field, x in ((1, 5130.0), (2, 5000.0)):
        text = where.format(x=x, y=3000.0) or None
        tifffile.imwrite(
            tmp_path / f"exp_B02_s{field}_w1.tif",
            np.full((32, 32), field, np.uint16),
            description=text,
            software="MetaSeries",
            metadata=None,
        )
    plate = read_plate(tmp_path, PlateReading())
    found = [stage_position_um(plate, "B02", field) for field in ("1", "2")]
    assert found == ([(3000.0, 5130.0), (3000.0, 5000.0)] if where else [None, None])


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (("00d00h00m", "00d01h00m", "00d02h01m", "00d03h00m"), []),
        (("00d00h00m", "00d01h00m", "00d02h00m", "01d00h00m"), [("uneven-times", 1320.0)]),
        (("00d00h00m", "00d01h00m", "00d03h00m", "00d04h00m"), [("uneven-times", 120.0)]),
    ],
)
def test_scans_of_an_incucyte_at_uneven_times_are_said(tmp_path, times, said):
    for time in times:
        tifffile.imwrite(tmp_path / f"exp_phase_B01_1_{time}.tif", np.zeros((32, 32), np.uint8))
    plate = read_plate(tmp_path, PlateReading())
    assert [(f.rule, f.value) for f in plate.findings] == said


@pytest.mark.parametrize(("last", "said"), [(7200, []), (36000, ["uneven-times"])])
def test_times_of_an_index_of_harmony_that_are_uneven_are_said(tmp_path, last, said):
    listed = ""
    for frame, seconds in enumerate((0, 3600, last)):
        name = f"r01c01f01p01-ch1sk{frame + 1}fk1fl1.tiff"
        tifffile.imwrite(tmp_path / name, np.zeros((32, 32), np.uint16), metadata=None)
        image = IMAGE.format(name=name, field=1, x=0).replace(
            "<TimepointID>0<",
            f"<MeasurementTimeOffset>{seconds}</MeasurementTimeOffset><TimepointID>{frame}<",
        )
        listed += image
    (tmp_path / "Index.idx.xml").write_text(f"<A><Images>{listed}</Images></A>")
    plate = read_plate(tmp_path, PlateReading())
    assert [f.rule for f in plate.findings] == said
    assert plate.spacing.interval_min == pytest.approx(60 if not said else 300)
