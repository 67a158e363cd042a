"""Plates as instruments and converters write them, and not as their readers hope."""

from datetime import datetime, timedelta

import numpy as np
import pytest
import tifffile
import zarr
from tests.acquire.plate_cases import write_tiff, write_yokogawa

from fatescope.acquire import check_left_out
from fatescope.acquire.plates import (
    PlateReading,
    hours_of_frames,
    read_field,
    read_plate,
    stage_position_um,
)
from fatescope.systems.plates.show import show_plate

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
    assert plate.spacing.interval_min == (None if said else pytest.approx(60))
    assert plate.minutes == {0: 0, 1: 60, 2: last / 60}


UNEVEN = [0, 60, 120, 1440]


def uneven_incucyte(root):
    for minutes in UNEVEN:
        time = f"{minutes // 1440:02d}d{minutes % 1440 // 60:02d}h{minutes % 60:02d}m"
        write_tiff(root / f"exp_phase_B01_1_{time}.tif")


def uneven_imagexpress(root, *, times=UNEVEN):
    for frame, minutes in enumerate(times):
        taken = datetime(2024, 7, 8, 14, 44) + timedelta(minutes=minutes)
        text = f"{taken:%Y%m%d %H:%M:%S}.250"
        said = f'<prop id="acquisition-time-local" type="time" value="{text}"/>'
        for well in ("B01", "B02"):
            tifffile.imwrite(
                folder_of(root / f"TimePoint_{frame + 1}") / f"e_{well}_s1_w1.tif",
                np.zeros((8, 8), np.uint16),
                description=f"<MetaData><PlaneInfo>{said}</PlaneInfo></MetaData>",
                software="MetaSeries",
                metadata=None,
            )


def uneven_yokogawa(root):
    records = ""
    for frame, minutes in enumerate(UNEVEN, start=1):
        for field in (1, 2):  # the second half an hour after the first
            name = f"P_B01_T{frame:04d}F{field:03d}L01A01Z01C01.tif"
            write_tiff(root / name)
            at = datetime(2023, 9, 18, 23, 30 * field - 30) + timedelta(minutes=minutes)
            records += (
                f'<bts:MeasurementRecord bts:Type="IMG" bts:Time="{at.isoformat()}.438+02:00" '
                f'bts:Column="1" bts:Row="2" bts:TimePoint="{frame}" bts:FieldIndex="{field}" '
                f'bts:ZIndex="1" bts:Ch="1">{name}</bts:MeasurementRecord>'
            )
    space = 'xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0"'
    (root / "MeasurementData.mlf").write_text(f"<bts:M {space}>{records}</bts:M>")


def uneven_operetta(root, *, offset="0", clock=True):
    listed = ""
    for frame, minutes in enumerate(UNEVEN):
        name = f"r02c01f01p01-ch1sk{frame + 1}fk1fl1.tiff"
        write_tiff(root / name)
        at = datetime(2022, 12, 19, 10, 19) + timedelta(minutes=minutes)
        said = f"<MeasurementTimeOffset>{offset or minutes * 60}</MeasurementTimeOffset>"
        said += f"<AbsTime>{at.isoformat()}.1234567+01:00</AbsTime>" if clock else ""
        image = IMAGE.format(name=name, field=1, x=0).replace("<Row>1", "<Row>2")
        listed += image.replace("<TimepointID>0<", f"{said}<TimepointID>{frame}<")
    (root / "Index.idx.xml").write_text(f"<A><Images>{listed}</Images></A>")


def uneven_offsets(root):
    uneven_operetta(root, offset="", clock=False)


def uneven_movie(root):
    """OME-TIFF: a nominal increment beside the true times of the planes."""
    planes = "".join(
        f'<Plane TheZ="0" TheC="0" TheT="{t}" DeltaT="{m}" DeltaTUnit="min"/>'
        for t, m in enumerate(UNEVEN)
    )
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="8" SizeY="8" SizeZ="1" '
        'SizeC="1" SizeT="4" TimeIncrement="60" TimeIncrementUnit="min"><Channel ID="Channel:0:0" '
        f'SamplesPerPixel="1"/><TiffData/>{planes}</Pixels></Image></OME>'
    )
    path = root / "e_B01_s1_w1.tif"
    tifffile.imwrite(
        path,
        np.zeros((4, 8, 8), np.uint16),
        photometric="minisblack",
        description=text,
        metadata=None,
    )


def folder_of(path):
    path.mkdir(exist_ok=True)
    return path


WRITERS = [uneven_incucyte, uneven_imagexpress, uneven_yokogawa, uneven_operetta]
WRITERS += [uneven_offsets, uneven_movie]


@pytest.mark.parametrize("write", WRITERS, ids=lambda w: w.__name__)
def test_uneven_times_stay_as_they_are_in_every_reader(tmp_path, write):
    write(tmp_path)
    shown = show_plate(tmp_path, reading=PlateReading()).as_json()
    assert [r for r in shown["reasons"] if "60 to 1320 min apart" in r]
    assert shown["interval_min"] is None
    plate = read_plate(tmp_path, PlateReading())
    assert [f.rule for f in plate.findings] == ["uneven-times"]
    assert plate.minutes == pytest.approx(dict(enumerate(UNEVEN)), abs=1e-5)
    hours = hours_of_frames(plate.minutes, None, 5)
    assert hours == pytest.approx([0, 1, 2, 24, 25], abs=1e-6)  # beyond the last: the usual step


def test_a_clock_that_runs_back_is_not_believed(tmp_path):
    uneven_imagexpress(tmp_path, times=[0, 60, 30, 90])
    plate = read_plate(tmp_path, PlateReading())
    assert (plate.minutes, plate.spacing.interval_min) == ({}, None)
    assert ["do not grow" in f.reason for f in plate.findings] == [True]


def test_a_frame_without_a_time_lies_between_its_neighbours_and_is_said(tmp_path):
    uneven_imagexpress(tmp_path)
    for name in ("B01", "B02"):
        write_tiff(tmp_path / "TimePoint_3" / f"e_{name}_s1_w1.tif")
    plate = read_plate(tmp_path, PlateReading())
    assert [f.value for f in plate.findings if "no time of their own" in f.reason] == [1]
    assert hours_of_frames(plate.minutes, None, 4) == pytest.approx([0, 1, 12.5, 24])


@pytest.mark.parametrize("pattern", [None, "e_phase_{well}_{field}_{frame}.tif"])
def test_images_that_are_of_no_well_are_said(tmp_path, pattern):
    for name in ("e_phase_B01_1_00d00h00m", "overview"):
        write_tiff(tmp_path / f"{name}.tif")
    write_tiff(tmp_path / "e_phase_B01_1_7.tif") if pattern else None
    write_tiff(tmp_path / "thumbnails" / "B01.tif")
    plate = read_plate(tmp_path, PlateReading(pattern=pattern))
    said = [(f.rule, f.value) for f in plate.findings]
    assert said == [("left-out", 2 if pattern else 1)]


def test_an_index_of_a_cellvoyager_finds_its_images_in_another_folder(tmp_path):
    plate = write_yokogawa(tmp_path / "p")
    before = read_plate(plate, PlateReading())
    (plate / "Images").mkdir()
    for path in list(plate.glob("*.tif")):
        path.rename(plate / "Images" / path.name)
    moved = read_plate(plate, PlateReading())
    assert (moved.n_images, moved.missing) == (before.n_images, before.missing) == (10, 1)
    assert moved.positions_um == before.positions_um


def mixed_operetta(root):
    listed = ""
    for field, size in ((1, "6e-07"), (2, "1.2e-06")):
        name = f"r01c01f0{field}p01-ch1sk1fk1fl1.tiff"
        write_tiff(root / name)
        listed += IMAGE.format(name=name, field=field, x=0).replace("6e-07", size)
    (root / "Index.idx.xml").write_text(f"<A><Images>{listed}</Images></A>")


def mixed_yokogawa(root):
    write_yokogawa(root)
    sizes = "".join(
        f"<bts:MeasurementChannel bts:Ch='{c}' bts:HorizontalPixelDimension='{s}' "
        f"bts:VerticalPixelDimension='{s}'/>"
        for c, s in ((1, 0.325), (2, 0.65))
    )
    space = 'xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0"'
    (root / "MeasurementDetail.mrf").write_text(f"<bts:M {space}>{sizes}</bts:M>")


def mixed_channels(root):
    for channel, um in ((1, 0.65), (2, 1.3)):
        tifffile.imwrite(
            root / f"e_B01_s1_w{channel}.tif",
            np.zeros((8, 8), np.uint16),
            imagej=True,
            resolution=(1 / um, 1 / um),
            metadata={"unit": "um"},
        )


@pytest.mark.parametrize(
    ("write", "sizes"),
    [
        (mixed_operetta, (1.2, 0.6)),
        (mixed_yokogawa, (0.65, 0.325)),
        (mixed_channels, (1.3, 0.65)),
    ],
    ids=lambda w: getattr(w, "__name__", ""),
)
def test_pixels_of_two_sizes_are_said_in_every_reader(tmp_path, write, sizes):
    write(tmp_path)
    plate = read_plate(tmp_path, PlateReading())
    said = [(f.value, f.limit) for f in plate.findings if f.rule == "mixed-scale"]
    assert said == [pytest.approx(sizes)]


def test_a_field_with_pixels_of_another_size_is_said_when_it_is_opened(tmp_path):
    for well, um in (("B01", 0.65), ("B02", 1.3)):
        tifffile.imwrite(
            tmp_path / f"e_{well}_s1_w1.tif",
            np.zeros((8, 8), np.uint16),
            imagej=True,
            resolution=(1 / um, 1 / um),
            metadata={"unit": "um"},
        )
    plate = read_plate(tmp_path, PlateReading())
    said = [(f.file, f.value) for f in check_left_out(read_field(plate, "B02", "1"))]
    assert said == [("B02/1", pytest.approx(1.3))]
    assert not check_left_out(read_field(plate, "B01", "1"))


def test_a_well_of_two_acquisitions_is_said(tmp_path):
    zarr_plate(tmp_path / "p.zarr", [(0.5, ("a", "b"))] * 2)
    well = zarr.open_group(tmp_path / "p.zarr" / "A" / "1", mode="a", zarr_format=2)
    images = [{"path": "0", "acquisition": 0}, {"path": "1", "acquisition": 1}]
    well.attrs["well"] = {"version": "0.4", "images": images}
    plate = read_plate(tmp_path / "p.zarr", PlateReading())
    assert [(f.rule, f.file, f.value) for f in plate.findings] == [("repeated-images", "A/1", 2)]
