"""A model from the stained wells of a plate, applied to all of its wells."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from tests.predict.live_dead import draw_well, write_plate

pytest.importorskip("torch")
pytest.importorskip("onnx")

from fatescope.acquire.plates import PlateReading
from fatescope.base import Execution, InputError, SettingsError
from fatescope.models import read_package
from fatescope.plate import PlateRunSettings
from fatescope.simulate.plate import PlateSettings
from fatescope.systems.plates.run import plan_plate_run, run_plate
from fatescope.systems.plates.settings import PlateModel
from fatescope.systems.simulation.plates import simulate_plate

ALONE = Execution(workers=1)
RECIPE = """
task = "viability"
[network]
widths = [8, 16]
blocks = [1, 1]
[crops]
size_px = 64
[fit]
steps = 30
steps_per_epoch = 15
batch = 8
"""


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    """Eight small wells, six of them stained."""
    folder = tmp_path_factory.mktemp("plates") / "plate"
    settings = PlateSettings(
        rows=2, columns=4, stained=6, field_rows=1, field_columns=1, frames=4, hours=1,
        height=160, width=208, cells=30, untreated_survival=0.5, dead_at_start=0.3,
    )  # fmt: skip
    simulate_plate(folder, settings=settings, seed=3, execution=ALONE)
    return folder


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "small.toml"
    path.write_text(RECIPE)
    return str(path)


def run(plate, out, recipe):
    settings = PlateRunSettings(map=plate / "map.csv")
    return run_plate(plate, out=out, settings=settings, recipe=recipe, execution=ALONE)


@pytest.fixture(scope="module")
def done(plate, recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "out"
    return run(plate, out, recipe), out


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
def test_a_model_is_made_from_the_stained_wells_and_applied_to_all(done):
    summary, out = done
    assert summary.exit_code == 0
    package = read_package(out / "training" / "model" / "package")
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert record["model"]["sha256"] == package.sha256
    assert record["settings"]["model"] == "training/model/package"
    assert "one plate" in (out / "training/model/package/card.md").read_text("utf-8")
    trained = {r["unit"] for r in rows_of(out / "training" / "crops" / "samples.csv")}
    assert len(trained) == 6
    said = [r for r in rows_of(out / "findings.csv") if r["rule"] == "trained-wells"]
    assert [float(r["value"]) for r in said] == [6.0]
    assert len({r["well"] for r in rows_of(out / "frames.csv")}) == 8


@pytest.mark.slow
def test_the_same_command_again_trains_nothing_anew(plate, recipe, done):
    package = done[1] / "training" / "model" / "package" / "model.onnx"
    before = package.stat().st_mtime_ns
    assert run(plate, done[1], recipe).exit_code == 0
    assert package.stat().st_mtime_ns == before


def test_a_plan_counts_labels_and_fit_and_writes_nothing(plate, recipe, tmp_path):
    alone = plan_plate_run(plate, execution=ALONE)
    both = plan_plate_run(plate, recipe=recipe, execution=ALONE)
    assert alone.units == 8 + 2 * 8
    assert both.units == alone.units + 6 + 1
    assert both.cpu_seconds > alone.cpu_seconds > 0
    assert not list(tmp_path.iterdir())


def test_recipes_for_something_else_and_plates_without_stains_are_refused(plate, recipe, tmp_path):
    with pytest.raises(SettingsError, match="tell living from dead"):
        run(plate, tmp_path / "a", "nuclei")
    movie, _ = draw_well((130, 160), 3, seed=2, dies=np.full(20, 1))
    bare = write_plate(tmp_path / "bare", {"A01": movie})
    reading = PlateReading(pattern="{well}_{field}_{channel}.tif")
    with pytest.raises(InputError, match="which cells are dead"):
        run_plate(bare, out=tmp_path / "b", recipe=recipe, reading=reading, model=PlateModel())
    assert not (tmp_path / "a").exists()
