"""Run a result again, and say what differs between two."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tifffile

import fatescope as fs
from fatescope.acquire import read_labels, read_table, write_table
from fatescope.base import Execution, InputError, RunError
from fatescope.cli.command import Result
from fatescope.engine.diff import diff_results
from fatescope.systems.replay import replay_result

ALONE = Execution(workers=1)
CLASSICAL = fs.NucleiSettings(model="classical", diameter_px=9)


@pytest.fixture
def images(tmp_path):
    """Two images of four discs each, one in a folder of its own."""
    y, x = np.mgrid[:64, :64]
    for i, name in enumerate(("a", "day2/b")):
        pixels = np.full((64, 64), 20, np.uint8)
        for cy, cx in ((16, 16), (16, 44), (44, 16), (44, 40 + 2 * i)):
            pixels[(y - cy) ** 2 + (x - cx) ** 2 < 20] = 180
        path = tmp_path / "in" / f"{name}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, pixels)
    return tmp_path / "in"


@pytest.fixture
def result(images, tmp_path):
    out = tmp_path / "result"
    fs.predict_nuclei(images, out=out, settings=CLASSICAL, execution=ALONE)
    return out


def differing(diff):
    return {f.file: f.what for f in diff.files if f.state != "same"}


@pytest.mark.slow
def test_a_result_run_again_from_its_record_is_the_same(result, tmp_path):
    diff = replay_result(result, out=tmp_path / "again", execution=Execution(workers=2))
    assert diff.same
    assert {f.file for f in diff.files} >= {"objects.parquet", "labels/a.tif", "labels/day2/b.tif"}
    assert diff.conditions == ()
    assert (diff.exit_code, diff.command) == (0, "replay")
    record = json.loads((tmp_path / "again" / "run.json").read_text())
    assert record["settings"] == json.loads((result / "run.json").read_text())["settings"]


def test_files_that_came_later_are_not_run_again(images, result, tmp_path):
    shutil.copy(images / "a.tif", images / "later.tif")
    shutil.copy(images / "a.tif", images / "day2" / "c.tif")
    diff = replay_result(result, out=tmp_path / "again", execution=ALONE)
    assert (diff.same, diff.conditions) == (True, ())


def test_other_inputs_are_named_and_never_called_the_same(images, tmp_path):
    for name, image in (("o", "a.tif"), ("p", "day2/b.tif")):
        fs.predict_nuclei(images / image, out=tmp_path / name, settings=CLASSICAL, execution=ALONE)
    diff = diff_results(tmp_path / "o", tmp_path / "p")
    assert diff.exit_code == 1
    assert diff.inputs == ("input only of the first: a", "input only of the second: b")
    assert not [line for line in diff.as_lines() if "were the same" in line]


def test_the_same_numbers_from_other_inputs_are_not_the_same_result(tmp_path):
    for name, grey in (("o", 40), ("p", 50)):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.tif", np.full((64, 64), grey, np.uint8))
        image, out = tmp_path / name / "a.tif", tmp_path / f"{name}-out"
        fs.predict_nuclei(image, out=out, settings=CLASSICAL, execution=ALONE)
        for table in out.glob("*.csv"):  # the one number that tells them apart is not compared
            table.unlink()
        for table in out.glob("*.parquet"):
            table.unlink()
    diff = diff_results(tmp_path / "o-out", tmp_path / "p-out")
    assert {f.state for f in diff.files} == {"same"}
    assert (diff.same, diff.exit_code) == (False, 1)
    assert diff.inputs == ("other content of a",)
    assert "the inputs" in diff.as_lines()[0]


def test_a_call_that_was_stopped_continues(result, tmp_path, monkeypatch):
    def stop(done, total, what):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay_result(result, out=tmp_path / "again", execution=ALONE, progress=stop)
    assert replay_result(result, out=tmp_path / "again", execution=ALONE).same


def test_an_input_that_changed_or_is_gone_is_refused(images, result, tmp_path):
    tifffile.imwrite(images / "a.tif", np.zeros((64, 64), np.uint8))
    with pytest.raises(InputError, match=r"a\.tif: is no longer the file that"):
        replay_result(result, out=tmp_path / "again")
    (images / "a.tif").unlink()
    with pytest.raises(InputError, match=r"a\.tif: is not there"):
        replay_result(result, out=tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_what_no_record_tells_is_refused_with_the_way_out(images, result, tmp_path):
    with pytest.raises(RunError, match=r"there is no run\.json"):
        replay_result(images, out=tmp_path / "again")
    fs.clean_files(_movie(tmp_path), out=tmp_path / "clean", execution=ALONE)
    with pytest.raises(RunError, match=r"was made by `clean`.*fatescope diff"):
        replay_result(tmp_path / "clean", out=tmp_path / "again")
    (tmp_path / "exclusion.csv").write_text("file,frame\na,0\n")
    without = CLASSICAL.replace(exclude=tmp_path / "exclusion.csv")
    fs.predict_nuclei(images, out=tmp_path / "without", settings=without, execution=ALONE)
    with pytest.raises(RunError, match="was made with --exclude"):
        replay_result(tmp_path / "without", out=tmp_path / "again")


def _movie(folder):
    path = folder / "movie.tif"
    pixels = np.random.default_rng(0).integers(0, 200, (6, 32, 32)).astype(np.uint8)
    tifffile.imwrite(path, pixels, metadata={"axes": "TYX"}, imagej=True)
    return path


def test_other_settings_are_found_in_tables_labels_and_record(images, result, tmp_path):
    other = tmp_path / "other"
    smaller = CLASSICAL.replace(diameter_px=6)
    fs.predict_nuclei(images, out=other, settings=smaller, execution=ALONE)
    diff = diff_results(result, other)
    assert not diff.same
    assert diff.exit_code == 1
    assert "setting diameter_px 9.0 and 6.0" in diff.conditions
    assert "diameter_px (by at most 3)" in differing(diff)["images.csv"]


def test_one_pixel_and_one_cell_of_a_table_are_named(result, tmp_path):
    changed = tmp_path / "changed"
    shutil.copytree(result, changed)
    labels = np.asarray(read_labels(changed / "labels" / "a.tif").read())
    at = tuple(np.argwhere(labels == 2)[0])
    labels[at] = 0
    tifffile.imwrite(changed / "labels" / "a.tif", labels)
    table = read_table(changed / "objects.parquet")
    area = table["area_px"].copy()
    area[1] -= 1
    write_table(table.with_columns({"area_px": area}), changed / "objects.parquet")
    found = differing(diff_results(result, changed))
    assert found == {
        "labels/a.tif": "3 objects are the same to the pixel, of 4 and 4; 1 of 4,096 pixels have "
        "another number",
        "objects.parquet": "1 of 8 rows differ, in area_px (by at most 1)",
    }


def test_objects_that_only_changed_their_number_are_the_same_objects(result, tmp_path):
    changed = tmp_path / "changed"
    shutil.copytree(result, changed)
    labels = np.asarray(read_labels(changed / "labels" / "a.tif").read())
    tifffile.imwrite(changed / "labels" / "a.tif", np.where(labels, 5 - labels, 0).astype("u1"))
    said = differing(diff_results(result, changed))["labels/a.tif"]
    assert said.startswith("4 objects are the same to the pixel, of 4 and 4;")


def test_what_one_folder_lacks_is_named(result, tmp_path):
    changed = tmp_path / "changed"
    shutil.copytree(result, changed)
    (changed / "labels" / "a.tif").unlink()
    assert differing(diff_results(result, changed)) == {"labels/a.tif": f"only in {result}"}


def test_images_that_lie_elsewhere_today_make_no_difference(images, result, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(images, moved)
    fs.predict_nuclei(moved, out=tmp_path / "second", settings=CLASSICAL, execution=ALONE)
    assert diff_results(result, tmp_path / "second").same


def test_the_answer_is_what_a_command_shows(result):
    diff: Result = diff_results(result, result)
    assert diff.as_lines()[0].startswith("same: ")
    keys = ("command", "out", "units_done", "units_failed", "findings", "seconds")
    assert set(keys) <= set(diff.as_json())
