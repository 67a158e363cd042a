"""The workflow of nuclei: what a person gets, and that nothing about the machine changes it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import duckdb
import numpy as np
import pytest
import tifffile
from PIL import Image as TrainingPlane

import fatescope
from fatescope.acquire import read_labels
from fatescope.base import Execution, InputError, RunError
from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
from fatescope.systems.nuclei.find import NUCLEI, predict_nuclei
from fatescope.systems.nuclei.settings import NucleiSettings

FIRST_COLUMNS = [
    *("image", "label", "frame", "z", "y", "x"),
    *("bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1", "area_px"),
]
CLASSICAL = NucleiSettings(model="classical")
ALONE = Execution(workers=1)


@pytest.fixture(scope="module")
def movie():
    return simulate_nuclei(NucleiMovieSettings(frames=3, height=128, width=160), seed=4)


@pytest.fixture
def images(movie, tmp_path):
    """Three frames as images of their own, in three formats."""
    folder = tmp_path / "images"
    folder.mkdir()
    TrainingPlane.fromarray(movie.pixels[0]).save(folder / "a.png")
    tifffile.imwrite(folder / "b.tif", movie.pixels[1], tile=(64, 64), compression="zlib")
    tifffile.imwrite(folder / "c.ome.tif", movie.pixels[2], metadata={"axes": "YX"})
    return folder


def files_of(folder):
    """Return the bytes of every result but the record, which holds times and paths."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "run.json" and "ledger" not in p.name
    }


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_of_images_becomes_labels_tables_and_a_report(images, tmp_path, movie):
    summary = predict_nuclei(images, out=tmp_path / "out", settings=CLASSICAL, execution=ALONE)
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (3, 0, 0)
    rows = rows_of(tmp_path / "out" / "objects.csv")
    assert list(rows[0])[: len(FIRST_COLUMNS)] == FIRST_COLUMNS
    labels = read_labels(tmp_path / "out" / "labels" / "b.tif").read()
    mine = [r for r in rows if r["image"] == "b"]
    assert len(mine) == labels.max() > 5
    for row in mine[:5]:
        inside = labels == int(row["label"])
        assert int(row["area_px"]) == inside.sum()
        mean = movie.pixels[1][inside].mean()
        assert float(row["mean_0"]) == pytest.approx(mean)
    query = f"select count(*) from '{tmp_path / 'out' / 'objects.parquet'}'"
    assert duckdb.connect().execute(query).fetchone() == (len(rows),)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["model"]["name"] == "classical"
    assert len(record["inputs"]) == 3
    assert "b.tif" in record["inputs"][1]["path"]
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    settings = tomllib.loads((tmp_path / "out" / "settings.toml").read_text("utf-8"))
    assert NucleiSettings.from_values(settings) == CLASSICAL


IMAGE_COLUMNS = [
    *("image", "path", "state", "frames", "channel", "n_objects"),
    *("spacing_um", "spacing_source"),
    *("diameter_px", "diameter_source", "n_findings", "worst", "n_at_border"),
]


def test_images_csv_has_a_row_for_each_image_failed_ones_too(movie, images, tmp_path):
    (images / "broken.png").write_bytes(b"\x89PNG, or so it says")
    size = {"resolution": (1 / 0.3, 1 / 0.25), "metadata": {"axes": "TYX", "unit": "um"}}
    tifffile.imwrite(images / "movie.tif", movie.pixels, imagej=True, **size)
    out = tmp_path / "out"
    predict_nuclei(images, out=out, settings=CLASSICAL, execution=ALONE)
    rows = {r["image"]: r for r in rows_of(out / "images.csv")}
    assert list(rows["a"])[: len(IMAGE_COLUMNS)] == IMAGE_COLUMNS
    assert list(rows) == ["a", "b", "broken", "c", "movie"]
    objects = [r["image"] for r in rows_of(out / "objects.csv")]
    findings = rows_of(out / "findings.csv")
    for key in ("a", "b", "c", "movie"):
        mine = [f for f in findings if f["file"] == rows[key]["path"]]
        assert rows[key]["state"] == "done"
        assert int(rows[key]["n_objects"]) == objects.count(key) > 0
        assert int(rows[key]["n_findings"]) == len(mine)
        assert rows[key]["worst"] in {f["severity"] for f in mine}
        assert Path(rows[key]["path"]).is_file()
    assert [rows[k]["frames"] for k in rows] == ["1", "1", "", "1", "3"]
    failed = rows["broken"]
    assert (failed["state"], failed["worst"], failed["n_findings"]) == ("failed", "error", "1")
    assert failed["path"].endswith("broken.png")
    assert (failed["n_objects"], failed["diameter_px"], failed["spacing_um"]) == ("", "", "")
    y, x = map(float, rows["movie"]["spacing_um"].split(","))
    assert (y, x) == (pytest.approx(0.25), pytest.approx(0.3))
    assert rows["movie"]["spacing_source"] == "file"


@pytest.mark.parametrize(
    ("settings", "source", "diameter"),
    [
        ({"diameter_px": 21}, "given", 21),
        ({"diameter_um": 11, "spacing_um": "0.5"}, "given", 22),
        ({}, "estimated", None),
    ],
)
def test_images_csv_says_how_large_nuclei_are_and_who_said_it(
    images, tmp_path, settings, source, diameter
):
    settings = CLASSICAL.from_values({"model": "classical", **settings})
    predict_nuclei(images / "a.png", out=tmp_path / "out", settings=settings, execution=ALONE)
    (row,) = rows_of(tmp_path / "out" / "images.csv")
    assert row["diameter_source"] == source
    assert float(row["diameter_px"]) == pytest.approx(
        diameter or 22, rel=0.25 if not diameter else 0
    )
    assert row["spacing_um"] == ("" if settings.spacing_um is None else "0.5")


def test_images_csv_is_the_same_after_images_were_added(images, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    predict_nuclei(images, out=one, settings=CLASSICAL, execution=ALONE)
    predict_nuclei(images / "b.tif", out=two, settings=CLASSICAL, execution=ALONE)
    predict_nuclei(images, out=two, settings=CLASSICAL, execution=ALONE)
    assert (one / "images.csv").read_bytes() == (two / "images.csv").read_bytes()


def test_a_movie_keeps_its_axes_and_spacing(movie, tmp_path):
    path = tmp_path / "movie.tif"
    metadata = {"axes": "TYX", "unit": "um", "finterval": 300.0}
    tifffile.imwrite(
        path, movie.pixels, imagej=True, resolution=(1 / 0.3, 1 / 0.3), metadata=metadata
    )
    predict_nuclei(path, out=tmp_path / "out", settings=CLASSICAL, execution=ALONE)
    labels = read_labels(tmp_path / "out" / "labels" / "movie.tif")
    assert labels.axes == "TYX"
    assert labels.shape == movie.pixels.shape
    assert labels.spacing.um("YX") == pytest.approx((0.3, 0.3))
    assert labels.spacing.interval_min == pytest.approx(5.0)
    rows = rows_of(tmp_path / "out" / "objects.csv")
    assert {r["frame"] for r in rows} == {"0", "1", "2"}
    first = rows[0]
    assert float(first["area_um2"]) == pytest.approx(int(first["area_px"]) * 0.09)


def test_what_the_user_says_of_the_scale_is_used_and_recorded(images, tmp_path):
    settings = CLASSICAL.replace(spacing_um="0.5", diameter_um=11)
    predict_nuclei(images / "a.png", out=tmp_path / "out", settings=settings, execution=ALONE)
    said = json.loads((tmp_path / "out" / "run.json").read_text())["inputs"][0]["spacing"]
    assert said["X"] == {"value": 0.5, "unit": "µm", "source": "user"}
    assert "area_um2" in rows_of(tmp_path / "out" / "objects.csv")[0]


def test_workers_and_memory_change_no_byte(images, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    predict_nuclei(images, out=one, settings=CLASSICAL, execution=ALONE)
    many = Execution(workers=2, memory="500MB")
    predict_nuclei(images, out=two, settings=CLASSICAL, execution=many)
    assert files_of(one) == files_of(two)


@pytest.mark.parametrize("write", ["png", "tiled", "strips"])
def test_the_format_of_the_file_changes_no_label(movie, tmp_path, write):
    plain, other = tmp_path / "plain", tmp_path / "other"
    plain.mkdir()
    other.mkdir()
    tifffile.imwrite(plain / "x.tif", movie.pixels[0])
    if write == "png":
        TrainingPlane.fromarray(movie.pixels[0]).save(other / "x.png")
    elif write == "tiled":
        tifffile.imwrite(other / "x.tif", movie.pixels[0], tile=(32, 48), compression="lzw")
    else:
        tifffile.imwrite(other / "x.tif", movie.pixels[0], rowsperstrip=7, byteorder=">")
    for folder in (plain, other):
        out = folder / "out"
        predict_nuclei(folder, out=out, settings=CLASSICAL, execution=ALONE)
    labels = [read_labels(f / "out" / "labels" / "x.tif").read() for f in (plain, other)]
    np.testing.assert_array_equal(*labels)


def test_the_same_command_continues_also_with_more_images(images, tmp_path):
    out = tmp_path / "out"
    first = [images / "a.png"]
    predict_nuclei(first, out=out, settings=CLASSICAL, execution=ALONE)
    made = (out / "labels" / "a.tif").stat().st_mtime_ns
    again = [*first, images / "b.tif"]
    summary = predict_nuclei(again, out=out, settings=CLASSICAL, execution=ALONE)
    assert summary.units_done == 2
    assert (out / "labels" / "a.tif").stat().st_mtime_ns == made
    whole = tmp_path / "whole"
    predict_nuclei(again, out=whole, settings=CLASSICAL, execution=ALONE)
    assert files_of(out) == files_of(whole)


def test_other_settings_into_the_same_folder_need_fresh(images, tmp_path):
    out = tmp_path / "out"
    given = {"inputs": images / "a.png", "out": out, "execution": ALONE}
    predict_nuclei(**given, settings=CLASSICAL)
    other = CLASSICAL.replace(diameter_px=15)
    with pytest.raises(RunError, match="--fresh"):
        predict_nuclei(**given, settings=other)
    assert predict_nuclei(**given, settings=other, fresh=True).units_done == 1


def test_nothing_readable_is_exit_code_2(tmp_path):
    (tmp_path / "x.tif").write_bytes(b"not an image")
    out = tmp_path / "out"
    given = [tmp_path / "x.tif"]
    summary = predict_nuclei(given, out=out, settings=CLASSICAL, execution=ALONE)
    assert summary.exit_code == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no image was found"):
        predict_nuclei(tmp_path / "empty", out=out, settings=CLASSICAL)


def test_too_many_steps_for_the_axes_are_explained(images, tmp_path):
    settings = CLASSICAL.replace(spacing_um="1,1,1")
    given = [images / "a.png"]
    summary = predict_nuclei(given, out=tmp_path / "o", settings=settings, execution=ALONE)
    assert "gives 3 steps" in summary.errors[0]


def test_a_plan_says_time_and_memory_and_writes_nothing(images, tmp_path):
    plan = NUCLEI.plan(images, settings=CLASSICAL, execution=ALONE)
    assert set(plan.as_json()) >= {
        *("units", "cpu_seconds", "wall_seconds", "peak_memory_mb", "output_mb")
    }
    assert plan.units == 3
    assert plan.cpu_seconds > 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images"]


def test_a_plan_knows_the_cost_of_an_image_as_well_as_of_a_megapixel(tmp_path):
    def planned(n, side):
        folder = tmp_path / f"{n}-{side}"
        folder.mkdir()
        for i in range(n):
            tifffile.imwrite(folder / f"{i}.tif", np.zeros((side, side), np.uint8))
        return NUCLEI.plan(folder, execution=ALONE).cpu_seconds

    one_large, many_small, none = planned(1, 1280), planned(100, 128), planned(1, 1)
    assert many_small - none > 3 * (one_large - none)


def test_a_huge_image_can_be_planned(tmp_path):
    path = tmp_path / "huge.tif"
    tifffile.imwrite(path, shape=(100_000, 100_000), dtype="uint8", bigtiff=True)
    assert path.stat().st_blocks * 512 < 1e9  # a sparse file
    plan = NUCLEI.plan(path, settings=CLASSICAL, execution=ALONE)
    assert plan.cpu_seconds > 1000
    assert plan.peak_memory_mb < 2000


def command(*words):
    line = [sys.executable, "-m", "fatescope", "predict", "nuclei", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_command_answers_in_json_and_nothing_else(images, tmp_path):
    words = ("--model", "classical", "--workers", 1, "--json")
    done = command(images / "a.png", "--out", tmp_path / "out", *words)
    answer = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(answer) == {
        *("command", "out", "units_done", "units_failed", "findings", "seconds"),
        *("peak_memory_mb", "objects", "findings_by_rule", "report", "errors"),
    }
    assert answer["objects"] == len(rows_of(tmp_path / "out" / "objects.csv")) > 0
    assert answer["findings_by_rule"]["scaled"] == {"info": 1}
    assert Path(answer["report"]).is_file()
    assert answer["errors"] == []


@pytest.mark.slow
def test_a_missing_file_is_one_line_on_standard_error(tmp_path):
    done = command(tmp_path / "gone.tif", "--out", tmp_path / "out", "--model", "classical")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "gone.tif" in done.stderr
    assert done.stderr.count("\n") == 1


def test_three_lines_of_python(images, tmp_path):
    settings = fatescope.NucleiSettings(model="classical")
    result = fatescope.predict_nuclei(
        images / "a.png", out=tmp_path / "out", settings=settings, execution=ALONE
    )
    assert result.units_done == 1


def test_images_and_stacks_can_be_mixed(movie, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    tifffile.imwrite(folder / "flat.tif", movie.pixels[0])
    stack = movie.pixels[:2].copy()
    tifffile.imwrite(folder / "stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    summary = predict_nuclei(folder, out=tmp_path / "out", settings=CLASSICAL, execution=ALONE)
    assert (summary.units_done, summary.exit_code) == (2, 0)
    rows = rows_of(tmp_path / "out" / "objects.csv")
    assert {r["image"] for r in rows if r["volume_px"]} == {"stack"}
    assert {r["image"] for r in rows if r["area_px"]} == {"flat"}
    said = [r for r in rows_of(tmp_path / "out" / "findings.csv") if r["rule"] == "joined-planes"]
    assert len(said) == 1
    assert "2 planes" in said[0]["reason"]
    assert (tmp_path / "out" / "report.html").exists()


def test_nuclei_at_the_border_are_counted_and_of_a_volume_said(tmp_path):
    y, x = np.mgrid[:90, :120]
    discs = [np.hypot(y - a, x - b) < 11 for a, b in ((30, 30), (60, 80), (45, 0))]
    plane = (200 * np.any(discs, axis=0)).astype(np.uint8)
    nothing = np.zeros_like(plane)
    (tmp_path / "in").mkdir()
    stacks = {"whole": [nothing, plane, plane, nothing], "cut": [plane, plane, nothing]}
    for name, planes in stacks.items():
        planes = [p * (x > 15) if name == "whole" else p for p in planes]
        tifffile.imwrite(
            tmp_path / "in" / f"{name}.tif",
            np.stack(planes).astype(np.uint8),
            imagej=True,
            metadata={"axes": "ZYX"},
        )
    tifffile.imwrite(tmp_path / "in" / "flat.tif", plane)
    settings = CLASSICAL.replace(diameter_px=22)
    predict_nuclei(tmp_path / "in", out=tmp_path / "out", settings=settings, execution=ALONE)
    counts = {r["image"]: r["n_at_border"] for r in rows_of(tmp_path / "out" / "images.csv")}
    assert counts == {"cut": "3", "flat": "1", "whole": "0"}
    (said,) = [r for r in rows_of(tmp_path / "out" / "findings.csv") if r["rule"] == "cut"]
    assert said["file"].endswith("cut.tif")
    assert (said["severity"], said["value"]) == ("info", "3.0")


@pytest.mark.slow
def test_images_of_one_run_can_share_a_size_and_an_empty_one_has_no_objects(tmp_path):
    folder = tmp_path / "planes"
    folder.mkdir()
    whole = simulate_nuclei(NucleiMovieSettings(frames=1, height=200, width=200), seed=5)
    plane = whole.pixels[0]
    rng = np.random.default_rng(0)
    haze = rng.normal(np.median(plane), 20, plane.shape).clip(0).astype(plane.dtype)
    for name, pixels in {"a": plane, "b": np.roll(plane, 60, axis=1), "c": haze}.items():
        tifffile.imwrite(folder / f"{name}.tif", pixels)
    tifffile.imwrite(folder / "large.tif", plane.repeat(2, 0).repeat(2, 1), resolution=(1e5, 1e5))
    settings = NucleiSettings(same_size=True)
    one = predict_nuclei(folder, out=tmp_path / "one", settings=settings, execution=ALONE)
    two = Execution(workers=2)
    predict_nuclei(folder, out=tmp_path / "two", settings=settings, execution=two)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    decided = json.loads((tmp_path / "one" / "run.json").read_text())["decided"]["diameter_px"]
    small, large = sorted(decided.values())
    assert large == pytest.approx(2 * small, rel=0.15)
    scaled = {
        r["file"].rpartition("/")[2]: r["value"]
        for r in rows_of(tmp_path / "one" / "findings.csv")
        if r["rule"] == "scaled"
    }
    assert scaled["a.tif"] == scaled["b.tif"] == scaled["c.tif"]
    counts = [r["image"] for r in rows_of(tmp_path / "one" / "objects.csv")]
    assert counts.count("a") > 5
    assert counts.count("c") == 0
    assert one.units_failed == 0

    tifffile.imwrite(folder / "d.tif", plane[:90, :90])  # continues: at the size decided before
    predict_nuclei(folder, out=tmp_path / "one", settings=settings, execution=ALONE)
    again = json.loads((tmp_path / "one" / "run.json").read_text())["decided"]["diameter_px"]
    assert again == decided


def test_a_label_image_beside_images_is_left_out_as_a_finding(movie, images, tmp_path):
    labels = movie.labels[0].astype(np.uint16)
    tifffile.imwrite(images / "outlines.tif", labels)
    tifffile.imwrite(images / "b_masks.tif", labels)
    out = tmp_path / "out"
    summary = predict_nuclei(images, out=out, settings=CLASSICAL, execution=ALONE)
    assert (summary.units_done, summary.units_failed) == (3, 0)
    said = [r for r in rows_of(out / "findings.csv") if r["rule"] == "label-image"]
    assert [Path(r["file"]).name for r in said] == ["b_masks.tif", "outlines.tif"]
    assert {r["severity"] for r in said} == {"info"}
    assert [r["reason"].split(",")[0] for r in said] == ["By its name", "By its content"]
    (group,) = (g for g in summary.groups if g.rule == "label-image")
    assert len(group) == 2
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert [Path(p).name for p in record["decided"]["left_out"]] == ["b_masks.tif", "outlines.tif"]
    assert "outlines.tif" in (out / "report.html").read_text(encoding="utf-8")
    before = files_of(out)
    predict_nuclei(images, out=out, settings=CLASSICAL, execution=ALONE)
    assert files_of(out) == before
    plan = NUCLEI.plan(images, settings=CLASSICAL, execution=ALONE)
    assert plan.units == 3


def test_a_label_image_that_is_given_by_itself_is_taken(movie, images, tmp_path):
    path = images / "outlines.tif"
    tifffile.imwrite(path, movie.labels[0].astype(np.uint16))
    out = tmp_path / "out"
    predict_nuclei(images, out=out, settings=CLASSICAL, execution=ALONE)
    summary = predict_nuclei(path, out=out, settings=CLASSICAL, execution=ALONE)
    assert summary.units_done == 4
    (said,) = (r for r in rows_of(out / "findings.csv") if r["rule"] == "label-image")
    assert said["file"].endswith("outlines.tif")  # it is analysed as an image, and that is said
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["decided"] == {"left_out": {}}


def test_images_that_fit_no_pattern_are_said_and_stay_said(movie, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a_t1", "a_t2", "b"):
        tifffile.imwrite(tmp_path / "in" / f"{name}.tif", movie.pixels[0])
    asked = CLASSICAL.replace(pattern="a_t{frame}.tif")
    for _ in range(2):  # the same call again does nothing anew, and says it still
        predict_nuclei([tmp_path / "in"], out=tmp_path / "out", settings=asked)
        said = [r for r in rows_of(tmp_path / "out" / "findings.csv") if r["rule"] == "left-out"]
        assert [(r["file"], "b.tif" in r["reason"]) for r in said] == [(str(tmp_path / "in"), True)]
