"""``lineage measure`` from a movie and a table to brightness per cell."""

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import fatescope as fs
from fatescope.acquire import read_table, write_image
from fatescope.acquire.lineages import LineageReading, read_lineage, write_lineage
from fatescope.base import InputError, Spacing, Table
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.systems.lineages.measure import measure_lineage, measure_lineages
from fatescope.systems.lineages.settings import ExpressionSettings

COLUMNS = "table,frame,id,name,channel,nucleus,shell,background,corrected,n_px"
STEPS = (1.0, 0.5, 0.5)
CELLS = {"ABa": ((8, 30, 20), 100.0), "ABp": ((8, 30, 31), 400.0), "EMS": ((8, 30, 60), 200.0)}
"""Place and brightness; the first two are 5.5 µm apart, and their radius is 2 µm."""


def _movie(frames=3):
    """Return balls of known brightness over a background that rises along x: (T, C, Z, Y, X)."""
    z, y, x = np.meshgrid(*(np.arange(n) for n in (17, 60, 80)), indexing="ij")
    ground = 50.0 + x
    red = ground.copy()
    for (cz, cy, cx), bright in CELLS.values():
        away = (z - cz) ** 2 + (0.5 * (y - cy)) ** 2 + (0.5 * (x - cx)) ** 2
        red += bright * (away <= 2.0**2)
    return np.stack([np.stack([ground, red])] * frames).astype(np.uint16)


@pytest.fixture
def pair(tmp_path):
    pixels = _movie()
    write_image(
        tmp_path / "movie.tif",
        (p for p in pixels.reshape(-1, *pixels.shape[3:])),
        shape=pixels.shape,
        axes="TCZYX",
        dtype=pixels.dtype,
        spacing=Spacing.of(source="file", T=1.0, Z=1.0, Y=0.5, X=0.5),
        channels=("green", "red"),
    )
    rows = ["id,frame,z,y,x,radius_um,parent,name"]
    for t in range(3):
        for k, (name, (place, _)) in enumerate(CELLS.items()):
            parent = "" if t == 0 else str(3 * (t - 1) + k)
            rows.append(f"{3 * t + k},{t},{','.join(map(str, place))},2,{parent},{name}")
    (tmp_path / "spots.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "movie.tif", tmp_path / "spots.csv"


def _command(*words):
    line = [sys.executable, "-m", "fatescope", "lineage", "measure", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_command_measures_what_was_put_in_and_continues(pair, tmp_path):
    out = tmp_path / "out"
    done = _command(*pair, "--out", out, "--workers", 1, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["units_done"] == 3
    assert (out / "expression.csv").read_text().splitlines()[0] == COLUMNS
    table = read_table(out / "expression.csv")
    assert len(table) == 3 * 3 * 2
    for name, (_, bright) in CELLS.items():
        mine = (table["name"] == name) & (table["channel"] == "red")
        np.testing.assert_allclose(table["corrected"][mine], bright, atol=3.0)
    assert np.abs(table["corrected"][table["channel"] == "green"]).max() < 3
    before = (out / "expression.csv").read_bytes()
    assert _command(*pair, "--out", out, "--workers", 1, "--quiet").returncode == 0
    assert (out / "expression.csv").read_bytes() == before
    page = (out / "report.html").read_text()
    assert "3 cells measured in 2 channels" in page
    assert "without its neighbours" in page
    cells = read_table(out / "cells.csv")
    assert cells["n"].tolist() == [3] * 6
    assert read_lineage(out / "measured/spots.csv").extra["expression_red"][1] == pytest.approx(
        400, abs=3
    )


def test_a_neighbour_is_no_background(pair):
    lineage = fs.read_lineage(pair[1])
    found = measure_lineage(pair[0], lineage)
    dim = found.rows((found["name"] == "ABa") & (found["channel"] == "red"))
    assert (dim["shell"] - dim["background"]).min() > 4
    assert np.allclose(dim["corrected"], dim["nucleus"] - dim["background"])


def test_global_background_and_depth_are_as_stated(pair):
    lineage = fs.read_lineage(pair[1])
    plain = measure_lineage(pair[0], lineage, settings=ExpressionSettings(background="global"))
    deep = measure_lineage(
        pair[0], lineage, settings=ExpressionSettings(background="global", depth_loss=0.02)
    )
    assert len(set(plain["background"][plain["channel"] == "red"].tolist())) == 1
    np.testing.assert_allclose(
        deep["corrected"], plain["corrected"] * np.exp(0.02 * 8), rtol=1e-4, atol=1e-2
    )


@pytest.mark.slow
def test_what_cannot_be_measured_is_empty_and_said(pair, tmp_path):
    text = pair[1].read_text() + "9,2,8,30,500,2,,far\n10,7,8,30,20,2,,late\n"
    pair[1].write_text(text)
    measure_lineages(*pair, out=tmp_path / "out")
    table = read_table(tmp_path / "out/expression.csv")
    lost = np.isin(table["name"].astype(str), ["far", "late"])
    assert lost.sum() == 4
    assert not np.isfinite(table["corrected"][lost].astype(float)).any()
    said = read_table(tmp_path / "out/findings.csv")["reason"].tolist()
    assert any("outside the image" in r for r in said)
    assert any("frames that the movie does not have" in r for r in said)


@pytest.mark.slow
def test_older_scripts_get_their_columns(pair, tmp_path):
    settings = ExpressionSettings(columns="epic", background="none")
    measure_lineages(*pair, out=tmp_path / "out", settings=settings)
    path = tmp_path / "out/measured/CDspots_red.csv"
    assert path.read_text().startswith("cellTime,cell,time,none,global,local,blot,z,x,y,size")
    table = read_table(path)
    np.testing.assert_allclose(table["blot"][table["cell"] == "ABp"], 400, atol=3)


def test_without_scale_radius_or_a_common_frame_it_refuses(pair):
    pixels = _movie()
    lineage = fs.read_lineage(pair[1])
    with pytest.raises(InputError, match="--spacing-um Z,Y,X"):
        measure_lineage(pixels, lineage, axes="TCZYX")
    late = fs.read_lineage(pair[1])
    late.frame[:] += 10
    with pytest.raises(InputError, match="no nucleus in any of them"):
        measure_lineage(pixels, late, axes="TCZYX", spacing_um=STEPS)
    bare = fs.read_lineage(pair[1])
    bare.extra.columns.pop("radius_um", None)
    bare.radius_px[:] = np.nan
    with pytest.raises(InputError, match="--radius-um"):
        measure_lineage(pixels, bare, axes="TCZYX", spacing_um=STEPS)
    given = ExpressionSettings(radius_um=2.0)
    found = measure_lineage(pixels, bare, axes="TCZYX", spacing_um=STEPS, settings=given)
    assert np.isfinite(found["corrected"]).all()


def test_a_movie_of_planes_is_measured_by_the_same_code(pair):
    pixels = _movie()[:, :, 8]
    found = measure_lineage(pixels, fs.read_lineage(pair[1]), axes="TCYX", spacing_um=STEPS[1:])
    red = found.rows(found["channel"] == "1")
    np.testing.assert_allclose(red["corrected"][red["name"] == "EMS"], 200, atol=3)


@pytest.mark.slow
def test_workers_change_nothing(pair, tmp_path):
    from fatescope.base import Execution

    for n in (1, 2):
        measure_lineages(
            *pair,
            out=tmp_path / str(n),
            reading=LineageReading(interval_min=1.0),
            execution=Execution(workers=n),
        )
    assert (tmp_path / "1/expression.csv").read_bytes() == (
        tmp_path / "2/expression.csv"
    ).read_bytes()


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_frames_that_are_not_measured(pair, tmp_path):
    whole = tmp_path / "whole"
    measure_lineages(*pair, out=whole)
    slowly = (
        "import time; from fatescope.cli import main; "
        "from fatescope.engine.stage import Stage; record = Stage.record; "
        "Stage.record = lambda s, k, **w: (record(s, k, **w), time.sleep(5)); main()"
    )
    out = tmp_path / "out"
    words = ["lineage", "measure", *map(str, pair), "--out", str(out), "--workers", "1"]
    process = subprocess.Popen([sys.executable, "-c", slowly, *words], stderr=subprocess.DEVNULL)
    while not (out / "ledger.sqlite").exists() or not _done(out):
        assert process.poll() is None, "it must be killed before its end"
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert _done(out) < 3
    assert _command(*pair, "--out", out, "--workers", 1, "--quiet").returncode == 0
    for name in ("expression.csv", "cells.csv", "curves.csv", "findings.csv"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def _done(out):
    """Return how many frames the ledger holds, read beside the process that writes it."""
    with contextlib.closing(sqlite3.connect(f"file:{out}/ledger.sqlite?mode=ro", uri=True)) as db:
        try:
            return db.execute("SELECT count(*) FROM units WHERE state = 'done'").fetchone()[0]
        except sqlite3.OperationalError:  # not a ledger yet
            return 0


@pytest.mark.slow
def test_measured_embryos_are_compared_cell_by_cell(tmp_path):
    for seed, factor in enumerate((1.0, 2.0, 2.1, 1.9)):
        drawn = simulate_lineage(LineagePlan(minutes=90, interval_min=1.0), seed=seed)
        bright = np.where(drawn.name == "ABpl", 100.0, 50.0) * factor
        table = replace(drawn, extra=Table({"expression_red": bright}))
        folder = tmp_path / ("others" if seed else "dim")
        folder.mkdir(exist_ok=True)
        write_lineage(table, folder / f"embryo{seed}.csv", format="csv")
    out = tmp_path / "compared"
    line = [sys.executable, "-m", "fatescope", "lineage", "compare", str(tmp_path / "dim")]
    line += ["--reference", str(tmp_path / "others"), "--out", str(out)]
    line += ["--expression", "expression_red", "--interval-min", "1"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    table = read_table(out / "differences.csv")
    mine = table.rows((table["trait"] == "expression") & (table["cell"] == "ABpl"))
    assert len(mine) == 1
    np.testing.assert_allclose(float(mine["difference"][0]), 100 - 200, rtol=0.03)
    assert float(mine["low"][0]) < -100 < float(mine["high"][0])
