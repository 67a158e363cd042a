"""Pairs are found in indexed folders and by patterns, and each knows its unit and frame."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fatescope.base import FileFormatError, InputError
from fatescope.prepare import (
    PairSettings,
    Sample,
    find_pairs,
    read_samples,
    read_truth,
    unit_ids,
    write_samples,
)
from fatescope.prepare.pairs import path_reader


def save(path, value=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(path)


def indexed(folder, header, rows):
    folder.mkdir(parents=True)
    (folder / "index.csv").write_text("\n".join([header, *rows]) + "\n")
    for row in rows:
        name = row.split(",")[0]
        save(folder / "images" / f"{name}.png")
        save(folder / "labels" / f"{name}.png")
    return folder


def test_an_index_gives_units_kinds_and_pixel_sizes(tmp_path):
    folder = indexed(
        tmp_path / "set",
        "name,type,field_group,pixel_y_um,pixel_x_um",
        [f"p{i},small,f{i // 2},0.2,0.3" for i in range(40)],
    )
    samples = find_pairs([folder], settings=PairSettings())
    assert [s.image.name for s in samples[:2]] == ["p0.png", "p1.png"]
    assert {s.unit for s in samples} == {f"set/f{i}" for i in range(20)}
    assert {s.kind for s in samples} == {"small"}
    assert samples[0].pixel_size == (0.2, 0.3)
    assert {s.split for s in samples} == {"train", "validation", "test"}


def test_a_single_unit_is_divided_by_time(tmp_path):
    rows = [f"t{t},e,{t}" for t in range(40)]
    folder = indexed(tmp_path / "movie", "name,embryo,time", rows)
    samples = find_pairs([folder], settings=PairSettings())
    splits = [s.split for s in samples]
    assert splits[0] == "train"
    assert splits[-1] == "test"
    assert splits.count("unused") == 6
    assert samples[7].frame == 7


def test_a_folder_to_learn_from_alone_is_all_for_training(tmp_path):
    rows = [f"p{i},f{i}" for i in range(20)]
    real = indexed(tmp_path / "real", "name,unit", rows)
    drawn = indexed(tmp_path / "drawn", "name,unit", rows)
    samples = find_pairs([real, drawn], settings=PairSettings(learn_only="drawn"))
    assert {s.split for s in samples if s.unit.startswith("drawn/")} == {"train"}
    assert {s.split for s in samples[:20]} == {"train", "validation", "test"}
    assert samples[:20] == find_pairs([real], settings=PairSettings())
    with pytest.raises(InputError, match="drwan, which is none of the given folders"):
        find_pairs([real, drawn], settings=PairSettings(learn_only="drwan"))


def test_two_folders_keep_their_units_apart_and_their_order(tmp_path):
    a = indexed(tmp_path / "a", "name,unit", ["x,u"])
    b = indexed(tmp_path / "b", "name,unit", ["y,u"])
    units = [s.unit for s in find_pairs([b, a], settings=PairSettings())]
    assert units == ["b/u", "a/u"]


def test_patterns_match_by_stem_and_read_unit_and_frame(tmp_path, monkeypatch):
    for unit in ("e1", "e2"):
        for t in range(2):
            save(tmp_path / "raw" / f"{unit}_t{t:03d}.png")
            save(tmp_path / "truth" / f"{unit}_t{t:03d}_labels.png")
    monkeypatch.chdir(tmp_path)
    settings = PairSettings(images="raw/*.png", labels="truth/*.png", unit="{unit}_t{frame}")
    samples = find_pairs([], settings=settings)
    assert [(s.unit, s.frame) for s in samples] == [("e1", 0), ("e1", 1), ("e2", 0), ("e2", 1)]
    assert samples[0].labels == Path("truth/e1_t000_labels.png")


def test_what_is_missing_is_named(tmp_path):
    save(tmp_path / "raw" / "a.png")
    only_images = PairSettings(images=str(tmp_path / "raw/*.png"))
    with pytest.raises(InputError, match="belong together"):
        find_pairs([], settings=only_images)
    no_labels = only_images.replace(labels=str(tmp_path / "none/*.png"), unit="{unit}")
    with pytest.raises(InputError, match=r"a\.png has no labels"):
        find_pairs([], settings=no_labels)
    with pytest.raises(InputError, match="no pair was found"):
        find_pairs([], settings=PairSettings())
    with pytest.raises(FileFormatError, match=r"index\.csv: cannot be read"):
        find_pairs([tmp_path], settings=PairSettings())
    folder = indexed(tmp_path / "set", "name,colour", ["p,red"])
    with pytest.raises(InputError, match="no column unit or field_group"):
        find_pairs([folder], settings=PairSettings())
    (folder / "labels" / "p.png").unlink()
    with pytest.raises(InputError, match="holds no p"):
        find_pairs([folder], settings=PairSettings(unit="colour"))


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{unit}_t{frame}", "m/e7_t012.tif", ("e7", 12)),
        ("{unit}/*", "m/e7/a.ome.tif", ("e7", None)),
        ("{unit}-*", "e7-x-9.png", ("e7-x", None)),
    ],
)
def test_a_pattern_reads_the_end_of_a_path(pattern, path, expected):
    assert path_reader(pattern)(Path(path)) == expected


def test_a_path_that_does_not_follow_and_a_pattern_without_unit_are_refused():
    with pytest.raises(InputError, match=r"must hold \{unit\} once"):
        path_reader("{frame}")
    with pytest.raises(InputError, match="does not follow"):
        path_reader("{unit}_t{frame}")(Path("a.tif"))


def test_the_manifest_reads_back_and_paths_are_relative_to_it(tmp_path):
    save(tmp_path / "raw" / "a.png")
    out = tmp_path / "out"
    out.mkdir()
    sample = Sample(
        image=tmp_path / "raw" / "a.png",
        labels=tmp_path / "raw" / "a.png",
        unit="u",
        frame=3,
        split="test",
        role="foreground",
        kind="k",
        pixel_size=(0.5, 0.25),
    )
    write_samples(out / "samples.csv", [sample])
    header, row = (out / "samples.csv").read_text().splitlines()
    assert header.startswith("image,labels,unit,frame,split,role")
    assert row.startswith("../raw/a.png,")
    (again,) = read_samples(out, splits=["test"])
    assert again.image.samefile(sample.image)
    assert (again.unit, again.frame) == ("u", 3)
    assert (again.split, again.role, again.kind) == ("test", "foreground", "k")
    assert again.pixel_size == (0.5, 0.25)
    assert read_samples(out, splits=["train", "validation"]) == []


def test_a_broken_manifest_is_one_sentence(tmp_path):
    with pytest.raises(FileFormatError, match=r"holds no samples\.csv"):
        read_samples(tmp_path, splits=["train"])
    (tmp_path / "samples.csv").write_text("image,labels\n")
    with pytest.raises(FileFormatError, match="lacks the columns unit, frame, split, role"):
        read_samples(tmp_path, splits=["train"])
    head = "image,labels,unit,frame,split,role\n"
    (tmp_path / "samples.csv").write_text(head + "a,b,u,,holdout,instances\n")
    with pytest.raises(FileFormatError, match="row 2: split 'holdout'"):
        read_samples(tmp_path, splits=["train"])
    (tmp_path / "samples.csv").write_text(head + "a,b,u,two,train,instances\n")
    with pytest.raises(FileFormatError, match=r"row 2: .*two"):
        read_samples(tmp_path, splits=["train"])


def test_a_unit_on_two_sides_is_known_by_its_frames():
    sides = [("a", 0, "train"), ("a", 9, "test"), ("b", None, "test")]
    samples = [
        Sample(image=Path("i"), labels=Path("l"), unit=u, frame=f, split=s) for u, f, s in sides
    ]
    assert unit_ids(samples) == ["a@0", "a@9", "b"]


def test_images_may_be_jpeg_and_labels_may_not(tmp_path):
    plane = np.zeros((32, 32), np.uint8)
    for folder, ending in (("images", "jpg"), ("labels", "png"), ("lossy", "jpg")):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            Image.fromarray(plane).save(tmp_path / folder / f"{name}.{ending}")
    (tmp_path / "index.csv").write_text("name\na\nb\n")
    found = find_pairs([tmp_path], settings=PairSettings(unit="name"))
    assert [s.image.name for s in found] == ["a.jpg", "b.jpg"]
    assert [s.labels.name for s in found] == ["a.png", "b.png"]
    lossy = PairSettings(
        images=str(tmp_path / "images/*"), labels=str(tmp_path / "lossy/*"), unit="{unit}"
    )
    with pytest.raises(InputError, match=r"lossy/a\.jpg: labels must be .*JPEG changes numbers"):
        find_pairs([], settings=lossy)
    (tmp_path / "labels" / "a.png").rename(tmp_path / "labels" / "a.jpg")
    with pytest.raises(InputError, match=r"labels holds no a"):
        find_pairs([tmp_path], settings=PairSettings(unit="name"))


def test_a_unit_may_be_a_column_of_the_index_above_the_images(tmp_path):
    (tmp_path / "index.csv").write_text("field,group\ns1,wall\ns2,wall\ns3,f3\n")
    for i in (1, 2, 3):
        save(tmp_path / "half" / f"s{i}_img.png")
        save(tmp_path / "half" / f"s{i}_lab.png")
    found = PairSettings(
        images=str(tmp_path / "half/*_img.png"),
        labels=str(tmp_path / "half/*_lab.png"),
        unit="group",
        pieces="largest",
    )
    samples = find_pairs([], settings=found)
    assert [s.unit for s in samples] == ["wall", "wall", "f3"]
    assert {s.pieces for s in samples} == {"largest"}
    with pytest.raises(InputError, match="no column 'day'"):
        find_pairs([], settings=found.replace(unit="day"))
    save(tmp_path / "half" / "s4_img.png")
    save(tmp_path / "half" / "s4_lab.png")
    with pytest.raises(InputError, match="no row for s4_img"):
        find_pairs([], settings=found)


def test_of_a_label_in_pieces_only_the_largest_may_count(tmp_path):
    labels = np.array([[1, 1, 0, 1], [2, 0, 2, 0], [0, 3, 3, 3]], np.uint8)
    save(tmp_path / "a.png")
    Image.fromarray(labels).save(tmp_path / "l.png")
    sample = Sample(image=tmp_path / "a.png", labels=tmp_path / "l.png", unit="u", pieces="largest")
    assert read_truth(sample).tolist() == [[1, 1, 0, -1], [2, 0, -1, 0], [0, 3, 3, 3]]
    assert read_truth(replace(sample, pieces="all")).tolist() == labels.tolist()
    write_samples(tmp_path / "samples.csv", [sample])
    assert read_samples(tmp_path, splits=["train"])[0].pieces == "largest"
    text = (tmp_path / "samples.csv").read_text().replace("largest", "some")
    (tmp_path / "samples.csv").write_text(text)
    with pytest.raises(FileFormatError, match="pieces is all or largest"):
        read_samples(tmp_path, splits=["train"])


def by_patterns(images, labels, unit="{unit}/*"):
    return find_pairs([], settings=PairSettings(images=images, labels=labels, unit=unit))


def test_equal_names_are_paired_within_their_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for well in ("A1", "A2"):
        save(tmp_path / f"raw/{well}/field1.tif")
        save(tmp_path / f"true/{well}/labels/field1_cp_masks.tif")
    pairs = by_patterns("raw/**/*.tif", "true/*/labels/*.tif")
    assert [(p.image.parent.name, p.labels.parts[-3]) for p in pairs] == [("A1",) * 2, ("A2",) * 2]


def test_labels_in_one_folder_find_their_images_in_many_by_a_name_that_is_there_once(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    for well in ("A1", "A2"):
        save(tmp_path / f"raw/{well}/{well}_field1.tif")
        save(tmp_path / f"true/{well}_field1.tif")
    save(tmp_path / "true/B1_field1.tif")
    with caplog.at_level("WARNING", logger="fatescope.prepare.pairs"):
        pairs = by_patterns("raw/**/*.tif", "true/*.tif")
    assert all(p.image.stem == p.labels.stem for p in pairs)
    assert "1 of 3 label files have no image" in caplog.text
    assert "B1_field1.tif" in caplog.text


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["raw/A1/f.tif", "raw/A2/f.tif", "true/f.tif"], "names repeat"),
        (["raw/A1/f.tif", "true/x/f.tif", "true/y/f.tif"], "x/f.tif or true/y/f.tif"),
        (["raw/f.tif", "true/f.tif", "true/f_mask.tif"], "true/f.tif and true/f_mask.tif"),
    ],
)
def test_names_that_do_not_tell_are_refused_by_name(tmp_path, monkeypatch, names, said):
    monkeypatch.chdir(tmp_path)
    for name in names:
        save(tmp_path / name)
    with pytest.raises(InputError, match=said):
        by_patterns("raw/**/*.tif", "true/**/*.tif", unit="{unit}")


def test_labels_beside_their_images_are_no_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        save(tmp_path / f"set/{name}.png")
        save(tmp_path / f"set/{name}_mask.png")
    pairs = by_patterns("set/*.png", "set/*_mask.png", unit="{unit}")
    assert [(p.image.name, p.labels.name) for p in pairs] == [
        ("a.png", "a_mask.png"),
        ("b.png", "b_mask.png"),
    ]
