"""``simulate plate``: files that `read_plate` reads, and a truth that agrees with itself."""

import numpy as np
import pytest

from fatescope.acquire import read_image, read_labels, read_table
from fatescope.acquire.plates import (
    PlateReading,
    apply_plate_map,
    read_field,
    read_plate,
    read_plate_map,
)
from fatescope.base import Execution
from fatescope.simulate.plate import PlateSettings
from fatescope.systems.simulation.plates import plan_simulated_plate, simulate_plate

SMALL = PlateSettings(
    rows=2, columns=3, field_rows=1, field_columns=2, frames=3, height=96, width=120, cells=20,
    diameter_px=16, fault_share=0.1,
)  # fmt: skip


def contents(folder):
    kinds = ("*.tif", "map.csv", "truth/*.csv")
    return {p.relative_to(folder): p.read_bytes() for k in kinds for p in folder.rglob(k)}


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    out = tmp_path_factory.mktemp("plate") / "p"
    summary = simulate_plate(out, settings=SMALL, seed=5, execution=Execution(workers=1))
    return summary, out


def test_the_folder_is_a_plate_with_a_map(plate):
    summary, out = plate
    assert (summary.units_done, summary.units_failed) == (12, 0)
    layout = apply_plate_map(read_plate(out, PlateReading()), read_plate_map(out / "map.csv"))
    assert layout.findings == ()
    assert layout.wells == ("A01", "A02", "A03", "B01", "B02", "B03")
    assert layout.channels == ("BF", "DAPI", "Cy5")
    assert len(layout.frames) == 3
    assert layout.missing == 0
    assert layout.spacing.interval_min == pytest.approx(360)
    stained = [w for w, t in layout.treatments.items() if t.stains and "Hoechst" in t.stains]
    assert len(stained) == 2
    for well in layout.wells:
        image = read_field(layout, well, "2")
        assert image.channels == (layout.channels if well in stained else ("BF",))
        assert image.read(T=2, C=0).shape == (96, 120)


def test_the_truth_has_the_columns_of_the_contract_and_agrees_with_itself(plate):
    _, out = plate
    names = ("fates", "cells", "positions", "faults", "treatments", "viability", "fields")
    truth = {n: read_table(out / "truth" / f"{n}.csv") for n in names}
    assert list(truth["fates"].columns)[:7] == [
        "plate", "well", "cell", "first_frame", "last_frame", "death_frame", "censored"
    ]  # fmt: skip
    assert list(truth["positions"].columns)[:5] == ["well", "field", "y_px", "x_px", "placed"]
    assert list(truth["faults"].columns)[:2] == ["frame", "rule"]
    assert list(truth["treatments"].columns)[:4] == [
        "treatment",
        "dose",
        "n_wells",
        "median_death_h",
    ]
    cells, viability = truth["cells"], truth["viability"]
    for well, frame in (("A01", 0), ("B03", 2)):
        mine = cells.rows((cells["well"] == well) & (cells["frame"] == frame))
        said = viability.rows((viability["well"] == well) & (viability["frame"] == frame))
        assert said["n"][0] == len(mine)
        assert said["alive"][0] == (mine["state"] == "live").sum()
    row = truth["fields"].rows(truth["fields"]["well"] == "A02")
    labels = read_labels(out / row["labels"][0]).read(T=1)
    classes = read_labels(out / row["classes"][0]).read(T=1)
    mine = cells.rows((cells["well"] == "A02") & (cells["frame"] == 1))
    assert set(np.unique(labels)) - {0} <= set(mine["cell"].tolist())
    dead = set(mine.rows(mine["state"] == "dead")["cell"].tolist())
    assert set(np.unique(labels[classes == 4])) <= dead


@pytest.mark.slow
def test_workers_and_a_second_call_change_nothing(plate, tmp_path):
    _, out = plate
    simulate_plate(tmp_path / "p", settings=SMALL, seed=5, execution=Execution(workers=2))
    assert contents(tmp_path / "p") == contents(out)
    again = simulate_plate(tmp_path / "p", settings=SMALL, seed=5, execution=Execution(workers=1))
    assert again.units_done == 12
    assert contents(tmp_path / "p") == contents(out)


def test_a_plate_that_was_killed_continues_inside_a_well(plate, tmp_path):
    _, out = plate

    def stop(done, total, what):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_plate(
            tmp_path / "p", settings=SMALL, seed=5, execution=Execution(workers=1), progress=stop
        )
    assert not (tmp_path / "p" / "truth" / "treatments.csv").exists()
    simulate_plate(tmp_path / "p", settings=SMALL, seed=5, execution=Execution(workers=1))
    assert contents(tmp_path / "p") == contents(out)


def test_two_experiments_are_two_whole_plates_of_different_looks(tmp_path):
    settings = SMALL.replace(experiments=2, rows=1, columns=2, field_columns=1)
    simulate_plate(tmp_path / "p", settings=settings, seed=1, execution=Execution(workers=1))
    means = []
    for name in ("plate_1", "plate_2"):
        folder = tmp_path / "p" / name
        layout = apply_plate_map(
            read_plate(folder, PlateReading()), read_plate_map(folder / "map.csv")
        )
        assert layout.wells == ("A01", "A02")
        assert set(read_table(folder / "truth" / "fates.csv")["plate"]) == {name}
        means.append(read_field(layout, "A01", "1").read(T=0, C=0).mean())
    assert abs(means[0] - means[1]) > 50


def test_a_plate_without_cells_is_written_and_has_no_fates(tmp_path):
    settings = SMALL.replace(rows=1, columns=1, stained=1, cells=0, fault_share=0.0)
    summary = simulate_plate(tmp_path / "p", settings=settings, execution=Execution(workers=1))
    assert summary.units_failed == 0
    assert len(read_table(tmp_path / "p" / "truth" / "fates.csv")) == 0
    image = read_image(next((tmp_path / "p" / "images").glob("*w1.tif")))
    assert image.read().std() > 0


def test_the_plan_counts_fields_and_grows_with_the_scale():
    plans = [plan_simulated_plate(PlateSettings(scale=s), execution=Execution(workers=1))
             for s in (0.01, 1.0)]  # fmt: skip
    assert plans[1].units == 24 * 81
    assert plans[1].cpu_seconds > 50 * plans[0].cpu_seconds
