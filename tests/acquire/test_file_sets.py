"""Recordings in several files are one image, opened by reading one of them."""

import numpy as np
import pytest
import tifffile
from tests.acquire import file_sets as made
from tests.acquire.image_files import ramp

from fatescope.acquire import check_image, find_images, read_image
from fatescope.base import FileFormatError

PIXELS = ramp(3, 2, 4, 20, 30)
SPACING = {"X": 0.2, "Y": 0.25, "Z": 1.5}


def steps(image):
    return {a: pytest.approx(step["value"]) for a, step in image.spacing.as_record().items()}


def same(image, pixels):
    """Compare the whole and a part."""
    np.testing.assert_array_equal(image.read(), pixels)
    part = image.read(T=2, C=1, Z=3, Y=slice(3, 9), X=slice(5, 29, 2))
    np.testing.assert_array_equal(part, pixels[2, 1, 3, 3:9, 5:29:2])


@pytest.mark.parametrize("by", ["C", "T", "TZ", "TCZ"])
@pytest.mark.parametrize("how", [{}, {"only_first": True}, {"companion": True}], ids=str)
def test_an_ome_tiff_of_many_files_is_one_image_from_any_of_them(tmp_path, by, how):
    files = made.ome_set(tmp_path, {"": PIXELS}, by, **how)
    (one,) = find_images([tmp_path])
    assert one.key == "rec"
    assert set(one.paths) >= set(files)
    image = read_image(one)
    assert (image.axes, image.channels) == ("TCZYX", ("dye 0", "dye 1"))
    assert steps(image) == SPACING | {"T": 0.5}
    assert (image.minutes, image.objective) == ((0, 0.5, 1), "Plan 40x")
    same(image, PIXELS)
    same(read_image(files[-1]), PIXELS)
    if not how:
        np.testing.assert_array_equal(tifffile.imread(files[0]), PIXELS.transpose(0, 1, 2, 3, 4))


@pytest.mark.parametrize("how", [{}, {"only_first": True}, {"companion": True}], ids=str)
def test_positions_in_several_files_each_are_images_with_their_names(tmp_path, how):
    images = {"Pos0": PIXELS, "Pos1": PIXELS + 1000}
    made.ome_set(tmp_path, images, "PT", **how)
    files = find_images([tmp_path])
    assert [f.key for f in files] == ["rec_Pos0", "rec_Pos1"]
    for file, pixels in zip(files, images.values(), strict=True):
        same(read_image(file), pixels)
    (second,) = find_images([tmp_path], scene="Pos1")
    same(read_image(second), PIXELS + 1000)


@pytest.mark.parametrize("how", [{}, {"only_first": True}], ids=str)
def test_positions_in_a_file_each_stay_files(tmp_path, how):
    images = {"Pos0": PIXELS, "Pos1": PIXELS + 1000}
    made.ome_set(tmp_path, images, "P", **how)
    files = find_images([tmp_path])
    assert [f.key for f in files] == ["rec_P0", "rec_P1"]
    for file, pixels in zip(files, images.values(), strict=True):
        same(read_image(file), pixels)


def test_positions_in_one_file_are_images(tmp_path):
    images = {"Pos0": PIXELS, "Pos1": PIXELS + 1000}
    (path,) = made.ome_set(tmp_path, images, "")
    assert [f.key for f in find_images([path])] == ["rec__Pos0", "rec__Pos1"]
    same(read_image(path, scene="1"), PIXELS + 1000)


def test_a_folder_of_a_set_is_listed_by_reading_one_file(tmp_path, monkeypatch):
    made.ome_set(tmp_path, {"": PIXELS}, "TCZ")
    opened = []
    whole = tifffile.TiffFile

    def counted(path, **options):
        opened.append(path)
        return whole(path, **options)

    monkeypatch.setattr(tifffile, "TiffFile", counted)
    (one,) = find_images([tmp_path])
    assert len(one.paths) == 24
    assert len(set(opened)) == 1


def test_files_of_a_set_that_are_named_one_by_one_are_one_image_too(tmp_path):
    files = made.ome_set(tmp_path, {"": PIXELS}, "T")
    (one,) = find_images([files[2], files[0]])
    same(read_image(one), PIXELS)


def test_a_file_of_a_set_that_is_not_there_is_named(tmp_path):
    files = made.ome_set(tmp_path, {"": PIXELS}, "T")
    files[1].unlink()
    (one,) = find_images([tmp_path])
    image = read_image(one)
    np.testing.assert_array_equal(image.read(T=2), PIXELS[2])
    with pytest.raises(FileFormatError, match=r"rec_T1\.ome\.tif: holds planes of this image and"):
        image.read()


def test_a_companion_that_is_not_there_is_named(tmp_path):
    files = made.ome_set(tmp_path, {"": PIXELS}, "T", companion=True)
    (tmp_path / "rec.companion.ome").unlink()
    with pytest.raises(FileFormatError, match=r"rec\.companion\.ome describes, which is not"):
        read_image(files[1])


def test_a_file_of_a_set_with_fewer_pages_is_named(tmp_path):
    files = made.ome_set(tmp_path, {"": PIXELS}, "T")
    made.ome_set(tmp_path / "..", {"": PIXELS[:, :1]}, "T")
    (tmp_path / ".." / files[1].name).replace(files[1])
    with pytest.raises(FileFormatError, match=r"rec_T1\.ome\.tif: lacks the plane T 1, C 1, Z 0"):
        read_image(files[0]).read()


@pytest.mark.parametrize("version", [1, 2])
def test_a_folder_of_micro_manager_is_one_image(tmp_path, version):
    made.micromanager(tmp_path / "day1" / "Pos0", PIXELS, version=version)
    made.micromanager(tmp_path / "day1" / "Pos1", PIXELS + 1, version=version)
    files = find_images([tmp_path])
    assert [f.key for f in files] == ["day1/Pos0", "day1/Pos1"]
    image = read_image(files[1])
    assert (image.axes, image.channels) == ("TCZYX", ("DAPI", "GFP"))
    assert steps(image) == {"X": 0.25, "Y": 0.25, "Z": 1.5, "T": 60500 / 60000}
    same(image, PIXELS + 1)
    (alone,) = find_images([tmp_path / "day1" / "Pos0"])
    assert alone.key == "Pos0"
    same(read_image(alone), PIXELS)


@pytest.mark.parametrize("version", [1, 2])
def test_a_recording_that_was_stopped_ends_with_its_last_whole_frame(tmp_path, version):
    made.micromanager(tmp_path, PIXELS, version=version, stopped=True)
    (file,) = find_images([tmp_path])
    image = read_image(file)
    np.testing.assert_array_equal(image.read(), PIXELS[:2])
    assert [f.rule for f in check_image(image) if "was stopped" in f.reason] == ["left-out"]


def test_a_text_of_that_name_by_itself_is_no_image(tmp_path):
    (tmp_path / "metadata.txt").write_text("notes of the day")
    tifffile.imwrite(tmp_path / "a.tif", PIXELS[0, 0, 0])
    assert [f.key for f in find_images([tmp_path])] == ["a"]
    with pytest.raises(FileFormatError, match=r"metadata\.txt: is not the metadata of a Micro"):
        read_image(tmp_path / "metadata.txt")


def test_an_ndtiff_folder_holds_an_image_for_each_position(tmp_path):
    made.ndtiff(tmp_path / "run_1", np.stack([PIXELS, PIXELS + 1000]))
    files = find_images([tmp_path])
    assert [f.key for f in files] == ["run_1_0", "run_1_1"]
    for n, file in enumerate(files):
        image = read_image(file)
        assert (image.axes, image.channels) == ("TCZYX", ("DAPI", "GFP"))
        assert steps(image) == {"X": 0.25, "Y": 0.25, "Z": 1.5, "T": 0.5}
        same(image, PIXELS + 1000 * n)


def test_a_cut_ndtiff_recording_costs_one_sentence(tmp_path):
    made.ndtiff(tmp_path, PIXELS[None])
    index = tmp_path / "NDTiff.index"
    index.write_bytes(index.read_bytes()[:-7])
    with pytest.raises(FileFormatError, match=r"NDTiff\.index: is a damaged index"):
        read_image(index)


@pytest.mark.parametrize("sequence", [0, 1, 2])
@pytest.mark.parametrize(("order", "dtype"), [("<", "uint16"), (">", "int16"), ("<", "float32")])
def test_a_deltavision_file_is_read_in_any_sequence(tmp_path, sequence, order, dtype):
    pixels = PIXELS.astype(dtype)
    image = read_image(made.deltavision(tmp_path / "a.dv", pixels, order=order, sequence=sequence))
    assert (image.axes, image.channels) == ("TCZYX", ("457", "528"))
    assert steps(image) == SPACING | {"T": 1.5}
    assert image.minutes == pytest.approx((5 / 60, 95 / 60, 185 / 60))
    assert image.dtype == dtype
    same(image, pixels)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_cut_deltavision_file_costs_one_sentence(tmp_path, share):
    path = made.deltavision(tmp_path / "a.dv", PIXELS)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(FileFormatError, match=r"a\.dv: is cut off|a\.dv: is not a DeltaVision"):
        read_image(path).read()
