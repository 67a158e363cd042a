"""Plates of each format: what is there, what is missing, what is not counted."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from tests.acquire import plate_cases as cases

from fatescope.acquire import read_field, read_plate, read_projection
from fatescope.acquire.plates import PlateReading
from fatescope.base import PROJECTION, InputError, PlateLayout

ANY = PlateReading()


def counts(layout: PlateLayout) -> dict[str, int]:
    return {well: len(fields) for well, fields in layout.images.items()}


def rules(layout: PlateLayout) -> list[str]:
    return [f.rule for f in layout.findings]


def test_an_exported_imagexpress_plate_counts_what_is_on_disk_and_what_was_planned(tmp_path):
    layout = read_plate(cases.write_exported(tmp_path / "plate"), ANY)
    assert layout.format == "imagexpress"
    assert counts(layout) == {"B02": 2, "B03": 2}
    assert (layout.channels, layout.frames, layout.planes) == (("DAPI", "Cy5"), (0, 1), (0,))
    assert (layout.n_images, layout.missing) == (15, 3 * 2 * 2 * 2 - 15)
    assert rules(layout) == ["missing-images"]


def test_channels_of_a_live_imagexpress_plate_are_stacks_projections_or_both(tmp_path):
    layout = read_plate(cases.write_live(tmp_path), ANY)
    assert counts(layout) == {"C07": 2}
    assert layout.channels == ("w1", "w2", "w3")
    assert (layout.n_images, layout.planes, layout.missing) == (2 * 6, (0, 1, 2), 0)
    field = read_field(layout, "C07", "2")
    assert (field.axes, field.shape, field.channels) == ("CZYX", (2, 3, 4, 6), ("w1", "w3"))
    assert [int(field.read(C=0, Z=z)[0, 0]) for z in range(3)] == [11, 12, 13]
    flat = read_projection(layout, "C07", "2")
    assert (flat.axes, flat.channels) == ("CYX", ("w1", "w2"))
    assert [int(flat.read(C=c)[0, 0]) for c in range(2)] == [10, 20]
    with pytest.raises(InputError, match=r"channel w3, plane 1 is not on the disk"):
        field.read(C=1, Z=1)
    assert layout.find("C07", "1", frame=0, channel="w2", plane=PROJECTION) is not None
    assert layout.find("C07", "1", frame=0, channel="w2", plane=0) is None


def test_a_channel_of_projections_is_not_missing_planes_of_the_plan(tmp_path):
    cases.write_live(tmp_path)
    cases.write_htd(tmp_path / "a.HTD", wells="C07", steps="3", waves="DAPI FITC Cy3")
    shutil.move(tmp_path / "a.HTD", tmp_path / "2023-02-21" / "1334" / "a.HTD")
    layout = read_plate(tmp_path, ANY)
    assert layout.channels == ("DAPI", "FITC", "Cy3")
    assert layout.missing == 0


def test_the_guid_is_not_read_as_a_number_of_the_wave(tmp_path):
    guid = "9E8DE988-C6EC-49A6-8D1B-2BC852EA11E9"
    cases.write_tiff(tmp_path / f"a_C07_s2_w2{guid}.tif")
    layout = read_plate(tmp_path, ANY)
    assert layout.channels == ("w2",)
    assert list(layout.images["C07"]) == ["2"]


def test_sites_from_ten_on_are_no_wells(tmp_path):
    for site in (1, 9, 10, 44):
        cases.write_tiff(tmp_path / f"plate_1_A01_s{site}_w1.tif")
    assert counts(read_plate(tmp_path, ANY)) == {"A01": 4}


@pytest.mark.parametrize("name", ["P_A00_s1_w1.TIF", "P_ZZ99_T0001F001L01A01Z01C01.tif"])
def test_a_name_without_a_possible_well_is_passed_by(tmp_path, name):
    cases.write_tiff(tmp_path / "P_A01_s1_w1.TIF")
    cases.write_tiff(tmp_path / name)
    assert read_plate(tmp_path, ANY).n_images == 1


def test_planes_in_zstep_folders_are_planes_also_where_z_has_ten(tmp_path):
    for z in range(1, 11):
        cases.write_tiff(tmp_path / "TimePoint_1" / f"ZStep_{z}" / "P_A01_s1_w1.TIF", z)
    layout = read_plate(tmp_path, ANY)
    assert layout.planes == tuple(range(10))
    assert int(read_field(layout, "A01", "1").read(Z=9)[0, 0]) == 10


def test_copies_of_a_projection_under_each_zstep_are_one_projection(tmp_path):
    for z in (1, 2):
        folder = tmp_path / "TimePoint_1" / f"ZStep_{z}"
        cases.write_tiff(folder / "P_A01_s1_w1.TIF", z, properties={"Z Step": z})
        cases.write_tiff(folder / "P_A01_s1_w2.TIF", 9, properties={"Z Projection Method": "Max"})
        cases.write_tiff(folder / "P_A01_s1_w3.TIF", 5, properties={"Z Step": 1})
    cases.write_htd(tmp_path / "P.HTD", wells="A01", sites=1, steps="2", waves="BF DAPI Cy5")
    layout = read_plate(tmp_path, ANY)
    assert (layout.n_images, layout.missing, layout.planes) == (6, 0, (0, 1))
    assert rules(layout) == ["repeated-images"]
    assert read_field(layout, "A01", "1").channels == ("BF", "Cy5")
    assert int(read_projection(layout, "A01", "1").read()[0, 0]) == 9
    assert layout.find("A01", "1", frame=0, channel="Cy5", plane=1) is None


def test_an_export_of_projections_alone_is_not_missing_its_planes(tmp_path):
    for site in (1, 2):
        cases.write_tiff(tmp_path / "TimePoint_1" / f"P_B02_s{site}_w1.TIF", site)
    cases.write_htd(tmp_path / "P.HTD", wells="B02", steps="5", waves="DAPI")
    layout = read_plate(tmp_path, ANY)
    assert (layout.n_images, layout.missing, layout.planes) == (2, 0, ())
    assert int(read_field(layout, "B02", "2").read()[0, 0]) == 2


def test_a_tiff_that_is_a_stack_gives_its_planes(tmp_path):
    for site in (1, 2):
        cases.write_tiff(tmp_path / f"P_A01_s{site}_w1.TIF", 5, shape=(3, 4, 6))
        cases.write_tiff(tmp_path / f"P_A01_s{site}_w2.TIF", 7)
    layout = read_plate(tmp_path, ANY)
    assert (layout.n_images, layout.planes) == (4, (0, 1, 2))
    field = read_field(layout, "A01", "2")
    assert field.shape == (2, 3, 4, 6)
    assert int(field.read(C=0, Z=2)[0, 0]) == 5
    assert int(field.read(C=1, Z=0)[0, 0]) == 7


@pytest.mark.parametrize(
    ("version", "index"), [(5, "Index.idx.xml"), (4, "Index.xml"), (6, "Index.xml")]
)
def test_operetta_is_read_by_its_index_in_each_version(tmp_path, version, index):
    layout = read_plate(cases.write_operetta(tmp_path, version=version, index=index), ANY)
    assert layout.format == "operetta"
    assert counts(layout) == {"C03": 2, "C04": 2}
    assert layout.channels == ("HOECHST 33342", "Cy5")
    assert (layout.n_images, layout.missing, layout.planes) == (15, 1, (0, 1))
    assert layout.spacing.um("ZYX") == (2.0, 0.65, 0.65)
    assert layout.positions_um["C03", "2"] == pytest.approx((-200, 200))
    assert layout.channel("Hoechst") == "HOECHST 33342"
    assert int(read_field(layout, "C03", "2").read(C=1, Z=0)[0, 0]) == 221


def test_files_that_the_index_does_not_list_are_used_and_said(tmp_path):
    cases.write_operetta(tmp_path)
    cases.write_tiff(tmp_path / "Images" / "r02c02f01p01-ch1sk1fk1fl1.tiff")
    layout = read_plate(tmp_path, ANY)
    assert layout.wells == ("B02", "C03", "C04")
    assert rules(layout) == ["missing-images", "unlisted-images"]


@pytest.mark.parametrize(
    ("write", "old", "new"),
    [
        (cases.write_operetta, "<Row>3</Row>", "<Row>99</Row>"),
        (cases.write_yokogawa, 'bts:Row="4"', 'bts:Row="99"'),
    ],
)
def test_a_record_of_an_impossible_well_leaves_its_file_to_its_name(tmp_path, write, old, new):
    plate = write(tmp_path)
    before = read_plate(plate, ANY)
    index = next(p for p in plate.rglob("*") if p.suffix in (".xml", ".mlf"))
    text = index.read_text(encoding="utf-8").replace(old, new, 1)
    index.write_text(text, encoding="utf-8")
    layout = read_plate(plate, ANY)
    assert (layout.wells, layout.n_images) == (before.wells, before.n_images)
    assert "unlisted-images" in rules(layout)


def test_operetta_without_an_index_is_read_by_its_names(tmp_path):
    (cases.write_operetta(tmp_path) / "Images" / "Index.idx.xml").unlink()
    layout = read_plate(tmp_path, ANY)
    assert (layout.n_images, layout.missing, layout.channels) == (15, 0, ("1", "2"))


def test_paths_in_an_index_cannot_leave_the_plate(tmp_path):
    plate = cases.write_operetta(tmp_path / "plate")
    cases.write_tiff(tmp_path / "secret.tiff", 9)
    index = plate / "Images" / "Index.idx.xml"
    text = index.read_text(encoding="utf-8")
    for hostile in (
        "../../secret.tiff",
        r"..\..\secret.tiff",
        str(tmp_path / "secret.tiff"),
        "C:\\a",
    ):
        index.write_text(text.replace("r03c03f01p01-ch1sk1fk1fl1.tiff", hostile), encoding="utf-8")
        layout = read_plate(plate, ANY)
        assert "outside-plate" in rules(layout)
        inside = plate.resolve()
        for fields in layout.images.values():
            for files in fields.values():
                assert all(f.path.resolve().is_relative_to(inside) for f in files)


def test_yokogawa_counts_lost_images_and_not_failed_ones(tmp_path):
    layout = read_plate(cases.write_yokogawa(tmp_path), ANY)
    assert layout.format == "yokogawa"
    assert (counts(layout), layout.channels) == ({"D08": 2}, ("C01", "C02"))
    assert (layout.n_images, layout.missing, layout.planes) == (10, 1, (0, 1, 2))
    assert layout.spacing.um("ZYX") == (1.5, 0.325, 0.325)
    assert layout.positions_um["D08", "1"] == (-50, 100)


def test_yokogawa_names_of_channels_come_from_the_settings(tmp_path):
    cases.write_yokogawa(tmp_path)
    (tmp_path / "a.mes").write_text(
        "<m><Channel Ch='1' Target='DNA'/><Channel Ch='2' Target='DRAQ7'/></m>", encoding="utf-8"
    )
    assert read_plate(tmp_path, ANY).channels == ("DNA", "DRAQ7")


def test_yokogawa_images_stored_as_png_are_found(tmp_path):
    import skimage.io

    cases.write_yokogawa(tmp_path)
    name = "P_D08_T0001F001L01A01Z01C01"
    (tmp_path / f"{name}.tif").unlink()
    skimage.io.imsave(tmp_path / f"{name}.png", np.zeros((4, 6), np.uint16), check_contrast=False)
    layout = read_plate(tmp_path, ANY)
    assert (layout.n_images, layout.missing) == (10, 1)


def test_incucyte_frames_are_its_scans_and_a_channel_may_be_taken_at_some(tmp_path):
    layout = read_plate(cases.write_incucyte(tmp_path), ANY)
    assert (layout.format, counts(layout)) == ("incucyte", {"A01": 2, "B12": 2})
    assert (layout.channels, layout.frames) == (("C1", "Ph"), (0, 1, 2))
    assert layout.spacing.interval_min == 120
    field = read_field(layout, "B12", "2")
    assert int(field.read(T=2, C=1)[0, 0]) == 400
    with pytest.raises(InputError, match="frame 1, channel C1"):
        field.read(T=1, C=0)


def test_one_of_several_incucyte_vessels_is_chosen(tmp_path):
    cases.write_incucyte(tmp_path, vessels=("1248", "1250"))
    with pytest.raises(InputError, match=r"vessels 1248, 1250.*--vessel 1248"):
        read_plate(tmp_path, ANY)
    assert read_plate(tmp_path, PlateReading(vessel="1250")).n_images == 16


@pytest.mark.parametrize(
    "name", ["Day1_phase_{}_2_0{}d02h00m.tif", "VID12_{}_2_2020y01m3{}d_10h00m.tif"]
)
def test_exported_incucyte_images_are_sorted_by_time(tmp_path, name):
    for day in (0, 1):
        cases.write_tiff(tmp_path / name.format("A1", day), day)
    layout = read_plate(tmp_path, ANY)
    assert layout.format == "incucyte"
    assert counts(layout) == {"A01": 1}
    assert layout.spacing.interval_min == 1440
    assert int(read_field(layout, "A01", "2").read(T=1)[0, 0]) == 1


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_plates_have_fields_and_no_labels_or_tables(tmp_path, version):
    plate = cases.write_ome_zarr(tmp_path / "p.zarr", version=version)
    layout = read_plate(plate, ANY)
    assert (layout.format, counts(layout)) == ("ome-zarr", {"A01": 2, "B02": 2})
    assert (layout.channels, layout.frames, layout.planes) == (("BF", "DAPI"), (0, 1), (0, 1, 2))
    assert (layout.n_images, layout.missing, layout.findings) == (4, 0, ())
    assert layout.spacing.um("ZYX") == (2, 0.5, 0.5)
    assert layout.spacing.interval_min == 15
    field = read_field(layout, "B02", "1")
    assert (field.axes, field.shape) == ("TCZYX", (2, 2, 3, 4, 6))
    whole = np.arange(np.prod(field.shape)).reshape(field.shape) + 1
    np.testing.assert_array_equal(field.read(T=1, C=0, Z=2), whole[1, 0, 2])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_fields_and_wells_that_are_gone_are_missing(tmp_path, version):
    plate = cases.write_ome_zarr(tmp_path / "p.zarr", version=version)
    shutil.rmtree(plate / "A" / "1" / "1")
    assert read_plate(plate, ANY).missing == 1
    shutil.rmtree(plate / "A" / "1")
    layout = read_plate(plate, ANY)
    assert (layout.wells, layout.missing) == (("B02",), 2)


def test_ome_zarr_wells_that_are_not_listed_are_used(tmp_path):
    plate = cases.write_ome_zarr(tmp_path / "p.zarr", version="0.5")
    shutil.copytree(plate / "B" / "2", plate / "B" / "7")
    layout = read_plate(plate, ANY)
    assert layout.wells == ("A01", "B02", "B07")
    assert rules(layout) == ["unlisted-images"]


def test_any_folder_is_a_plate_by_a_pattern(tmp_path):
    for well in ("a1", "H12"):
        for field in ("01", "10"):
            for channel in ("bf", "cy5"):
                cases.write_tiff(tmp_path / f"{well}_{field}_{channel}_t3.tif", 1)
    cases.write_tiff(tmp_path / "overview.tif")
    reading = PlateReading(pattern="{well}_{field}_{channel}_t{frame}.tif")
    layout = read_plate(tmp_path, reading)
    assert counts(layout) == {"A01": 2, "H12": 2}
    assert list(layout.images["A01"]) == ["1", "10"]
    assert (layout.n_images, layout.frames, layout.channel("DRAQ7")) == (8, (0,), "cy5")


def test_a_pattern_may_give_row_and_column(tmp_path):
    cases.write_tiff(tmp_path / "r02" / "c03_f1.tif")
    layout = read_plate(tmp_path, PlateReading(pattern="r{row}/c{column}_f{field}.tif"))
    assert counts(layout) == {"B03": 1}


def test_a_frame_that_is_not_there_does_not_shift_later_times(tmp_path):
    for t in (1, 3):
        cases.write_tiff(tmp_path / f"TimePoint_{t}" / "P_A01_s1_w1.TIF", t)
    layout = read_plate(tmp_path, ANY)
    assert layout.frames == (0, 2)
    assert int(read_field(layout, "A01", "1").read(T=2)[0, 0]) == 3


def test_an_image_unlike_the_others_is_named_when_it_is_read(tmp_path):
    cases.write_tiff(tmp_path / "P_A01_s1_w1.TIF")
    cases.write_tiff(tmp_path / "P_A01_s1_w2.TIF", shape=(5, 5))
    field = read_field(read_plate(tmp_path, ANY), "A01", "1")
    with pytest.raises(Exception, match=r"P_A01_s1_w2.TIF: has axes YX and shape \(5, 5\)"):
        field.read(C=1)


@pytest.mark.data
@pytest.mark.parametrize(
    ("plate", "format", "wells", "images", "missing", "shape"),
    [
        ("plate_layouts/imagexpress_live", "imagexpress", "E07 E08", 12, 0, (1, 1, 2)),
        ("plate_layouts/imagexpress_export/9987_Plate_3420", "imagexpress", "B02", 1, 0, (1, 1, 1)),
        ("plate_samples/imagexpress/9987_Plate_3435", "imagexpress", "B02 B03", 16, 80, (2, 2, 1)),
        ("plate_layouts/operetta", "operetta", "C03", 2, 0, (1, 1, 1)),
        ("plate_layouts/yokogawa_cv8000", "yokogawa", "D08 E03 F08", 96, 0, (1, 2, 4)),
        (
            "plate_layouts/ome_zarr_hcs/ez_zarr_v2/plate_ones.zarr",
            "ome-zarr",
            "B03",
            1,
            0,
            (1, 2, 3),
        ),
    ],
)
def test_real_plates_are_read_as_they_lie(data_dir, plate, format, wells, images, missing, shape):
    layout = read_plate(data_dir / plate, ANY)
    assert (layout.format, layout.wells) == (format, tuple(wells.split()))
    assert (layout.n_images, layout.missing) == (images, missing)
    assert (len(layout.frames), len(layout.channels), len(layout.planes)) == shape
    assert layout.spacing.um("YX") is not None
    well = layout.wells[0]
    field = read_field(layout, well, next(iter(layout.images[well])))
    assert field.read(T=0, C=0, Z=0).ndim == 2
