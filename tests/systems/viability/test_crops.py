"""From labelled planes to a store of crops: both layouts, killed and continued, bad input."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import tifffile
from tests.prepare.test_crops import WELLS, write_labelled

from fatescope.base import Execution, FileFormatError, InputError
from fatescope.prepare import (
    CropStoreSettings,
    PublishedCrops,
    open_crops,
    read_crop_summary,
    read_samples,
    write_published,
)
from fatescope.prepare.crop_store import PUBLISHED, open_planes
from fatescope.systems.viability import crops as workflow
from fatescope.systems.viability.crops import prepare_crops

SETTINGS = CropStoreSettings(size_px=16, stride_px=8, classes="background,live,dead")
ALONE = Execution(workers=1)


def prepared(tmp_path, **changes):
    data = write_labelled(tmp_path / "labelled", WELLS)
    out = tmp_path / "crops"
    found = prepare_crops(
        data, out=out, settings=SETTINGS.replace(**changes), execution=ALONE, fresh=True
    )
    return out, found


def test_planes_become_crops_with_counts_and_samples(tmp_path):
    out, found = prepared(tmp_path)
    assert (found.exit_code, found.summary.units_done) == (0, 12)
    summary = read_crop_summary(out)
    assert summary["crops_before"] == 12 * 4 * 6
    assert summary["images"]["shape"] == [summary["crops_after"], 1, 16, 16]
    train = open_crops(out, splits=["train"])
    assert len(train) == summary["splits"]["train"]["crops_after"]
    assert (train.table["n_classes"] > 1).all()
    test = open_crops(out, splits=["test"])
    assert len(test) == summary["splits"]["test"]["crops_before"]
    samples = read_samples(out, splits=["train", "validation", "test"])
    assert {s.role for s in samples} == {"classes"}
    assert len({(s.unit, s.split) for s in samples}) == 6


def test_a_crop_is_the_window_of_its_image(tmp_path):
    out, _ = prepared(tmp_path)
    store = open_crops(out, splits=["train", "validation"])
    for i in (0, len(store) // 2, len(store) - 1):
        key, y, x = (store.table[c][i] for c in ("image", "y", "x"))
        well, field, frame = str(key).split("_")
        stem = f"{well}_{field[1:]}_{int(frame[1:])}"
        whole = tifffile.imread(tmp_path / "labelled" / f"{stem}.tif")
        image, classes = store.crops.read(i)
        assert np.array_equal(image, whole[y : y + 16, x : x + 16])
        assert np.bincount(classes.ravel(), minlength=3)[2] == store.table["n_dead"][i]


def test_the_published_layout_holds_the_same_crops(tmp_path):
    h5py = pytest.importorskip("h5py")
    plain, _ = prepared(tmp_path / "a")
    out, found = prepared(tmp_path / "b", layout="hdf5")
    with h5py.File(out / PUBLISHED) as file:
        n = found.crops["crops_after"]
        assert file["images"].shape == (n, 1, 16, 16)
        assert file["images"].chunks == (min(n, 1000), 1, 16, 16)
        assert file["images"].compression is None
        assert file["labels"].shape == (n, 16, 16)
        assert file["counts"].shape == (n, 3)
    for splits in (["train"], ["validation", "test"]):
        one, other = open_crops(plain, splits=splits), open_crops(out, splits=splits)
        assert len(one) == len(other)
        for i in range(0, len(one), 7):
            for a, b in zip(one.crops.read(i), other.crops.read(i), strict=True):
                assert np.array_equal(a, b)


def test_a_file_of_crops_from_elsewhere_can_be_read_and_others_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        file["images"] = np.arange(3 * 64).reshape(3, 1, 8, 8)
        file["labels"] = np.ones((3, 8, 8), np.uint8)
    crops = PublishedCrops(tmp_path / "theirs.h5")
    assert len(crops) == 3
    assert crops.read(2)[0][0, 0] == 128
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        file["images"], file["labels"] = np.zeros((3, 8, 8)), np.zeros((3, 8, 8))
    for name, words in (("odd.h5", "do not belong together"), ("gone.h5", "no file of crops")):
        with pytest.raises(FileFormatError, match=words):
            PublishedCrops(tmp_path / name)
    assert write_published.__doc__


def test_dimensions_and_counts_are_printed(tmp_path):
    _, found = prepared(tmp_path)
    text = "\n".join(found.as_lines())
    assert "4 x 6 = 24 crops each" in text
    assert "batches of 100" in text
    n = found.crops["crops_after"]
    assert f"images    ({n}, 1, 16, 16) uint16" in text
    assert f"labels    ({n}, 16, 16) uint8" in text
    assert f"kept      {n:,} of 288 crops" in text
    assert found.as_json()["crops"]["classes"] == ["background", "live", "dead"]


def test_a_killed_preparation_continues_to_the_same_store(tmp_path, monkeypatch):
    whole, _ = prepared(tmp_path / "whole")
    data = write_labelled(tmp_path / "labelled", WELLS)
    out, done = tmp_path / "crops", []
    cut = workflow.cut_plane

    def killed(plane, **how):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(plane.key)
        return cut(plane, **how)

    monkeypatch.setattr(workflow, "cut_plane", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare_crops(data, out=out, settings=SETTINGS, execution=ALONE)
    monkeypatch.setattr(workflow, "cut_plane", lambda p, **how: done.append(p.key) or cut(p, **how))
    prepare_crops(data, out=out, settings=SETTINGS, execution=ALONE)
    assert len(done) == len(set(done)) == 12
    for name in ("crops.csv", "crops.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_a_bad_plane_costs_one_unit_and_is_named(tmp_path):
    data = write_labelled(tmp_path / "labelled", WELLS)
    tifffile.imwrite(data / "A02_1_0.tif", np.zeros((9, 9), np.uint16))
    (data / "B01_1_1.tif").write_bytes(b"II*\0")
    labels = tifffile.imread(data / "B02_1_0_classes.tif")
    labels[0, 0] = 7
    tifffile.imwrite(data / "B02_1_0_classes.tif", labels)
    settings = SETTINGS.replace(validation=0.0, test=0.0)
    with pytest.raises(FileFormatError, match="B01_1_1"):  # the audit reads the ends of a field
        prepare_crops(data, out=tmp_path / "no", settings=settings, execution=ALONE)
    write_labelled(tmp_path / "other", WELLS[6:8])
    (data / "B01_1_1.tif").write_bytes((tmp_path / "other" / "B01_1_1.tif").read_bytes())
    found = prepare_crops(data, out=tmp_path / "crops", settings=settings, execution=ALONE)
    assert (found.exit_code, found.summary.units_failed) == (1, 2)
    said = " ".join(found.errors)
    assert "Both need one grid" in said
    assert "the class 7" in said


def test_wells_that_share_an_image_on_two_sides_are_refused(tmp_path):
    data = write_labelled(tmp_path / "labelled", WELLS)
    for name in ("A02_1_0.tif", "A03_1_0.tif", "B01_1_0.tif", "B02_1_0.tif", "B03_1_0.tif"):
        (data / name).write_bytes((data / "A01_1_0.tif").read_bytes())
    with pytest.raises(InputError, match="two sides of the split"):
        prepare_crops(data, out=tmp_path / "crops", settings=SETTINGS, execution=ALONE)


def test_folders_without_crops_are_named(tmp_path):
    with pytest.raises(FileFormatError, match="holds no crops"):
        read_crop_summary(tmp_path)
    out, _ = prepared(tmp_path / "a")
    next((out / "planes").glob("*_t0000.npy")).write_bytes(b"")
    planes, _ = open_planes(out, splits=["train", "validation", "test"])
    with pytest.raises(FileFormatError, match="Prepare the crops again"):
        [planes.plane(i) for i in range(planes.n_planes)]


def test_tables_have_one_row_for_each_crop(tmp_path):
    out, found = prepared(tmp_path)
    with (out / "crops.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == found.crops["crops_before"]
    assert json.loads((out / "crops.json").read_text()) == found.crops
