"""What the commands for plates say they would cost, before anything is computed."""

from __future__ import annotations

import pytest

from fatescope.base import Execution, InputError
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


def test_survival_is_planned_from_its_tables_and_refused_where_the_run_is(tmp_path):
    fates = tmp_path / "fates.csv"
    fates.write_text(
        "well,cell,first_frame,last_frame,death_frame,censored\nA01,1,0,4,2,0\nA01,2,0,4,,1\n"
    )

    def planned(text, **more):
        (tmp_path / "map.csv").write_text(text)
        settings = SurvivalSettings(map=tmp_path / "map.csv", **more)
        return plan_survival([fates], settings=settings)

    plan = planned("well,treatment\nA01,water\n", response_frame=4)
    assert (plan.units, plan.workers) == (1, 1)
    with pytest.raises(InputError, match="--map"):
        plan_survival([fates], settings=SurvivalSettings())
    with pytest.raises(InputError, match="--response-frame 5 is beyond the last frame, 4"):
        planned("well,treatment\nA01,water\n", response_frame=5)
    with pytest.raises(InputError, match="no well of the map has a fate"):
        planned("well,treatment\nB01,water\n")
    with pytest.raises(InputError, match="none of the wells a treatment"):
        planned("well,treatment\nA01,\nB01,water\n")
