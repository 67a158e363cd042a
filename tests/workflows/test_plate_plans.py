"""What the commands for plates say they would cost, before anything is computed."""

from __future__ import annotations

import numpy as np
import pytest

from fatescope.acquire import write_table
from fatescope.base import Execution, InputError, Table
from fatescope.plate import SurvivalSettings
from fatescope.simulate.plate import PlateSettings
from fatescope.systems.plates.run import plan_plate_run
from fatescope.systems.plates.stitching import plan_stitch_plate
from fatescope.systems.plates.survival import plan_survival
from fatescope.systems.simulation.plates import simulate_plate

ALONE = Execution(workers=1)
KEYS = {"units", "cpu_seconds", "wall_seconds", "peak_memory_mb", "output_mb"}


def plate_of(folder, **more):
    small = {"rows": 1, "columns": 2, "stained": 0, "field_rows": 1, "field_columns": 2}
    settings = PlateSettings.from_values(
        {**small, "frames": 2, "height": 96, "width": 128, "cells": 10, **more}
    )
    simulate_plate(folder, settings=settings, execution=ALONE)
    return folder


@pytest.mark.parametrize(
    ("plan", "units"), [(plan_plate_run, 4 + 2 * 2), (plan_stitch_plate, 2)], ids=["run", "stitch"]
)
def test_units_are_counted_and_more_frames_cost_more(plan, units, tmp_path):
    few, many = plate_of(tmp_path / "a"), plate_of(tmp_path / "b", frames=8)
    short, long = (plan(p, execution=ALONE) for p in (few, many))
    assert short.units == long.units == units
    assert short.as_json().keys() >= KEYS
    assert long.cpu_seconds >= short.cpu_seconds > 0
    assert long.output_mb > short.output_mb
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_survival_is_planned_from_its_tables_and_needs_a_map(tmp_path):
    write_table(Table({"cell": np.arange(3)}), tmp_path / "fates.csv")
    with pytest.raises(InputError, match="--map"):
        plan_survival([tmp_path / "fates.csv"], settings=SurvivalSettings())
    (tmp_path / "map.csv").write_text("well,treatment\nA01,water\n")
    settings = SurvivalSettings(map=tmp_path / "map.csv")
    plan = plan_survival([tmp_path / "fates.csv"], settings=settings)
    assert (plan.units, plan.workers) == (1, 1)
