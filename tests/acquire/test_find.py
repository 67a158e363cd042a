import itertools
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest
from tests.acquire.image_files import plain_tiff, ramp

from fatescope.acquire import find_images, read_image
from fatescope.acquire.find import natural
from fatescope.base import FileFormatError, InputError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def keys(found):
    return [f.key for f in found]


def test_a_folder_is_searched_to_any_depth_in_natural_order(tmp_path):
    touch(tmp_path, "a10.tif", "a2.tif", "b/c.PNG", "b/deep/d.ome.tif", "notes.txt", ".hidden.tif")
    assert keys(find_images([tmp_path])) == ["a2", "a10", "b/c", "b/deep/d"]


def test_inputs_keep_their_order_and_are_listed_once(tmp_path):
    touch(tmp_path, "b.tif", "a.tif")
    found = find_images([tmp_path / "b.tif", tmp_path, str(tmp_path / "b.tif")])
    assert keys(found) == ["b", "a"]


def test_equal_stems_end_in_their_ending_and_the_first_keeps_its_name(tmp_path):
    touch(tmp_path, "A.jpg", "a.png", "a.tif", "sub/a.tif", "sub/a.png")
    assert keys(find_images([tmp_path])) == ["A", "a_png", "a_tif", "sub/a", "sub/a_tif"]


def test_equal_stems_of_two_folders_begin_with_the_folders_that_differ(tmp_path):
    touch(tmp_path, "1/day1/a.tif", "1/day2/a.tif", "2/day2/a.tif", "2/day2/b/a.tif")
    given = ["1/day1/a.tif", "1/day2/a.tif", "2/day2/a.tif", "2/day2/b/a.tif"]
    found = keys(find_images([tmp_path / p for p in given]))
    assert found == ["a", "day2_a", "2_day2_a", "b_a"]
    two = [tmp_path / "1" / "day2", tmp_path / "2" / "day2"]
    assert keys(find_images(two)) == ["a", "2_day2_a", "b/a"]


def test_a_hash_tells_apart_what_no_name_does(tmp_path):
    touch(tmp_path, "a.tif", "a_png.tif", "a.png")
    found = keys(find_images([tmp_path / n for n in ("a.tif", "a_png.tif", "a.png")]))
    assert found[:2] == ["a", "a_png"]
    assert re.fullmatch(r"a-[0-9a-f]{6}", found[2])


def test_accents_written_in_two_ways_are_equal_names(tmp_path):
    touch(tmp_path, "é.tif", "é.png")
    found = keys(find_images([tmp_path]))
    assert sum(k.endswith(("_tif", "_png")) for k in found) == 1


def test_results_have_names_that_a_folder_blind_to_case_keeps_apart(tmp_path):
    touch(tmp_path, "Embryo.tif", "embryo.tif", "EMBRYO.png", "day/embryo.tif", "DAY/embryo.tif")
    found = keys(find_images([tmp_path]))
    assert len({k.casefold() for k in found}) == 5


def test_names_with_spaces_unicode_and_newlines(tmp_path):
    names = ["a b.tif", "Zürich µm.tif", "new\nline.tif", "胚.tif", "dot.ted.tif"]
    touch(tmp_path, *names)
    assert set(keys(find_images([tmp_path]))) == {n.removesuffix(".tif") for n in names}


def test_a_name_that_is_no_text_gets_a_key_that_is(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"a\xff.tif")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes text only")
    (found,) = find_images([tmp_path])
    found.key.encode("utf-8")


def test_link_loops_end_and_linked_folders_are_searched_once(tmp_path):
    touch(tmp_path, "in/a.tif", "elsewhere/b.tif")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "elsewhere")
    found = find_images([tmp_path / "in"])
    assert sorted(f.paths[0].name for f in found) == ["a.tif", "b.tif"]


def test_folders_that_fatescope_wrote_are_passed_by(tmp_path):
    touch(tmp_path, "a.tif", "results/labels/a.tif", "results/run.json")
    touch(tmp_path, "half/labels/a.tif", "half/ledger.sqlite")
    assert keys(find_images([tmp_path])) == ["a"]
    assert keys(find_images([tmp_path / "results"])) == ["labels/a"], "unless they are asked for"


def test_the_truth_of_a_rendering_is_passed_by_unless_it_is_named(tmp_path):
    touch(tmp_path, "run.json", "movies/a.tif", "plate/truth/labels/a.tif", "truth/labels/a.tif")
    assert keys(find_images([tmp_path])) == ["movies/a"]
    assert keys(find_images([tmp_path / "truth"])) == ["labels/a"]
    (tmp_path / "run.json").unlink()
    assert len(find_images([tmp_path])) == 3, "a folder of that name that fatescope did not write"


def test_wildcards_that_no_shell_expanded_are_expanded(tmp_path):
    touch(tmp_path, "a1.tif", "a2.tif", "b.tif")
    assert keys(find_images([tmp_path / "a*.tif"])) == ["a1", "a2"]


def test_a_file_whose_name_looks_like_a_wildcard_is_that_file(tmp_path):
    touch(tmp_path, "a[1].tif")
    assert keys(find_images([tmp_path / "a[1].tif"])) == ["a[1]"]


def test_a_missing_file_is_listed_so_that_it_is_reported(tmp_path):
    (found,) = find_images([tmp_path / "gone.tif"])
    with pytest.raises(FileFormatError, match=r"gone\.tif: .*no such file"):
        read_image(found)


def test_no_image_at_all_is_an_error_that_names_the_place(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(InputError, match=rf"no image was found in {tmp_path}"):
        find_images([tmp_path])


@pytest.mark.slow
def test_a_hundred_thousand_files_are_listed_quickly(tmp_path):
    for j in range(100):
        folder = tmp_path / "in" / f"plate {j}"
        folder.mkdir(parents=True)
        (folder / "field 0.tif").write_bytes(b"")
        handle = os.open(folder, os.O_RDONLY)
        for i in range(1, 1000):
            os.link("field 0.tif", f"field {i}.tif", src_dir_fd=handle, dst_dir_fd=handle)
        os.close(handle)
    begun = time.process_time()
    found = find_images([tmp_path / "in"])
    seconds = time.process_time() - begun
    assert len({f.key for f in found}) == 100_000
    assert found[11].key == "plate 0/field 11"
    assert seconds < 60, "a guard against quadratic time, not a benchmark"


def test_natural_order():
    assert sorted(["a10", "a9", "A1", "b", "a09"], key=natural) == ["A1", "a09", "a9", "a10", "b"]


def movie(folder, names):
    for i, name in enumerate(names):
        plain_tiff(folder / name, ramp(6, 7) + np.uint16(i))


def test_numbered_files_are_one_movie(tmp_path):
    movie(tmp_path, [f"embryo_t{i}.tif" for i in range(1, 13)])
    movie(tmp_path, ["other1.tif", "other2.tif"])
    found = find_images([tmp_path], sequence=True)
    assert [(f.key, len(f.paths)) for f in found] == [("embryo_t", 12), ("other", 2)]
    image = read_image(found[0])
    assert (image.axes, image.shape) == ("TYX", (12, 6, 7))
    assert image.read(T=10, Y=0, X=0).size == 1
    assert [image.read(T=t, Y=0, X=0).item() for t in range(12)] == [
        int(read_image(tmp_path / f"embryo_t{t + 1}.tif").read()[0, 0]) for t in range(12)
    ]


def test_numbers_alone_take_the_name_of_the_folder(tmp_path):
    folder = tmp_path / "embryo 7"
    folder.mkdir()
    movie(folder, ["001.tif", "002.tif"])
    (found,) = find_images([folder], sequence=True)
    assert found.key == "embryo 7"


def test_a_missing_frame_is_an_error_not_a_shift(tmp_path):
    movie(tmp_path, ["a1.tif", "a2.tif", "a4.tif"])
    (found,) = find_images([tmp_path], sequence=True)
    with pytest.raises(FileFormatError, match=r"a4\.tif: frame 3 of a is missing"):
        read_image(found)


def test_a_frame_that_occurs_twice_is_an_error(tmp_path):
    movie(tmp_path, ["a1.tif", "a01.tif"])
    (found,) = find_images([tmp_path], sequence=True)
    with pytest.raises(FileFormatError, match=r"frame 1 of a occurs twice"):
        read_image(found)


@pytest.mark.parametrize("other", [ramp(5, 7), ramp(6, 7).astype("uint8")], ids=["shape", "type"])
def test_a_frame_that_differs_is_named_when_it_is_read(tmp_path, other):
    movie(tmp_path, ["a1.tif", "a2.tif"])
    plain_tiff(tmp_path / "a2.tif", other)
    image = read_image(find_images([tmp_path], sequence=True)[0])
    with pytest.raises(FileFormatError, match=r"a2\.tif: has (axes|type).*must be alike"):
        image.read(T=1)


def test_stacks_can_be_frames(tmp_path):
    for i in range(2):
        plain_tiff(tmp_path / f"a{i}.tif", ramp(3, 6, 7))
    image = read_image(find_images([tmp_path], sequence=True)[0], axes="ZYX")
    assert (image.axes, image.shape) == ("TZYX", (2, 3, 6, 7))
    np.testing.assert_array_equal(image.read(T=1), ramp(3, 6, 7))


def test_movies_cannot_be_frames(tmp_path):
    for i in range(2):
        plain_tiff(tmp_path / f"a{i}.tif", ramp(3, 6, 7))
    with pytest.raises(FileFormatError, match="cannot be one frame of a sequence"):
        read_image(find_images([tmp_path], sequence=True)[0], axes="TYX")


def test_a_pattern_names_wells_fields_and_frames(tmp_path):
    names = [f"{w}_f{f}_t{t}.tif" for w in ("A01", "B02") for f in (1, 2) for t in (0, 1, 2)]
    movie(tmp_path, [*names, "thumbnail.tif"])
    found = find_images([tmp_path], pattern="{well}_f{field}_t{frame}.tif")
    assert keys(found) == ["A01_1", "A01_2", "B02_1", "B02_2"]
    assert found[2].fields == (("well", "B02"), ("field", "1"))
    assert found[2].frames == (0, 1, 2)


def test_a_pattern_without_frame_keeps_files_apart(tmp_path):
    movie(tmp_path, ["A01_1.tif", "A01_2.tif", "x.tif"])
    found = find_images([tmp_path], pattern="{well}_{field}.tif")
    assert keys(found) == ["A01_1", "A01_2"]
    assert not found[0].is_sequence
    assert dict(found[1].fields) == {"well": "A01", "field": "2"}


def test_a_pattern_may_name_folders(tmp_path):
    for well in ("A1", "A2"):
        (tmp_path / well).mkdir()
        movie(tmp_path / well, ["1.tif", "2.tif"])
    found = find_images([tmp_path], pattern="{well}/{frame}.tif")
    assert [(f.key, f.frames) for f in found] == [("A1", (1, 2)), ("A2", (1, 2))]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("{well}-{field}.png", "no file name fits"), ("a.tif", "must hold placeholders")],
)
def test_patterns_that_cannot_work_are_explained(tmp_path, pattern, message):
    touch(tmp_path, "a_1.tif")
    with pytest.raises(InputError, match=message):
        find_images([tmp_path], pattern=pattern)


def test_a_single_file_may_have_any_ending():
    (found,) = find_images([Path("image.data")])
    assert found.key == "image.data"


def grid(folder, frames=(3, 4, 7), planes=(1, 3), channels=("DAPI", "GFP")):
    """Write a file for each frame, plane and channel; its value says which it is."""
    for t, z, c in itertools.product(frames, planes, channels):
        value = 100 * t + 10 * z + (c == "GFP")
        plain_tiff(folder / f"t{t:02d}_z{z}_c{c}.tif", np.full((6, 7), value, np.uint16))


def test_a_pattern_knows_frames_planes_and_channels_and_allows_gaps(tmp_path):
    (tmp_path / "in" / "embryo 7").mkdir(parents=True)
    grid(tmp_path / "in" / "embryo 7")
    (found,) = find_images([tmp_path / "in"], pattern="t{frame}_z{plane}_c{channel}.tif")
    assert (found.key, found.frames) == ("embryo 7", (3, 4, 7))
    image = read_image(found)
    assert (image.axes, image.shape) == ("TCZYX", (3, 2, 2, 6, 7))
    assert image.channels == ("DAPI", "GFP")
    assert image.read()[..., 0, 0].tolist() == [
        [[310, 330], [311, 331]],
        [[410, 430], [411, 431]],
        [[710, 730], [711, 731]],
    ]
    assert image.name == str(tmp_path / "in" / "embryo 7"), "the folder is not named twice"


def test_planes_alone_are_a_stack_and_wells_stay_apart(tmp_path):
    movie(tmp_path, [f"{w}_z{z}.tif" for w in ("A01", "B02") for z in range(9, 12)])
    found = find_images([tmp_path], pattern="{well}_z{plane}.tif")
    assert keys(found) == ["A01", "B02"]
    assert (read_image(found[1]).axes, read_image(found[1]).shape) == ("ZYX", (3, 6, 7))


@pytest.mark.parametrize("extra", [None, "t3_z1_cGFP.tif"])
def test_a_file_of_the_grid_that_is_missing_or_there_twice_is_an_error(tmp_path, extra):
    grid(tmp_path)
    if extra is None:
        (tmp_path / "t04_z1_cGFP.tif").unlink()
    else:
        plain_tiff(tmp_path / extra, ramp(6, 7))
    (found,) = find_images([tmp_path], pattern="t{frame}_z{plane}_c{channel}.tif")
    with pytest.raises(FileFormatError, match=r"are \d+ files, and there are 1[13]: some are"):
        read_image(found)


def test_the_letter_of_an_axis_is_named_in_full(tmp_path):
    touch(tmp_path, "t1_z1.tif")
    with pytest.raises(InputError, match=r"write \{plane\} instead of \{z\}"):
        find_images([tmp_path], pattern="t{frame}_z{z}.tif")


def test_a_gap_in_a_sequence_names_each_folder_once(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    movie(tmp_path / "in" / "deep", ["a1.tif", "a2.tif"])
    (found,) = find_images([tmp_path / "in"], sequence=True)
    assert read_image(found).name == str(tmp_path / "in" / "deep" / "a")
