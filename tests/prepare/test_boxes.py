"""Tables of boxes are labels too: of one image, or of all images of a folder."""

import numpy as np
import pytest
from PIL import Image

from fatescope.base import FileFormatError, InputError
from fatescope.prepare import (
    PairSettings,
    Sample,
    find_pairs,
    joined_units,
    read_boxes,
    read_samples,
    write_samples,
)
from fatescope.prepare.leaks import Leak
from fatescope.systems.training.train import prepare_pairs

HEAD = "image,x0,y0,x1,y1,class"


def save(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 48)).astype(np.uint8)
    Image.fromarray(pixels).save(path)


def boxed(
    folder, rows=(f"{HEAD}", "a.png,1,2,5,8,live", "a.png,10,10,20,22.5,dead", "c,0,0,4,4,live")
):
    folder.mkdir(parents=True)
    (folder / "index.csv").write_text("image,group\na.png,g0\nb.png,g0\nc.png,g1\n")
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n")
    for i, name in enumerate("abc"):
        save(folder / "images" / f"{name}.png", i)
    return folder


def test_a_folder_with_boxes_gives_samples_of_that_role(tmp_path):
    folder = boxed(tmp_path / "set")
    samples = find_pairs([folder], settings=PairSettings(validation=0, test=0))
    assert [s.role for s in samples] == ["boxes"] * 3
    assert {s.labels for s in samples} == {folder / "boxes.csv"}
    assert [s.unit for s in samples] == ["set/g0", "set/g0", "set/g1"]
    a, b, c = read_boxes(samples)
    assert a.corners.tolist() == [[2, 1, 8, 5], [10, 10, 22.5, 20]]
    assert a.classes.tolist() == ["live", "dead"]
    assert (len(b), len(c)) == (0, 1)  # b shows nothing; c is named without its ending


def test_the_manifest_keeps_the_role_and_the_table(tmp_path):
    folder = boxed(tmp_path / "set")
    write_samples(tmp_path / "samples.csv", find_pairs([folder], settings=PairSettings(test=0)))
    again = read_samples(tmp_path, splits=["train", "validation"])
    assert {s.role for s in again} == {"boxes"}
    assert sum(map(len, read_boxes(again))) == 3


def test_a_table_for_each_image_is_found_by_pattern(tmp_path):
    for i, name in enumerate("ab"):
        save(tmp_path / "raw" / f"{name}.png", i)
        (tmp_path / "truth").mkdir(exist_ok=True)
        (tmp_path / "truth" / f"{name}.csv").write_text(f"x0,y0,x1,y1,class\n{i},1,9,9,live\n")
    settings = PairSettings(
        images=str(tmp_path / "raw/*.png"), labels=str(tmp_path / "truth/*.csv"), unit="{unit}"
    )
    samples = find_pairs([], settings=settings)
    assert [s.role for s in samples] == ["boxes", "boxes"]
    assert [b.corners[0, 1] for b in read_boxes(samples)] == [0, 1]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["image,x0,y0,x1"], "columns y1, class are missing"),
        ([HEAD, "a,1,2,x,4,live"], "row 2: four numbers"),
        ([HEAD, "a,5,2,5,4,live"], "x0 < x1"),
        ([HEAD, "a,1,2,5,4,"], "and a class"),
    ],
)
def test_a_wrong_table_is_a_sentence(tmp_path, rows, words):
    folder = boxed(tmp_path / "set", rows)
    with pytest.raises(FileFormatError, match=words):
        read_boxes(find_pairs([folder], settings=PairSettings()))


def test_a_missing_table_is_a_sentence(tmp_path):
    save(tmp_path / "a.png")
    sample = Sample(image=tmp_path / "a.png", labels=tmp_path / "no.csv", unit="u", role="boxes")
    with pytest.raises(FileFormatError, match=r"no\.csv: the boxes cannot be read"):
        read_boxes([sample])


def test_units_that_share_content_become_one():
    leaks = [
        Leak(kind="identical", first=a, second=b, value=1.0)
        for a, b in (("d", "c"), ("a", "b"), ("c", "a"), ("x", "y"))
    ]
    assert joined_units(leaks) == dict.fromkeys("abcd", "a") | {"x": "x", "y": "x"}


def test_a_division_that_leaks_is_mended_by_joining(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "index.csv").write_text("name,group\n" + "".join(f"p{i},g{i}\n" for i in range(8)))
    (folder / "boxes.csv").write_text(f"{HEAD}\n")
    for i in range(8):
        save(folder / "images" / f"p{i}.png", i // 2)  # two and two are the same image
    settings = PairSettings(validation=0.25, test=0.25)
    with pytest.raises(InputError, match="identical"):
        prepare_pairs([folder], out=tmp_path / "a", settings=settings)
    prepare_pairs([folder], out=tmp_path / "b", settings=settings.replace(join=True))
    rows = read_samples(tmp_path / "b", splits=["train", "validation", "test"])
    assert {s.unit for s in rows} == {"set/g0", "set/g2", "set/g4", "set/g6"}
    assert [s.split for s in rows[::2]] == [s.split for s in rows[1::2]]
    assert {s.split for s in rows} == {"train", "validation", "test"}
