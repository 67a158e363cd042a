"""What predicting commands share, with systems that are not nuclei."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import tifffile
from tests.acquire import file_sets
from tests.engine.systems import CELLS, CLASSES, COUNTS, BoxSettings

from fatescope.acquire import read_image, read_labels
from fatescope.base import Execution, RunError
from fatescope.engine.predict import plan_images, predict_images
from fatescope.pages.result import ResultFolder

ALONE = Execution(workers=1)


@pytest.fixture
def folder(tmp_path):
    """Two movies of volumes: two frames of three planes, a box, then a brighter one beside it."""
    pixels = np.zeros((2, 3, 8, 9), np.uint8)
    pixels[:, :2, 1:3, 1:4] = 150
    pixels[1, 1:, 1:3, 4:8] = 210
    (tmp_path / "in").mkdir()
    for name, add in (("a", 0), ("b", 20)):
        image = np.where(pixels, pixels + add, 0).astype(np.uint8)
        tifffile.imwrite(tmp_path / "in" / f"{name}.ome.tif", image, metadata={"axes": "TZYX"})
    return tmp_path / "in"


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def predict(system, folder, out, execution=ALONE, **settings):
    return predict_images(
        system, folder, out=out, settings=BoxSettings(**settings), execution=execution
    )


def test_volumes_get_labels_and_as_many_tables_as_the_system_makes(folder, tmp_path):
    summary = predict(CELLS, folder, tmp_path / "out")
    assert (summary.units_done, summary.objects) == (2, 6)
    labels = read_labels(tmp_path / "out" / "labels" / "a.tif")
    assert (labels.axes, labels.shape) == ("TZYX", (2, 3, 8, 9))
    assert labels.read(T=1).max() == 2
    contacts = rows_of(tmp_path / "out" / "contacts.csv")
    touching = [(c["image"], c["frame"], c["label_a"], c["label_b"]) for c in contacts]
    assert touching == [("a", "1", "1", "2"), ("b", "1", "1", "2")]
    assert next(iter(contacts[0])) == "image"
    images = rows_of(tmp_path / "out" / "images.csv")
    assert [(r["image"], r["frames"], r["n_objects"]) for r in images] == [
        ("a", "2", "3"),
        ("b", "2", "3"),
    ]
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (record["command"], record["inputs"][1]["brightest"]) == ("predict membrane", 230)


def test_a_class_map_has_a_folder_of_its_own_and_knows_what_all_images_decided(folder, tmp_path):
    predict(CLASSES, folder, tmp_path / "out")
    classes = read_image(tmp_path / "out" / "classes" / "b.ome.zarr").read(T=1)
    assert sorted(np.unique(classes)) == [0, 2, 3]
    assert not (tmp_path / "out" / "labels").exists()


def test_a_system_without_images_writes_tables_and_findings(folder, tmp_path):
    predict(COUNTS, folder, tmp_path / "out")
    findings = rows_of(tmp_path / "out" / "findings.csv")
    assert [f["rule"] for f in findings].count("jump") == 2
    counts = rows_of(tmp_path / "out" / "populations.csv")
    assert [(r["image"], r["frame"], r["count"]) for r in counts] == [
        ("a", "0", "1"),
        ("a", "1", "2"),
        ("b", "0", "1"),
        ("b", "1", "2"),
    ]
    assert not list((tmp_path / "out").glob("labels"))


@pytest.mark.parametrize("system", [CELLS, CLASSES, COUNTS], ids=lambda s: s.command)
def test_workers_change_nothing_and_a_second_call_computes_nothing(system, folder, tmp_path):
    predict(system, folder, tmp_path / "one")
    predict(system, folder, tmp_path / "two", Execution(workers=2))
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file() and path.name != "run.json" and "ledger" not in path.name:
            other = tmp_path / "two" / path.relative_to(tmp_path / "one")
            assert path.read_bytes() == other.read_bytes(), path.name
    written = {p: p.stat().st_mtime_ns for p in (tmp_path / "one").rglob("*.tif")}
    assert predict(system, folder, tmp_path / "one").units_done == 2
    assert written == {p: p.stat().st_mtime_ns for p in (tmp_path / "one").rglob("*.tif")}


def test_the_pages_of_a_system_belong_to_the_run(folder, tmp_path):
    predict(COUNTS, folder, tmp_path / "out")
    assert (tmp_path / "out" / "report.html").exists()
    predict_images(
        COUNTS, folder, out=tmp_path / "out", settings=BoxSettings(least=160), fresh=True
    )
    assert rows_of(tmp_path / "out" / "populations.csv")[0]["count"] == "0"


def test_a_plan_counts_what_a_worker_holds(folder):
    planes = plan_images(COUNTS, folder, settings=BoxSettings(), execution=ALONE)
    volumes = plan_images(CELLS, folder, settings=BoxSettings(), execution=ALONE)
    assert (planes.units, planes.command) == (2, "predict populations")
    assert volumes.cpu_seconds == planes.cpu_seconds
    assert volumes.peak_memory_mb >= planes.peak_memory_mb


def test_excluded_frames_hold_nothing_and_others_are_as_they_were(folder, tmp_path):
    predict(CELLS, folder, tmp_path / "whole")
    (tmp_path / "exclusion.csv").write_text("file,first_frame,last_frame\na.ome.tif,1,1\n")
    settings = BoxSettings(exclude=tmp_path / "exclusion.csv")
    predict_images(CELLS, folder, out=tmp_path / "out", settings=settings, execution=ALONE)
    before, after = (read_image(tmp_path / n / "labels" / "a.tif") for n in ("whole", "out"))
    assert np.array_equal(before.read(T=0), after.read(T=0))
    assert before.read(T=1).any()
    assert not after.read(T=1).any()
    rows, kept = (rows_of(tmp_path / n / "objects.csv") for n in ("whole", "out"))
    assert kept == [r for r in rows if (r["image"], r["frame"]) != ("a", "1")]
    said = [f for f in rows_of(tmp_path / "out" / "findings.csv") if f["rule"] == "excluded"]
    assert [f["reason"][:25] for f in said] == ["1 of 2 frames are exclude"]


def test_another_exclusion_into_the_same_folder_is_refused(folder, tmp_path):
    listed = tmp_path / "exclusion.csv"
    settings = BoxSettings(exclude=listed)
    listed.write_text("file,first_frame,last_frame\na.ome.tif,1,1\n")
    predict_images(COUNTS, folder, out=tmp_path / "out", settings=settings, execution=ALONE)
    listed.write_text("file,first_frame,last_frame\na.ome.tif,0,0\n")
    with pytest.raises(RunError, match="other settings: excluded"):
        predict_images(COUNTS, folder, out=tmp_path / "out", settings=settings, execution=ALONE)


def test_an_image_of_several_files_is_opened_from_its_record_as_what_it_is(tmp_path):
    pixels = np.zeros((2, 1, 1, 8, 9), np.uint8)
    pixels[:, ..., 1:3, 1:4] = 150
    (tmp_path / "in").mkdir()
    file_sets.ome_set(tmp_path / "in", {"": pixels}, "T")
    predict(CELLS, tmp_path / "in", tmp_path / "out")
    result = ResultFolder(tmp_path / "out")
    (said,) = result.done
    assert len(said["path"]) == 2
    image, labels = result.opened(said)
    np.testing.assert_array_equal(image.read(), pixels[:, 0, 0])
    assert labels.shape == image.shape
