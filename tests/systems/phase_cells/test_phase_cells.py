"""Cells in phase contrast: the shipped package, its command, and its words."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as PillowImage
from scipy.ndimage import gaussian_filter

import fatescope as fs
from fatescope.acquire import read_labels
from fatescope.base import Execution
from fatescope.evaluate import pool_scores, score_labels
from fatescope.models import check_model
from fatescope.prepare import read_label_plane, read_plane
from fatescope.prepare.pixels import largest_pieces
from fatescope.systems.phase_cells.find import PHASE_CELLS, predict_phase_cells

ALONE = Execution(workers=1)


def dish(seed=0, n=12, shape=(260, 280), radius=11):
    """Render flat cells: grain inside, a bright halo around them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.full(shape, 110.0)
    grain = gaussian_filter(rng.normal(0, 1, shape), 1.5)
    grain /= grain.std()
    places = []
    while len(places) < n:
        at = rng.uniform(20, np.array(shape) - 20)
        if all(np.hypot(*(at - p)) > 3 * radius for p in places):
            places.append(at)
    for cy, cx in places:
        angle = rng.uniform(0, np.pi)
        u = (y - cy) * np.cos(angle) + (x - cx) * np.sin(angle)
        v = -(y - cy) * np.sin(angle) + (x - cx) * np.cos(angle)
        away = np.hypot(u / 1.25, v / 0.8) / radius
        image += np.where(away < 1, -18 + 16 * grain, 0)
        image += 45 * np.exp(-(((away - 1.12) / 0.09) ** 2))
    image = gaussian_filter(image, 0.7) + rng.normal(0, 2, shape)
    return np.clip(image, 0, 255).astype(np.uint8), places


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_package_passes_its_own_check_and_is_small():
    check = check_model("phase-cells")
    assert check.passed, check
    assert set(check.differences) == {"fp32", "int8"}
    assert check.size_mb < 8


@pytest.mark.slow
def test_the_command_writes_what_the_function_does_and_speaks_of_cells(tmp_path):
    pixels, _ = dish()
    PillowImage.fromarray(pixels).save(tmp_path / "dish.png")
    command = [
        sys.executable,
        "-m",
        "fatescope",
        "predict",
        "phase-cells",
        str(tmp_path / "dish.png"),
    ]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "a"), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["command"] == "predict phase-cells"
    predict_phase_cells(tmp_path / "dish.png", out=tmp_path / "b", execution=ALONE)
    for name in ("objects.csv", "findings.csv", "labels/dish.tif"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    found = fs.segment_phase_cells(pixels)
    assert np.array_equal(found.labels, read_labels(tmp_path / "b" / "labels" / "dish.tif").read())
    assert len(found.objects) == len(rows_of(tmp_path / "b" / "objects.csv"))
    assert all("nucle" not in f["reason"] for f in rows_of(tmp_path / "b" / "findings.csv"))
    assert [f.reason for f in found.findings if "cells of about" in f.reason]
    page = (tmp_path / "b" / "report.html").read_text()
    assert f"{len(found.objects)} cells (median" in page
    assert "nuclei (" not in page


def test_an_image_that_holds_nothing_gives_no_cells():
    rng = np.random.default_rng(1)
    x = np.arange(300)
    grain = [gaussian_filter(rng.normal(0, 1, (400, 400)), w) for w in (0.7, 1.5, 3)]
    for pixels in (
        *((120 + 10 * g / g.std()).clip(0, 255).astype(np.uint8) for g in grain),
        rng.normal(120, 5, (200, 300)).clip(0, 255).astype(np.uint8),
        np.zeros((200, 300), np.uint8),
        (np.ones((200, 1)) * (60 + 0.3 * x) + rng.normal(0, 1, (200, 300))).astype(np.uint8),
        np.full((1, 1), 3, np.uint8),
    ):
        found = fs.segment_phase_cells(pixels)
        assert len(found.objects) == 0
        assert not found.labels.any()
        assert {f.rule for f in found.findings} & {"no-cells", "constant", "empty"}


def test_a_bad_file_costs_one_finding_and_a_plan_writes_nothing(tmp_path):
    PillowImage.fromarray(dish()[0]).save(tmp_path / "dish.png")
    (tmp_path / "bad.tif").write_bytes(b"II*\0")
    plan = PHASE_CELLS.plan(tmp_path, execution=ALONE)
    assert (plan.units, len(plan.errors)) == (1, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.tif", "dish.png"]
    summary = predict_phase_cells(tmp_path, out=tmp_path / "o", execution=ALONE)
    assert (summary.units_done, summary.exit_code) == (1, 1)


@pytest.mark.slow
def test_unseen_fields_are_outlined_without_their_size_being_told(data_dir):
    scores = []
    for field in ("set2", "set8", "set11", "set12", "set15", "set33", "set36"):  # the test units
        folder = data_dir / "phase_usiigaci" / "half"
        truth = read_label_plane(folder / f"{field}_lab.png")
        truth = np.where(largest_pieces(truth), truth, 0)
        found = fs.segment_phase_cells(read_plane(folder / f"{field}_img.png"))
        scores.append(score_labels(truth, found.labels))
    assert pool_scores(scores).ap(50) >= 0.55
