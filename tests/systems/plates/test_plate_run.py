"""A plate without stains, from movies to fates, viability and survival; killed and continued."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
from scipy import ndimage
from tests.predict.live_dead import NOISE, draw_cells, draw_well, viability_package, write_plate

from fatescope.acquire.plates import PlateReading
from fatescope.base import Execution, FatescopeError, RunError
from fatescope.models import ValueRange
from fatescope.plate import PlateRunSettings
from fatescope.systems.plates.run import plan_plate_run, run_plate
from fatescope.systems.plates.settings import PlateModel

pytest.importorskip("onnx")

ALONE = Execution(workers=1)
READING = PlateReading(pattern="{well}_{field}_{channel}.tif")
SHAPE, FRAMES = (130, 160), 8
MAP = "well,treatment,dose,control\nA01,water,,negative\nA02,water,,negative\n" \
    "B01,poison,1,\nB02,poison,1,\n"  # fmt: skip


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return viability_package(tmp_path_factory.mktemp("models") / "toy")


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    """Four wells of 20 cells; in row B they die early. Returns folder and true deaths."""
    folder = tmp_path_factory.mktemp("plates") / "plate"
    rng = np.random.default_rng(5)
    wells, deaths = {}, {}
    for i, well in enumerate(("A01", "A02", "B01", "B02")):
        latest = 60 if well < "B" else 9
        movie, dies = draw_well(SHAPE, FRAMES, seed=i, dies=rng.integers(1, latest, 20))
        wells[well], deaths[well] = movie, dies
    write_plate(folder, wells)
    (folder.parent / "map.csv").write_text(MAP)
    return folder, deaths


def settings_of(plate, **more):
    given = {"map": plate.parent / "map.csv", "interval_min": 15, "at_once": 3}
    return PlateRunSettings.from_values({**given, **more})


def run(plate, package, out, **more):
    return run_plate(
        plate,
        out=out,
        settings=settings_of(plate, **more),
        model=PlateModel.from_values({"model": str(package), "spacing_um": "1"}),
        reading=READING,
        execution=ALONE,
    )


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def files_of(folder):
    kept = ("run.json", "report.html")
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in kept and "ledger" not in p.name and p.name != ".lock"
    }


@pytest.fixture(scope="module")
def done(plate, package, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "out"
    return run(plate[0], package, out), out


@pytest.mark.slow
def test_every_cell_dies_when_it_died(plate, done):
    summary, out = done
    assert summary.exit_code == 0
    fates = rows_of(out / "fates.csv")
    assert list(fates[0])[:7] == [
        *("plate", "well", "cell", "first_frame", "last_frame", "death_frame", "censored")
    ]
    for well, dies in plate[1].items():
        mine = [f for f in fates if f["well"] == well]
        assert len(mine) == len(dies)
        found = sorted(float(f["death_frame"]) for f in mine if f["death_frame"])
        assert found == sorted(d for d in dies.tolist() if d >= 0)
        assert all((f["censored"] == "1") == (f["death_frame"] == "") for f in mine)


@pytest.mark.slow
def test_viability_of_each_well_and_frame_is_the_true_one(plate, done):
    rows = rows_of(done[1] / "viability.csv")
    first = ["plate", "well", "frame", "n", "alive", "viability", "low", "high"]
    assert list(rows[0]) == [*first, "survival"]
    assert len(rows) == 4 * FRAMES
    for row in rows:
        dies = plate[1][row["well"]]
        dead = np.count_nonzero((dies >= 0) & (dies <= int(row["frame"])))
        assert float(row["viability"]) == pytest.approx(1 - dead / len(dies))
        assert float(row["low"]) <= float(row["viability"]) <= float(row["high"])


@pytest.mark.slow
def test_treatments_are_compared_and_the_page_is_whole(done):
    rows = rows_of(done[1] / "treatments.csv")
    assert [r["treatment"] for r in rows] == ["water", "poison"]
    assert float(rows[1]["hazard_ratio"]) > 2
    page = (done[1] / "report.html").read_text("utf-8")
    for words in ("What was seen", "Wells over time", "Treatments"):
        assert words in page
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.slow
def test_the_same_command_again_does_nothing_anew(plate, package, done):
    before = files_of(done[1])
    times = {p: p.stat().st_mtime_ns for p in (done[1] / "parts").rglob("*.parquet")}
    run(plate[0], package, done[1])
    assert files_of(done[1]) == before
    assert {p: p.stat().st_mtime_ns for p in (done[1] / "parts").rglob("*.parquet")} == times


@pytest.mark.slow
def test_workers_change_nothing(plate, package, done, tmp_path):
    run_plate(
        plate[0],
        out=tmp_path / "out",
        settings=settings_of(plate[0]),
        model=PlateModel.from_values({"model": str(package), "spacing_um": "1"}),
        reading=READING,
        execution=Execution(workers=2),
    )
    assert files_of(tmp_path / "out") == files_of(done[1])


@pytest.mark.slow
def test_a_run_killed_inside_a_well_continues_there(plate, package, done, tmp_path):
    out = tmp_path / "out"
    code = (
        "from tests.systems.plates.test_plate_run import run; import sys, pathlib;"
        "from fatescope.systems.plates import run as p; find = p.find_cells; import time;"
        "p.find_cells = lambda unit, *, job: (time.sleep(0.3), find(unit, job=job))[1];"
        "run(*map(pathlib.Path, sys.argv[1:4]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(plate[0]), str(package), str(out)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    end = time.monotonic() + 120
    while time.monotonic() < end and len(list(out.glob("parts/*/*.parquet"))) < 4:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    parts = {p: p.stat().st_mtime_ns for p in out.glob("parts/*/*.parquet")}
    assert 4 <= len(parts) < 12
    assert not (out / "fates.csv").exists()
    run(plate[0], package, out)
    assert files_of(out) == files_of(done[1])
    again = [p for p, t in parts.items() if p.stat().st_mtime_ns != t]
    assert len(again) <= 1  # the part that was being recorded when the run was killed


@pytest.mark.slow
def test_a_changed_movie_is_followed_anew(plate, package, tmp_path):
    folder = tmp_path / "plate"
    movie, dies = draw_well(SHAPE, FRAMES, seed=9, dies=np.full(20, 3))
    write_plate(folder, {"A01": movie, "B01": movie})
    (tmp_path / "map.csv").write_text(MAP)
    run(folder, package, tmp_path / "out")
    other, _ = draw_well(SHAPE, FRAMES, seed=9, dies=np.full(20, 5))
    write_plate(folder, {"B01": other})
    run(folder, package, tmp_path / "out")
    died = {f["well"]: f["death_frame"] for f in rows_of(tmp_path / "out" / "fates.csv")}
    assert {w: float(d) for w, d in died.items()} == {"A01": 3.0, "B01": 5.0}
    assert len(dies) == 20


@pytest.mark.slow
def test_a_dead_cell_stays_dead_and_a_frame_without_light_kills_none(package, tmp_path):
    movie, _ = draw_well(SHAPE, FRAMES, seed=2, dies=np.full(20, 2))
    movie[5] = 0
    alive, _ = draw_well(SHAPE, FRAMES, seed=3, dies=np.full(20, 99))
    alive[3] = draw_cells(SHAPE, [])
    folder = write_plate(tmp_path / "plate", {"A01": movie, "B01": alive})
    (tmp_path / "map.csv").write_text(MAP)
    run(folder, package, tmp_path / "out")
    rows = rows_of(tmp_path / "out" / "viability.csv")
    assert [float(r["viability"]) for r in rows if r["well"] == "A01"] == [1, 1, *[0] * 6]
    assert {float(r["viability"]) for r in rows if r["well"] == "B01"} == {1.0}
    assert len(rows_of(tmp_path / "out" / "fates.csv")) == 40
    rules = {r["rule"] for r in rows_of(tmp_path / "out" / "findings.csv")}
    assert "no-cells" in rules


@pytest.mark.slow
def test_cells_of_frames_out_of_focus_do_not_count_and_findings_say_so(package, tmp_path):
    movie, _ = draw_well(SHAPE, FRAMES, seed=2, dies=np.full(20, 99))
    other, _ = draw_well(SHAPE, FRAMES, seed=3, dies=np.full(20, 99))
    rng = np.random.default_rng(0)
    lost = other.copy()
    for frame in (movie[2], movie[5], *lost):
        blurred = ndimage.gaussian_filter(frame.astype(float), 7)
        frame[:] = blurred + rng.normal(0, NOISE, blurred.shape)
    wells = {"A01": movie, "A02": other, "B01": lost}
    folder = write_plate(tmp_path / "plate", wells)
    (tmp_path / "map.csv").write_text(MAP)
    run(folder, package, tmp_path / "out")
    cells = rows_of(tmp_path / "out" / "cells.csv")
    assert {c["frame"] for c in cells if c["well"] == "A01"} == set("013467")
    assert {c["well"] for c in cells} == {"A01", "A02"}
    said = [r for r in rows_of(tmp_path / "out" / "findings.csv") if r["rule"] == "blurred"]
    assert [(r["file"], r["frame"]) for r in said] == [("A01, field 1", "2"), ("B01, field 1", "0")]
    assert "2 frames" in said[0]["reason"]
    assert float(said[0]["value"]) < 0.5


@pytest.mark.slow
def test_an_empty_well_has_no_cells_and_says_so(package, tmp_path):
    movie, _ = draw_well(SHAPE, 3, seed=2)
    empty = np.stack([draw_cells(SHAPE, [], seed=i) for i in range(3)])
    folder = write_plate(tmp_path / "plate", {"A01": movie, "B01": empty})
    (tmp_path / "map.csv").write_text(MAP)
    summary = run(folder, package, tmp_path / "out")
    assert summary.exit_code == 0
    assert {r["well"] for r in rows_of(tmp_path / "out" / "fates.csv")} == {"A01"}
    said = [r for r in rows_of(tmp_path / "out" / "findings.csv") if r["file"] == "B01"]
    assert any("in any frame of the well" in r["reason"] for r in said)
    each = [r for r in rows_of(tmp_path / "out" / "findings.csv") if r["file"] == "B01, field 1"]
    assert [r["frame"] for r in each] == ["0", "1", "2"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("Nothing stands out of the noise") == 1  # one row for all frames
    assert "B01, field 1, frames 0-2" in page


@pytest.mark.slow
def test_a_plate_of_another_kind_is_said_above_its_numbers(package, tmp_path):
    movie, _ = draw_well(SHAPE, 3, seed=2)
    folder = write_plate(tmp_path / "plate", {"A01": movie, "B01": movie})
    (tmp_path / "map.csv").write_text(MAP)
    nowhere = {"lean": ValueRange(low=80.0, high=90.0)}
    strange = viability_package(tmp_path / "strange", expected=nowhere)
    run(folder, strange, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.index("2 of 2 fields are unlike those that the model") < page.index("<svg")


@pytest.mark.slow
def test_without_a_map_each_well_stands_for_itself(plate, package, tmp_path):
    summary = run(plate[0], package, tmp_path / "out", map=None)
    assert summary.exit_code == 0
    assert not (tmp_path / "out" / "treatments.csv").exists()
    assert len(rows_of(tmp_path / "out" / "viability.csv")) == 4 * FRAMES
    rules = {r["rule"] for r in rows_of(tmp_path / "out" / "findings.csv")}
    assert "unmapped-wells" in rules
    last = [r for r in rows_of(tmp_path / "out" / "viability.csv") if r["frame"] == str(FRAMES - 1)]
    n, alive = (sum(int(r[c]) for r in last) for c in ("n", "alive"))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert n > 0
    assert f"{alive} of {n} cells" in page
    assert "in the last frame of 4 wells, " in page
    assert "Deaths" not in page  # nobody counted them by treatment: unknown, and not 0


@pytest.mark.slow
def test_a_bad_file_costs_its_frames_and_their_well_only(plate, package, tmp_path):
    movie, _ = draw_well(SHAPE, 3, seed=2)
    folder = write_plate(tmp_path / "plate", {"A01": movie, "B01": movie})
    (folder / "B01_1_BF.tif").write_bytes(b"II*\0")
    (tmp_path / "map.csv").write_text(MAP)
    summary = run(folder, package, tmp_path / "out")
    assert {r["well"] for r in rows_of(tmp_path / "out" / "fates.csv")} == {"A01"}
    assert summary.exit_code in (0, 1)


@pytest.mark.slow
def test_deaths_on_a_plate_of_uneven_times_have_their_true_hours(package, tmp_path):
    """Scans of an Incucyte: five an hour apart, then two and three days later."""
    times = ["00d00h00m", "00d01h00m", "00d02h00m", "00d03h00m", "00d04h00m", "02d00h00m"]
    hours = [0, 1, 2, 3, 4, 48]
    for i, well in enumerate(("A01", "A02")):
        movie, _ = draw_well(SHAPE, len(times), seed=i, dies=np.full(20, 5))
        (tmp_path / "plate").mkdir(exist_ok=True)
        for frame, at in zip(movie, times, strict=True):
            tifffile.imwrite(tmp_path / "plate" / f"e_phase_{well}_1_{at}.tif", frame)
    (tmp_path / "map.csv").write_text(MAP)
    out, model = tmp_path / "out", {"model": str(package), "spacing_um": "1"}
    asked = {"map": tmp_path / "map.csv", "least_frames": 2}

    def found(**more):
        run_plate(
            tmp_path / "plate",
            out=out,
            settings=PlateRunSettings.from_values({**asked, **more}),
            model=PlateModel.from_values(model),
            execution=ALONE,
            fresh=True,
        )
        said = [r for r in rows_of(out / "findings.csv") if r["rule"] == "uneven-times"]
        curves = [float(r["time_h"]) for r in rows_of(out / "curves.csv")]
        median = float(rows_of(out / "treatments.csv")[0]["median_death_h"])
        return curves, median, " ".join(r["reason"] for r in said)

    curves, median, reason = found()
    assert curves == hours
    assert median == pytest.approx(26)
    assert "60 to 2640 min apart" in reason
    assert [float(r["time_h"]) for r in rows_of(out / "times.csv")] == hours
    curves, median, reason = found(interval_min=60)  # the user's word, and it is said
    assert (curves, median) == ([0, 1, 2, 3, 4, 5], pytest.approx(4.5))
    assert "as --interval-min says" in reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"response_frame": 8}, "--response-frame 8 is beyond the last frame, 7"),
        ({"map": "nowhere.csv"}, "nowhere.csv"),
        ({"map": "others.csv"}, "no well of the map is on the plate"),
        ({"map": "empty.csv"}, "gives none of the wells a treatment"),
        ({"times": "t.csv"}, "--times and --interval-min"),
    ],
)
def test_what_survival_would_refuse_is_refused_before_the_work_and_by_the_plan(
    plate, package, tmp_path, monkeypatch, more, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "others.csv").write_text("well,treatment,control\nH01,x,negative\n")
    (tmp_path / "empty.csv").write_text("well,treatment,control\nA01,,\nA02,,\n")
    with pytest.raises(FatescopeError, match=words):
        run(plate[0], package, tmp_path / "out", **more)
    assert not (tmp_path / "out").exists()
    with pytest.raises(FatescopeError, match=words):
        plan_plate_run(plate[0], settings=settings_of(plate[0], **more), reading=READING)


@pytest.mark.slow
def test_other_settings_into_the_same_folder_are_refused(plate, package, done):
    with pytest.raises(RunError, match="fresh"):
        run(plate[0], package, done[1], least_frames=2)


@pytest.mark.slow
def test_what_is_no_plate_and_a_map_that_cannot_be_true_are_sentences(plate, package, tmp_path):
    with pytest.raises(FatescopeError, match="is not there"):
        run(tmp_path / "gone", package, tmp_path / "out")
    (tmp_path / "bad.csv").write_text("well,control\nA01,maybe\n")
    with pytest.raises(FatescopeError, match="row 2"):
        run(plate[0], package, tmp_path / "out", map=tmp_path / "bad.csv")


@pytest.mark.slow
def test_the_record_names_model_settings_and_time_by_stage(done):
    record = json.loads((done[1] / "run.json").read_text("utf-8"))
    assert record["command"] == "plate run"
    assert record["model"]["name"] == "bright-and-dark"
    assert {"place", "classify", "follow"} <= set(record["seconds"])
