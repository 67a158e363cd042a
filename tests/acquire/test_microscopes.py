"""Files of microscopes: pixels, axes, scale, times and names as the file has them, part by part."""

import json
import logging
import struct

import numpy as np
import pytest
import tifffile
from tests.acquire import microscope_files as made
from tests.acquire.microscope_files import numbers
from tests.acquire.nd2_file import nd2 as nd2_file

from fatescope.acquire import find_images, read_image
from fatescope.base import FileFormatError

SPACING = {"X": 0.2, "Y": 0.25, "Z": 1.5}


def steps(image):
    return {a: pytest.approx(step["value"]) for a, step in image.spacing.as_record().items()}


def test_a_czi_is_read_with_channels_scale_and_any_part(tmp_path):
    pixels = numbers(2, 2, 3, 20, 30)
    image = read_image(made.czi(tmp_path / "a.czi", pixels))
    assert (image.axes, image.channels) == ("TCZYX", ("red", "green"))
    assert {**steps(image), "T": None} == {**SPACING, "T": None}
    np.testing.assert_array_equal(image.read(), pixels)
    part = image.read(T=1, C=0, Z=2, Y=slice(3, 9), X=slice(5, 29, 2))
    np.testing.assert_array_equal(part, pixels[1, 0, 2, 3:9, 5:29:2])


def test_scenes_of_a_czi_are_images_each_with_its_name(tmp_path):
    pixels = numbers(1, 1, 1, 20, 30)
    made.czi(tmp_path / "a.czi", pixels, scenes=3)
    files = find_images([tmp_path])
    assert [f.key for f in files] == ["a_S1", "a_S2", "a_S3"]
    for n, file in enumerate(files):
        np.testing.assert_array_equal(read_image(file).read(), pixels[0, 0, 0] + n)
    (file,) = find_images([tmp_path], scene="1")
    assert file.key == "a_S2"
    with pytest.raises(FileFormatError, match=r"holds 3 images \(S1, S2, S3\)\. Choose one"):
        read_image(tmp_path / "a.czi")
    assert read_image(tmp_path / "a.czi", scene="S3").read()[0, 0] == pixels[0, 0, 0, 0, 0] + 2
    with pytest.raises(FileFormatError, match="holds no image S9; it holds S1, S2, S3"):
        read_image(tmp_path / "a.czi", scene="S9")


def test_the_chosen_scene_of_each_file_of_a_sequence_is_a_frame(tmp_path):
    for t in range(3):
        made.czi(tmp_path / f"a_{t}.czi", numbers(1, 1, 1, 20, 30) + 40 * t, scenes=3)
    (file,) = find_images([tmp_path], sequence=True, scene="S2")
    first = numbers(1, 1, 1, 20, 30)[0, 0, 0] + 1
    np.testing.assert_array_equal(read_image(file).read(), [first, first + 40, first + 80])
    (file,) = find_images([tmp_path], sequence=True)
    with pytest.raises(FileFormatError, match=r"holds 3 images .* Choose one"):
        read_image(file)


def test_a_scene_that_files_of_a_sequence_do_not_have_is_refused(tmp_path):
    for t in range(2):
        tifffile.imwrite(tmp_path / f"a_{t}.tif", numbers(1, 1, 1, 20, 30)[0, 0, 0])
    (file,) = find_images([tmp_path], sequence=True, scene="1")
    with pytest.raises(FileFormatError, match="holds one image, and no image 1"):
        read_image(file)
    (file,) = find_images([tmp_path], sequence=True, scene="0")
    assert read_image(file).size("T") == 2


def test_the_tiles_of_a_czi_mosaic_are_one_image(tmp_path):
    pixels = numbers(1, 1, 1, 20, 30)
    image = read_image(made.czi(tmp_path / "a.czi", pixels, tiles=2))
    np.testing.assert_array_equal(image.read(), np.hstack([pixels[0, 0, 0], pixels[0, 0, 0] + 10]))


@pytest.mark.parametrize("places", [(8,), (8, 16)], ids=["shown", "shown and stored"])
def test_a_damaged_size_in_the_directory_of_a_czi_asks_for_no_memory(tmp_path, places):
    """Zeiss's library would ask for the 1 TB of the plane, or calls its size -1 x -1."""
    path = made.czi(tmp_path / "a.czi", numbers(1, 1, 1, 20, 30))
    content = bytearray(path.read_bytes())
    at = content.index(b"DV\x01\0\0\0", content.index(b"ZISRAWDIRECTORY"))
    for place in (at + 32 + 20 * axis + p for axis in range(2) for p in places):
        struct.pack_into("<i", content, place, 700_000)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.czi: announces .* is damaged"):
        read_image(path)


def test_a_lif_holds_images_with_times_and_an_objective(tmp_path):
    still, movie = numbers(3, 8, 9, dtype="uint8"), numbers(3, 2, 8, 9, dtype="uint8")
    made.lif(
        tmp_path / "a.lif",
        {"still": (still, ()), "a movie": (movie, (0, 5, 60, 65, 180, 185))},
    )
    first, second = find_images([tmp_path])
    assert [first.key, second.key] == ["a_still", "a_a_movie"]
    image = read_image(first)
    assert (image.axes, steps(image)) == ("ZYX", SPACING)
    assert image.objective == "HC PL 40x NA 1.1"
    np.testing.assert_array_equal(image.read(), still)
    image = read_image(second)
    np.testing.assert_array_equal(image.read(), movie)
    assert image.minutes == pytest.approx((0, 1, 3))
    assert image.spacing.as_record()["T"]["value"] == pytest.approx(1.5)
    (note,) = [n for n in image.pixels.notes if n.rule == "uneven-times"]
    assert "1 to 2 min apart" in note.reason


def test_an_nd2_holds_positions_with_their_names_and_times(tmp_path):
    pytest.importorskip("nd2")
    pixels = numbers(3, 2, 2, 4, 20, 30)
    nd2_file(
        tmp_path / "a.nd2",
        pixels,
        channels=("DAPI", "GFP"),
        places_um=((0, 0), (0, 50)),
        seconds=(0, 60, 180),
    )
    files = find_images([tmp_path])
    assert [f.key for f in files] == ["a_place_1", "a_place_2"]
    for p, file in enumerate(files):
        image = read_image(file)
        assert (image.axes, image.channels) == ("TCZYX", ("DAPI", "GFP"))
        assert {**steps(image), "T": None} == {"X": 0.25, "Y": 0.25, "Z": 1.5, "T": None}
        assert image.minutes == pytest.approx((0, 1, 3))
        assert image.objective == "20x NA 0.75"
        assert [n.rule for n in image.pixels.notes] == ["uneven-times"]
        np.testing.assert_array_equal(image.read(), pixels[:, p])
        part = image.read(T=2, C=1, Z=3, Y=slice(3, 9), X=slice(5, 29, 2))
        np.testing.assert_array_equal(part, pixels[2, p, 1, 3, 3:9, 5:29:2])


def test_the_times_of_an_nd2_are_read_of_the_position_that_is_wanted_alone(tmp_path, monkeypatch):
    nd2 = pytest.importorskip("nd2")
    places = tuple((0, 50 * p) for p in range(4))
    path = nd2_file(
        tmp_path / "a.nd2",
        numbers(3, 4, 1, 1, 20, 30),
        channels=("DAPI",),
        places_um=places,
        seconds=(0, 60, 180),
    )
    asked, read = [], nd2.ND2File.frame_metadata

    def counted(self, index):
        asked.append(index)
        return read(self, index)

    monkeypatch.setattr(nd2.ND2File, "frame_metadata", counted)
    files = find_images([path])
    assert (len(files), asked) == (4, [])
    assert read_image(files[2]).minutes == pytest.approx((0, 1, 3))
    assert asked == [2, 6, 10]


def test_an_nd2_without_the_times_of_its_frames_has_the_interval_that_was_asked_for(tmp_path):
    pytest.importorskip("nd2")
    path = nd2_file(tmp_path / "a.nd2", numbers(3, 1, 1, 1, 20, 30), channels=("DAPI",))
    image = read_image(path)
    assert (image.axes, image.channels, image.minutes) == ("TYX", ("DAPI",), ())
    assert image.spacing.as_record()["T"]["value"] == 1.0


def test_an_oif_is_read_with_its_folder_of_planes(tmp_path):
    pixels = numbers(2, 3, 8, 9)
    image = read_image(made.oif(tmp_path / "a.oif", pixels))
    assert (image.axes, image.channels) == ("CZYX", ("dye 1", "dye 2"))
    assert steps(image) == SPACING
    np.testing.assert_array_equal(image.read(), pixels)


def test_an_oib_is_read_like_the_oif_in_it(tmp_path):
    pixels = numbers(2, 3, 8, 9)
    image = read_image(made.oib(tmp_path / "a.oib", pixels))
    assert (image.axes, image.channels, steps(image)) == ("CZYX", ("dye 1", "dye 2"), SPACING)
    np.testing.assert_array_equal(image.read(), pixels)


@pytest.mark.parametrize("damage", ["a sector that follows itself", "more tables than sectors"])
def test_a_table_of_sectors_that_has_no_end_is_refused(tmp_path, damage):
    path = made.oib(tmp_path / "a.oib", numbers(2, 3, 60, 70))
    content = bytearray(path.read_bytes())
    if damage == "more tables than sectors":
        content[68:76] = (0).to_bytes(4, "little") + (2**31).to_bytes(4, "little")
    else:
        at = 512 + 4 * 20
        content[at : at + 4] = (20).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.oib: its table of sectors is damaged"):
        read_image(path)


def test_an_imaris_file_is_read_without_what_pads_its_chunks(tmp_path):
    pixels = numbers(3, 2, 4, 8, 9)
    dates = [f"2020-01-31 10:0{m}:00.000" for m in (0, 1, 2)]
    image = read_image(made.ims(tmp_path / "a.ims", pixels, dates))
    assert (image.axes, image.channels) == ("TCZYX", ("dye 0", "dye 1"))
    assert {**steps(image)} == {**SPACING, "T": 1.0}
    assert image.objective == "40x"
    np.testing.assert_array_equal(image.read(), pixels)


def test_arrays_of_an_hdf5_file_are_images_by_their_path_inside(tmp_path):
    h5py = pytest.importorskip("h5py")
    pixels = numbers(4, 8, 9)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("volume/raw", data=pixels.transpose(1, 2, 0))
        data.attrs["axistags"] = json.dumps({"axes": [{"key": k} for k in "yxz"]})
        file.create_dataset("other", data=pixels[0])
    image = read_image(tmp_path / "a.h5", scene="volume_raw")
    assert image.axes == "ZYX"
    np.testing.assert_array_equal(image.read(), pixels)
    np.testing.assert_array_equal(read_image(tmp_path / "a.h5", scene="other").read(), pixels[0])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_an_ics_is_read_alone_and_with_the_file_beside_it(tmp_path, packed, version):
    pixels = numbers(3, 8, 9)
    image = read_image(made.ics(tmp_path / "a.ics", pixels, packed=packed, version=version))
    assert (image.axes, steps(image)) == ("ZYX", SPACING)
    np.testing.assert_array_equal(image.read(), pixels)


def test_an_ics_without_its_pixels_says_which_file_is_missing(tmp_path):
    made.ics(tmp_path / "a.ics", numbers(3, 8, 9), version="1.0")
    (tmp_path / "a.ids").unlink()
    with pytest.raises(FileFormatError, match=r"its pixels lie in a\.ids, which is not beside it"):
        read_image(tmp_path / "a.ics")


CUT = {
    "czi": lambda p: made.czi(p, numbers(1, 1, 2, 64, 64)),
    "nd2": lambda p: nd2_file(p, numbers(1, 1, 1, 2, 64, 64), channels=("a",)),
    "lif": lambda p: made.lif(p, {"a": (numbers(3, 64, 64, dtype="uint8"), ())}),
    "ims": lambda p: made.ims(p, numbers(1, 1, 2, 64, 64)),
    "ics": lambda p: made.ics(p, numbers(3, 64, 64)),
}


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_a_file_that_is_cut_off_costs_one_sentence(tmp_path, kind, share):
    path = CUT[kind](tmp_path / f"a.{kind}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FileFormatError) as caught:
        read_image(path).read()
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("kind", ["nd2", "czi", "lif", "oib", "oif", "ims", "ics"])
def test_another_thing_under_the_name_costs_one_sentence(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(bytes(range(256)) * 9)
    (file,) = find_images([tmp_path])
    with pytest.raises(FileFormatError, match=r"a\."):
        read_image(file)


def test_a_missing_reader_is_one_sentence_with_the_command(tmp_path, monkeypatch):
    import sys

    path = made.czi(tmp_path / "a.czi", numbers(1, 1, 1, 8, 8))
    monkeypatch.setitem(sys.modules, "pylibCZIrw.czi", None)
    (file,) = find_images([path])
    with pytest.raises(ModuleNotFoundError, match=r"pylibCZIrw.*'formats'.*Install it: .*formats"):
        read_image(file)


def test_the_log_of_libraries_stays_off_the_terminal(tmp_path, caplog):
    path = made.lif(tmp_path / "a.lif", {"a": (numbers(3, 8, 9, dtype="uint8"), ())})
    with caplog.at_level(logging.WARNING):
        read_image(path).read()
    assert caplog.records == []


@pytest.mark.data
class TestRealFiles:
    def test_files_by_other_programs_are_as_their_own_readers_have_them(self, data_dir):
        expected = json.loads((data_dir / "vendor" / "expected.json").read_text())
        for name, said in expected.items():
            for one in said if isinstance(said, list) else [said]:
                image = read_image(data_dir / "vendor" / name, scene=one.get("name"))
                assert str(image.dtype) == one["dtype"]
                if "mean" in one:
                    assert image.read().mean() == pytest.approx(one["mean"], abs=1e-3)
                if "voxel_um" in one:
                    y, x = (image.spacing.as_record()[a]["value"] for a in "YX")
                    assert [y, x] == pytest.approx(one["voxel_um"][:2])
                if "channels" in one:
                    assert list(image.channels) == one["channels"]
                sizes = one.get("sizes") or dict(zip(one["axes"], one["shape"], strict=True))
                sizes = {a.replace("λ", "C").replace("Λ", "C"): n for a, n in sizes.items()}
                assert {a: image.size(a) for a in "TCZYX"} == {a: sizes.get(a, 1) for a in "TCZYX"}

    def test_every_pixel_is_the_one_of_another_reader(self, data_dir):
        czifile, liffile = pytest.importorskip("czifile"), pytest.importorskip("liffile")
        nd2 = pytest.importorskip("nd2")
        folder = data_dir / "vendor"
        for path in sorted(folder.glob("*.czi")):
            np.testing.assert_array_equal(
                read_image(path).read(), np.squeeze(czifile.imread(str(path)))
            )
        for path in sorted(folder.glob("*.nd2")):
            np.testing.assert_array_equal(read_image(path).read(), nd2.imread(path))
        (path,) = folder.glob("*.lif")
        with liffile.LifFile(path) as file:
            for n, one in enumerate(file.images):
                np.testing.assert_array_equal(read_image(path, scene=str(n)).read(), one.asarray())


def test_of_an_ics_file_larger_than_memory_a_tile_is_read(tmp_path):
    """Sparse: 335 GB, of which one row of a plane holds anything."""
    small = made.numbers(1, 2048, 2048)
    path = made.ics(tmp_path / "a.ics", small)
    content = path.read_bytes().replace(b"\t2048\t2048\t1\n", b"\t2048\t2048\t40000\n")
    head = content[: len(content) - small.nbytes]
    with path.open("wb") as stream:
        stream.write(head)
        stream.seek(len(head) + 39_999 * small.nbytes)
        stream.write(small.tobytes())
    image = read_image(path)
    assert image.shape == (40_000, 2048, 2048)
    tile = image.read(Z=39_999, Y=slice(5, 9), X=slice(7, 20))
    np.testing.assert_array_equal(tile, small[0, 5:9, 7:20])
    assert not image.read(Z=20_000, Y=slice(0, 9), X=slice(0, 9)).any()
