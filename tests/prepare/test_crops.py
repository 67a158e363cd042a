"""Crops of labelled planes: where they lie, what they hold, which are trained on."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import tifffile

from fatescope.base import FileFormatError, InputError
from fatescope.prepare import (
    FIVE,
    THREE,
    UNCERTAIN,
    CropStoreSettings,
    crop_starts,
    find_labelled,
    name_classes,
    read_labelled,
    tabulate_crops,
)

SMALL = CropStoreSettings(size_px=16, stride_px=8)


def write_labelled(folder, rows, *, shape=(40, 50)):
    """Write planes of noise with two discs each; rows are (well, field, frame)."""
    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[: shape[0], : shape[1]]
    listed = []
    for i, (well, field, frame) in enumerate(rows):
        rng = np.random.default_rng(i)
        labels = np.zeros(shape, np.uint8)
        for value in (1, 2):
            cy, cx = rng.integers(8, shape[0] - 8), rng.integers(8, shape[1] - 8)
            labels[np.hypot(y - cy, x - cx) < 5] = value
        image = (1000 + 200.0 * labels + rng.normal(0, 20, shape)).astype(np.uint16)
        stem = f"{well}_{field}_{frame}"
        tifffile.imwrite(folder / f"{stem}.tif", image)
        tifffile.imwrite(folder / f"{stem}_classes.tif", labels)
        row = {"well": well, "field": field, "frame": frame}
        listed.append({**row, "image": f"{stem}.tif", "labels": f"{stem}_classes.tif"})
    with (folder / "index.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)
    return folder


WELLS = [(w, "1", t) for w in ("A01", "A02", "A03", "B01", "B02", "B03") for t in (0, 1)]


def test_a_published_plane_holds_32_by_44_crops():
    how = {"size": 160, "stride": 80, "edge": "leave"}
    assert [len(crop_starts(n, **how)) for n in (2700, 3600)] == [32, 44]


def test_the_last_crop_ends_where_the_plane_ends():
    assert crop_starts(300, size=160, stride=80, edge="cover").tolist() == [0, 80, 140]
    assert crop_starts(320, size=160, stride=80, edge="cover").tolist() == [0, 80, 160]
    assert crop_starts(160, size=160, stride=80, edge="cover").tolist() == [0]


def test_pixels_of_each_class_are_counted_as_a_slow_loop_counts_them():
    rng = np.random.default_rng(0)
    classes = rng.choice([0, 1, 2, UNCERTAIN], (37, 45)).astype(np.uint8)
    table = tabulate_crops(classes, THREE, split="test", settings=SMALL)
    for i in range(len(table)):
        y, x = int(table["y"][i]), int(table["x"][i])
        crop = classes[y : y + 16, x : x + 16]
        for value, name in ((0, "background"), (1, "live"), (2, "dead"), (UNCERTAIN, "uncertain")):
            assert table[f"n_{name}"][i] == np.count_nonzero(crop == value)


@pytest.mark.parametrize(("split", "used"), [("train", 0), ("validation", 1), ("test", 1)])
def test_crops_of_one_class_are_kept_out_of_training_only(split, used):
    classes = np.zeros((16, 16), np.uint8)
    classes[3, 3] = UNCERTAIN  # is no class
    assert tabulate_crops(classes, THREE, split=split, settings=SMALL)["used"].tolist() == [used]
    kept = SMALL.replace(one_class="keep")
    assert tabulate_crops(classes, THREE, split=split, settings=kept)["used"].tolist() == [1]
    classes[8, 8] = 1
    assert tabulate_crops(classes, THREE, split=split, settings=SMALL)["used"].tolist() == [1]


def test_a_plane_smaller_than_a_crop_is_named():
    with pytest.raises(InputError, match=r"10 x 50 px holds no crop of 16 px"):
        tabulate_crops(np.zeros((10, 50), np.uint8), THREE, split="train", settings=SMALL)


def test_classes_have_the_names_of_three_or_of_five_or_those_given():
    assert name_classes("", 3) == THREE
    assert name_classes("", 5) == FIVE
    assert name_classes("a, b", 2) == ("a", "b")
    for asked, n in (("a,b", 3), ("a,a", 2), ("", 6), ("a,,b", 2)):
        with pytest.raises(InputError, match="--classes"):
            name_classes(asked, n)


def test_wells_stand_on_one_side_as_a_whole(tmp_path):
    planes = find_labelled([write_labelled(tmp_path / "plate", WELLS)], settings=SMALL)
    sides = {p.well: {q.sample.split for q in planes if q.well == p.well} for p in planes}
    assert all(len(s) == 1 for s in sides.values())
    assert {s for side in sides.values() for s in side} == {"train", "validation", "test"}
    assert planes[0].key == "A01_f1_t0000"


def test_whole_plates_can_be_held_out(tmp_path):
    folders = [write_labelled(tmp_path / f"plate_{i}", WELLS) for i in range(5)]
    planes = find_labelled(folders, settings=SMALL.replace(unit="plate"))
    sides = {p.plate: {q.sample.split for q in planes if q.plate == p.plate} for p in planes}
    assert sorted(len(s) for s in sides.values()) == [1] * 5
    assert {s for side in sides.values() for s in side} == {"train", "validation", "test"}


def test_a_frame_of_a_movie_is_read(tmp_path):
    folder = write_labelled(tmp_path, [("A01", "1", 1)])
    movie = np.arange(3 * 40 * 50, dtype=np.uint16).reshape(3, 40, 50)
    for name in ("A01_1_1.tif", "A01_1_1_classes.tif"):
        pixels = movie if "classes" not in name else (movie % 3).astype(np.uint8)
        tifffile.imwrite(folder / name, pixels, imagej=True, metadata={"axes": "TYX"})
    image, labels = read_labelled(find_labelled([folder], settings=SMALL)[0])
    assert np.array_equal(image, movie[1])
    assert np.array_equal(labels, movie[1] % 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no rows"),
        ("well,image\nA01,a.tif\n", "lacks the column 'labels'"),
        ("well,frame,image,labels\nA01,x,a.tif,a.tif\n", "no whole number"),
        ("well,image,labels\nA01,gone.tif,a.tif\n", "there is no image"),
        ("well,image,labels\nwater,a.tif,a.tif\n", "not a well"),
        ("well,image,labels\nA01,a.tif,a.tif\nA1,a.tif,a.tif\n", "is there twice"),
    ],
)
def test_an_index_that_cannot_be_true_is_refused(tmp_path, text, words):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 20), np.uint8))
    (tmp_path / "index.csv").write_text(text)
    with pytest.raises((FileFormatError, InputError), match=words):
        find_labelled([tmp_path], settings=SMALL)


def test_a_folder_without_an_index_is_named(tmp_path):
    with pytest.raises(FileFormatError, match=r"Give a folder with an index\.csv"):
        find_labelled([tmp_path / "nowhere"], settings=SMALL)
