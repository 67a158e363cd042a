"""From bright-field images to boxes, states, viability and a page, whatever happens on the way."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from tests.systems.viability.chamber import CELLS, chamber

import fatescope as fs
from fatescope.acquire import read_labels
from fatescope.base import Execution, ModelError, RunError, SettingsError
from fatescope.models import check_model
from fatescope.plate import wilson_interval
from fatescope.systems.live_dead.find import LIVE_DEAD, predict_live_dead, viability_of_images

ALONE = Execution(workers=1)
FIRST = [
    *("image", "label", "frame", "z", "y", "x", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"),
    *("area_px", "mean_0"),
]
BOX = ["x0", "y0", "x1", "y1", "p_dead", "state", "score"]


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def files_of(folder):
    """Return the bytes of every result but the record, which holds times and paths."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in ("run.json", "report.html") and "ledger" not in p.name
    }


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(pixels).save(path)
    return path


def places(table):
    return sorted((float(r["y"]), float(r["x"])) for r in table)


def agree(found, cells=CELLS, scale=1.0):
    true = sorted((y * scale, x * scale) for y, x, _ in cells)
    return len(found) == len(true) and np.allclose(found, true, atol=6 * scale)


def test_the_package_passes_its_own_check_and_is_small():
    check = check_model("live-dead")
    assert check.passed, check
    assert check.size_mb < 4


def test_an_image_becomes_cells_with_states_and_a_share_that_live(tmp_path):
    save(tmp_path / "a.png", chamber(CELLS))
    out = tmp_path / "out"
    summary = predict_live_dead(tmp_path / "a.png", out=out, execution=ALONE)
    assert (summary.units_done, summary.objects, summary.exit_code) == (1, 5, 0)
    rows = rows_of(out / "objects.csv")
    assert list(rows[0])[: len(FIRST)] == FIRST
    assert set(BOX) <= set(rows[0])
    assert agree(places(rows))
    for row in rows:
        p, score = float(row["p_dead"]), float(row["score"])
        assert 0 <= p <= 1
        assert 0 < score <= 1
        assert row["state"] == ("dead" if p >= 0.5 else "live")
        assert float(row["x0"]) < float(row["x"]) < float(row["x1"])
        assert float(row["y0"]) < float(row["y"]) < float(row["y1"])
    labels = read_labels(out / "labels" / "a.tif").read()
    assert [int((labels == int(r["label"])).sum()) for r in rows] == [
        int(r["area_px"]) for r in rows
    ]
    (share,) = rows_of(out / "viability.csv")
    assert (share["image"], share["frame"], share["n"]) == ("a", "0", "5")
    alive = sum(r["state"] == "live" for r in rows)
    assert float(share["viability"]) == pytest.approx(alive / 5)
    assert float(share["low"]) <= alive / 5 <= float(share["high"])
    record = json.loads((out / "run.json").read_text())
    assert record["model"]["name"] == "live-dead"
    assert (out / "report.html").stat().st_size > 10_000


def test_in_memory_it_is_the_same_to_the_bit(tmp_path):
    pixels = chamber(CELLS)
    save(tmp_path / "a.png", pixels)
    predict_live_dead(tmp_path / "a.png", out=tmp_path / "o", execution=ALONE)
    found = fs.find_live_dead(pixels)
    assert np.array_equal(found.labels, read_labels(tmp_path / "o" / "labels" / "a.tif").read())
    rows = rows_of(tmp_path / "o" / "objects.csv")
    assert [float(r["p_dead"]) for r in rows] == found.objects["p_dead"].tolist()
    assert found.viability["n"].tolist() == [5]


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.6, 1.8, 3.0])
def test_cells_of_other_sizes_are_found_without_being_told(scale):
    found = fs.find_live_dead(chamber(CELLS, scale=scale))
    at = sorted(zip(found.objects["y"].tolist(), found.objects["x"].tolist(), strict=True))
    assert agree(at, scale=scale)
    side = (found.objects["x1"] - found.objects["x0"]).mean()
    assert side == pytest.approx(22 * scale, rel=0.35)


@pytest.mark.slow
def test_images_that_share_a_size_have_it_decided_by_those_that_show_most(tmp_path):
    for i in range(3):
        save(tmp_path / "in" / f"{i}.png", chamber(CELLS, scale=2.5))
    save(tmp_path / "in" / "one.png", chamber(CELLS[:1], scale=2.5))
    settings = fs.LiveDeadSettings(same_size=True)
    out = tmp_path / "out"
    predict_live_dead(tmp_path / "in", out=out, settings=settings, execution=ALONE)
    record = json.loads((out / "run.json").read_text("utf-8"))
    sizes = {said["image"]: said["diameter"]["value"] for said in record["inputs"]}
    assert len(set(sizes.values())) == 1
    assert sizes["one"] == pytest.approx(22 * 2.5, rel=0.35)
    rows = [r for r in rows_of(out / "objects.csv") if r["image"] == "one"]
    assert agree(places(rows), CELLS[:1], scale=2.5)


def test_a_size_that_is_given_is_taken():
    settings = fs.LiveDeadSettings(diameter_px=40)
    found = fs.find_live_dead(chamber(CELLS, scale=1.8), settings=settings)
    assert len(found.objects) == 5
    assert any("given" in f.reason for f in found.findings)


def empty_images():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:200, :300]
    return {
        "noise": rng.normal(120, 6, (200, 300)).clip(0, 255).astype(np.uint8),
        "slope": (60 + 0.3 * x + rng.normal(0, 1, y.shape)).astype(np.uint8),
        "black": np.zeros((200, 300), np.uint8),
        "constant": np.full((64, 64), 9, np.uint8),
        "pixel": np.full((1, 1), 9, np.uint8),
        "line": rng.normal(120, 6, (1, 300)).clip(0, 255).astype(np.uint8),
        "saturated": np.full((80, 80), 255, np.uint8),
    }


@pytest.mark.parametrize("name", empty_images())
def test_an_image_that_holds_nothing_gives_no_cells(name):
    found = fs.find_live_dead(empty_images()[name])
    assert len(found.objects) == 0
    assert not found.labels.any()
    assert found.viability["n"].tolist() == [0]
    assert np.isnan(found.viability["viability"]).all()
    assert {f.rule for f in found.findings} & {"no-cells", "empty", "constant", "scaled"}


@pytest.mark.parametrize("kind", ["uint16", "float32", "int16", "nan", "rgb"])
def test_the_same_cells_are_found_in_other_types(kind):
    pixels = chamber(CELLS)
    if kind == "rgb":
        image = fs.find_live_dead(
            np.stack([pixels] * 3), axes="CYX", settings=fs.LiveDeadSettings(channel="0")
        )
    elif kind == "nan":
        odd = pixels.astype(np.float32)
        odd[:3, :3] = np.nan
        image = fs.find_live_dead(odd)
        assert "not-finite" in {f.rule for f in image.findings}
    else:
        image = fs.find_live_dead((pixels.astype(kind) * 11).astype(kind))
    at = sorted(zip(image.objects["y"].tolist(), image.objects["x"].tolist(), strict=True))
    assert agree(at)


@pytest.mark.slow
def test_frames_are_counted_apart_and_planes_are_said_to_be(tmp_path):
    movie = np.stack([chamber(CELLS), chamber(CELLS[:2]), chamber([])])
    tifffile.imwrite(tmp_path / "m.ome.tif", movie, metadata={"axes": "TYX"}, ome=True)
    predict_live_dead(tmp_path / "m.ome.tif", out=tmp_path / "o", execution=ALONE)
    assert [r["n"] for r in rows_of(tmp_path / "o" / "viability.csv")] == ["5", "2", "0"]
    tifffile.imwrite(tmp_path / "z.ome.tif", movie, metadata={"axes": "ZYX"}, ome=True)
    predict_live_dead(tmp_path / "z.ome.tif", out=tmp_path / "z", execution=ALONE)
    assert "planes-apart" in {f["rule"] for f in rows_of(tmp_path / "z" / "findings.csv")}
    stack = fs.find_live_dead(movie, axes="ZYX")
    assert stack.labels.shape == movie.shape
    assert sorted(set(stack.objects["z"].tolist())) == [0, 1]
    assert stack.objects["label"].tolist() == list(range(1, 8))
    assert "planes-apart" in {f.rule for f in stack.findings}


def test_a_bad_file_costs_one_finding_and_the_others_are_done(tmp_path):
    save(tmp_path / "in" / "a b ü.png", chamber(CELLS))
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG nothing")
    (tmp_path / "in" / "empty.tif").write_bytes(b"")
    summary = predict_live_dead(tmp_path / "in", out=tmp_path / "o", execution=ALONE)
    assert (summary.units_done, summary.exit_code) == (1, 1)
    found = rows_of(tmp_path / "o" / "findings.csv")
    assert sum(f["rule"] == "unreadable" for f in found) == 2


def test_faults_of_a_user_are_sentences(tmp_path):
    image = save(tmp_path / "a.png", chamber(CELLS))
    with pytest.raises(ModelError, match="instance-maps, and boxes are needed"):
        predict_live_dead(image, out=tmp_path / "1", settings=fs.LiveDeadSettings(model="nuclei"))
    with pytest.raises(ModelError, match="boxes, and instance-maps are needed"):
        fs.predict_nuclei(image, out=tmp_path / "2", settings=fs.NucleiSettings(model="live-dead"))
    with pytest.raises(SettingsError, match="not both"):
        fs.LiveDeadSettings.from_values({"diameter_px": 20, "diameter_um": 8})
    with pytest.raises(SettingsError, match="which one is bright"):
        fs.find_live_dead(np.stack([chamber(CELLS)] * 2), axes="CYX")
    predict_live_dead(image, out=tmp_path / "3", execution=ALONE)
    other = fs.LiveDeadSettings(dead_from=0.7)
    with pytest.raises(RunError, match="--fresh"):
        predict_live_dead(image, out=tmp_path / "3", settings=other, execution=ALONE)


def test_a_plan_writes_nothing(tmp_path):
    save(tmp_path / "a.png", chamber(CELLS))
    plan = LIVE_DEAD.plan(tmp_path / "a.png", execution=ALONE)
    assert plan.units == 1
    assert plan.cpu_seconds > 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.slow
def test_another_number_of_workers_changes_nothing(tmp_path):
    for i in range(4):
        save(tmp_path / "in" / f"{i}.png", chamber(CELLS, seed=i))
    predict_live_dead(tmp_path / "in", out=tmp_path / "one", execution=ALONE)
    predict_live_dead(tmp_path / "in", out=tmp_path / "two", execution=Execution(workers=2))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


@pytest.mark.slow
def test_a_killed_run_continues_to_the_same_result(tmp_path):
    for i in range(12):
        save(tmp_path / "in" / f"{i:02d}.png", chamber(CELLS, seed=i, shape=(400, 420)))
    command = [sys.executable, "-m", "fatescope", "predict", "live-dead", str(tmp_path / "in")]
    command += ["--workers", "1", "--quiet", "--out"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True)
    killed = subprocess.Popen([*command, str(tmp_path / "killed")])
    labels = tmp_path / "killed" / "labels"
    until = time.monotonic() + 120
    while time.monotonic() < until and len(list(labels.glob("*.tif"))) < 2:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    subprocess.run([*command, str(tmp_path / "killed")], check=True)
    assert files_of(tmp_path / "whole") == files_of(tmp_path / "killed")


def test_the_share_of_a_frame_has_the_interval_of_wilson():
    table = viability_of_images([(0, 10, 7), (1, 0, 0)])
    low, high = wilson_interval(np.array([7]), np.array([10]))
    assert (table["low"][0], table["high"][0]) == (low[0], high[0])
    assert table["viability"][0] == 0.7
    assert np.isnan(table["low"][1])


def test_a_fluorescence_image_is_said_to_be_unlike_the_training_images():
    y, x = np.mgrid[:256, :256]
    rng = np.random.default_rng(2)
    image = np.zeros((256, 256))
    for cy, cx in rng.uniform(15, 240, (25, 2)):
        image += 200 * (np.hypot(y - cy, x - cx) < 11)
    pixels = np.clip(image + rng.normal(8, 2, image.shape), 0, 255).astype(np.uint8)
    found = fs.find_live_dead(pixels)
    reasons = [f.reason for f in found.findings if f.rule == "unlike-training"]
    assert len(reasons) == 1
    assert "nucle" not in reasons[0].replace("`fatescope predict nuclei`", "")
