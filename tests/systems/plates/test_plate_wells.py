"""``plate stitch`` and ``plate survival`` from files to tables and pages."""

import csv
import json

import numpy as np
import pytest
from benchmarks.stitching import error_px, render_well
from benchmarks.survival import simulate_fates

from fatescope.acquire import read_image, read_table, write_image, write_table
from fatescope.acquire.plates import PlateReading
from fatescope.base import FileFormatError, InputError, Spacing
from fatescope.pages.chart import number
from fatescope.plate import StitchSettings, SurvivalSettings
from fatescope.systems.plates.stitching import stitch_plate
from fatescope.systems.plates.survival import survival_of_plate

SHAPE = (240, 320)


def header(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return next(csv.reader(stream))


@pytest.fixture(scope="module")
def stitched(tmp_path_factory):
    """Two wells: one with cells, two channels and a plate that moves; one empty."""
    folder, out = tmp_path_factory.mktemp("plate"), tmp_path_factory.mktemp("stitched")
    fields, _, true = render_well(SHAPE, "normal", 3.0, seed=4, grid=4, empty=0.0)
    rng = np.random.default_rng(0)
    for i, field in enumerate(fields):
        moved = np.roll(field, (3, -2), axis=(0, 1))
        for well, pixels in (
            ("B02", np.stack([[field, field // 2], [moved, moved // 2]])),
            ("B03", rng.poisson(300, (2, 2, *SHAPE)).astype(np.uint16)),
        ):
            write_image(
                folder / f"{well}_{i + 1}.tif",
                pixels.reshape(-1, *SHAPE),
                shape=pixels.shape,
                axes="TCYX",
                dtype=np.uint16,
                spacing=Spacing.given((0.65,), None),
                channels=("BF", "DAPI"),
            )
    summary = stitch_plate(
        folder, out=out / "o", reading=PlateReading(pattern="{well}_{field}.tif")
    )
    return summary, out / "o", true


@pytest.mark.slow
def test_a_plate_becomes_one_image_a_well_with_tables_and_a_page(stitched):
    summary, out, true = stitched
    assert (summary.units_done, summary.units_failed) == (2, 0)
    assert header(out / "positions.csv") == ["well", "field", "y_px", "x_px", "placed"]
    assert header(out / "edges.csv") == [
        "well", "a", "b", "dy", "dx", "quality", "residual_px", "used"
    ]  # fmt: skip
    positions = read_table(out / "positions.csv")
    mine = positions.rows(positions["well"] == "B02")
    placed = mine["placed"] == 1
    assert placed.sum() >= 14
    order = mine["field"].astype(int) - 1
    found = np.column_stack([mine["y_px"], mine["x_px"]])
    assert error_px(found, true[order], placed) <= 0.5
    image = read_image(out / "images" / "B02.tif")
    assert image.axes == "TCYX"
    assert len(image.channels) == 2
    assert image.spacing.um("YX") == pytest.approx((0.65, 0.65))
    assert "Seams" in (out / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_an_empty_well_is_laid_by_the_stage_and_said_so(stitched):
    _, out, _ = stitched
    positions = read_table(out / "positions.csv")
    assert not positions.rows(positions["well"] == "B03")["placed"].any()
    findings = read_table(out / "findings.csv")
    assert ("B03", "unplaced") in list(zip(findings["file"], findings["rule"], strict=True))


@pytest.mark.slow
def test_all_frames_lie_on_each_other(stitched):
    _, out, _ = stitched
    drift = read_table(out / "drift.csv")
    second = drift.rows((drift["well"] == "B02") & (drift["frame"] == 1))
    assert (second["dy"][0], second["dx"][0]) == pytest.approx((3, -2), abs=0.2)
    image = read_image(out / "images" / "B02.tif")
    a, b = (image.read(T=t, C=0)[60:-60, 60:-60].astype(float) for t in (0, 1))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9


def test_fields_that_fill_no_grid_fail_by_well_with_the_way_out(tmp_path):
    folder = tmp_path / "plate"
    for i in range(3):
        write_image(
            folder / f"B02_{i}.tif",
            [np.full((40, 40), i, dtype=np.uint16)],
            shape=(40, 40),
            axes="YX",
            dtype=np.uint16,
            spacing=Spacing(),
        )
    reading = PlateReading(pattern="{well}_{field}.tif")
    summary = stitch_plate(folder, out=tmp_path / "out", reading=reading)
    assert summary.units_failed == 1
    assert "--rows" in summary.errors[0]
    rows = StitchSettings(rows=1)
    summary = stitch_plate(folder, out=tmp_path / "row", reading=reading, settings=rows)
    assert summary.units_done == 1
    (tmp_path / "stage.csv").write_text("field,y_px,x_px\n0,0,0\n1,0,30\n2,30,0\n", "utf-8")
    stage = StitchSettings(positions=tmp_path / "stage.csv")
    stitch_plate(folder, out=tmp_path / "stage", reading=reading, settings=stage)
    found = read_table(tmp_path / "stage" / "positions.csv")
    assert found["y_px"].tolist() == [0, 0, 30]
    assert found["x_px"].tolist() == [0, 30, 0]


MAP = """well,treatment,dose,dose_unit,stain,light,control
"""


@pytest.fixture(scope="module")
def assay(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assay")
    doses = np.repeat([0, 0.1, 0.3, 1, 3, 10, 30], 3).astype(float)
    hazard = 0.15 + 3 * doses**2 / (1 + doses**2)
    table, _ = simulate_fates(
        np.random.default_rng(0), n_wells=21, n_cells=60, hazard=hazard, frailty=0.1
    )
    rows = [
        f"A{i + 1},{'drug' if d else 'none'},{d or ''},uM,DRAQ7,0,{'' if d else 'negative'}"
        for i, d in enumerate(doses)
    ]
    (folder / "map.csv").write_text(MAP + "\n".join(rows) + "\n", encoding="utf-8")
    write_table(table, folder / "fates.csv")
    settings = SurvivalSettings(map=folder / "map.csv", interval_min=15, response_frame=20)
    summary = survival_of_plate([folder / "fates.csv"], out=folder / "out", settings=settings)
    return summary, folder


def test_fates_and_a_map_become_treatments_with_intervals(assay):
    summary, folder = assay
    assert summary.units_done == 1
    out = folder / "out"
    assert header(out / "treatments.csv")[:10] == [
        "treatment", "dose", "n_wells", "median_death_h", "low", "high",
        "hazard_ratio", "hr_low", "hr_high", "p_logrank",
    ]  # fmt: skip
    assert header(out / "viability.csv")[:8] == [
        "plate", "well", "frame", "n", "alive", "viability", "low", "high"
    ]  # fmt: skip
    table = read_table(out / "treatments.csv")
    assert table["n_wells"].tolist() == [3] * 7
    high = table.rows(table["dose"] == 30.0)
    truth = 25.0 * (np.log(2) / 3.1467) ** (1 / 1.5) * 0.25
    assert high["low"][0] < truth < high["high"][0]
    assert high["hazard_ratio"][0] == pytest.approx(3.1467 / 0.15, rel=0.6)
    assert high["hr_low"][0] > 10


def test_the_dose_and_the_page_are_there(assay):
    _, folder = assay
    doses = read_table(folder / "out" / "doses.csv")
    assert doses["treatment"].tolist() == ["drug"]
    assert 0.2 < doses["ec50"][0] < 1.5
    page = (folder / "out" / "report.html").read_text("utf-8")
    assert "differ from the negative controls" in page
    assert f"EC50 {number(doses['ec50'][0])}" in page
    wells = read_table(folder / "out" / "dose_wells.csv")
    assert (len(wells), int((wells["dose"] == 0).sum())) == (21, 3)
    assert "Survival in each well" in page
    assert "A21: " in page  # each well is a point that says which it is
    assert json.loads((folder / "out" / "run.json").read_text("utf-8"))["command"] == (
        "plate survival"
    )


def test_a_dose_response_without_a_plateau_shows_its_wells_and_says_why(assay, tmp_path):
    _, folder = assay
    rows = (folder / "map.csv").read_text("utf-8").splitlines()
    low = [r for r in rows if not any(f",{d}," in r for d in ("3.0", "10.0", "30.0"))]
    (tmp_path / "map.csv").write_text("\n".join(low), "utf-8")
    settings = SurvivalSettings(map=tmp_path / "map.csv", interval_min=15, response_frame=20)
    survival_of_plate([folder / "fates.csv"], out=tmp_path / "o", settings=settings)
    doses = read_table(tmp_path / "o" / "doses.csv")
    assert doses["ec50"].tolist() == [None]
    assert "4 doses above 0" in doses["refused"][0]
    assert not (tmp_path / "o" / "dose_curves.csv").exists()
    page = (tmp_path / "o" / "report.html").read_text("utf-8")
    assert "No dose of half the effect: a dose response needs 4 doses above 0" in page
    assert "EC50" not in page
    assert "A12: " in page
    found = read_table(tmp_path / "o" / "findings.csv")
    assert "no-plateau" in found["rule"].tolist()


@pytest.mark.parametrize(("written", "refused"), [("100,nM", ""), ("0.1,%", "2 units (%, uM)")])
def test_doses_stand_on_one_axis_where_their_units_can_be_converted(
    assay, written, refused, tmp_path
):
    _, folder = assay
    rows = (folder / "map.csv").read_text("utf-8").replace("0.1,uM", written)
    (tmp_path / "map.csv").write_text(rows, "utf-8")
    settings = SurvivalSettings(map=tmp_path / "map.csv", interval_min=15, response_frame=20)
    survival_of_plate([folder / "fates.csv"], out=tmp_path / "o", settings=settings)
    doses, before = (read_table(f / "doses.csv") for f in (tmp_path / "o", folder / "out"))
    assert refused in str(doses["refused"][0] or "")
    assert bool(refused) == bool(doses["refused"][0])
    if not refused:
        assert doses["dose_unit"][0] == "uM"
        assert doses["ec50"][0] == pytest.approx(before["ec50"][0])


def test_groups_of_few_wells_are_named_with_their_dose(assay, tmp_path):
    _, folder = assay
    rows = (folder / "map.csv").read_text("utf-8").splitlines()
    (tmp_path / "map.csv").write_text("\n".join(r for r in rows if "A6," not in r), "utf-8")
    settings = SurvivalSettings(map=tmp_path / "map.csv", interval_min=15)
    survival_of_plate([folder / "fates.csv"], out=tmp_path / "o", settings=settings)
    found = read_table(tmp_path / "o" / "findings.csv")
    said = found.rows(found["rule"] == "few-wells")["reason"].tolist()
    assert len(said) == 1
    assert "in a group (drug 0.1 uM: 2)" in said[0]


def test_without_a_map_or_an_interval_it_says_what_is_missing(assay, tmp_path):
    _, folder = assay
    with pytest.raises(InputError, match="--map"):
        survival_of_plate([folder / "fates.csv"], out=tmp_path, settings=SurvivalSettings())
    settings = SurvivalSettings(map=folder / "map.csv")
    survival_of_plate([folder / "fates.csv"], out=tmp_path / "o", settings=settings)
    assert "no-scale" in read_table(tmp_path / "o" / "findings.csv")["rule"].tolist()
    table = read_table(tmp_path / "o" / "treatments.csv")
    assert all(v is None or np.isnan(v) for v in table["median_death_h"])
    assert np.isfinite(table["median_death_frames"]).any()


def test_a_table_of_times_dates_deaths_and_curves(assay, tmp_path):
    """Half of the time between frames 5 and 6, which are a day apart."""
    rows = [
        f"p,A0{w},{c},0,9,{6 if c % 4 else ''},{int(c % 4 == 0)}" for w in (1, 2) for c in range(8)
    ]
    head = "plate,well,cell,first_frame,last_frame,death_frame,censored"
    (tmp_path / "fates.csv").write_text("\n".join([head, *rows]) + "\n")
    (tmp_path / "map.csv").write_text("well,treatment,control\nA01,x,negative\nA02,x,negative\n")
    hours = [0, 1, 2, 3, 4, 5, 29, 30, 31, 32]
    table = "".join(f"{t},{h}\n" for t, h in enumerate(hours))
    (tmp_path / "times.csv").write_text(f"frame,time_h\n{table}")
    settings = SurvivalSettings(map=tmp_path / "map.csv", times=tmp_path / "times.csv")
    survival_of_plate([tmp_path / "fates.csv"], out=tmp_path / "o", settings=settings)
    curves = read_table(tmp_path / "o" / "curves.csv")
    assert curves["time_h"].tolist() == hours
    found = read_table(tmp_path / "o" / "treatments.csv")
    assert found["median_death_h"].tolist() == pytest.approx([5 + 24 * 0.5 / 0.75])
    assert found["median_death_frames"].tolist() == pytest.approx([5 + 0.5 / 0.75])
    assert "no-scale" not in read_table(tmp_path / "o" / "findings.csv")["rule"].tolist()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("frame,time_h\n0,0\n1,2\n2,1\n", "does not grow"),
        ("frame,time_h\n0,0\n0,2\n", "each once"),
        ("frame,time_h\n0,0\n1,\n", "must be numbers"),
        ("frame,hours\n0,0\n1,1\n", "needs the columns frame and time_h"),
    ],
)
def test_a_table_of_times_that_cannot_be_true_is_refused(assay, tmp_path, table, words):
    (tmp_path / "times.csv").write_text(table)
    settings = SurvivalSettings(map=assay[1] / "map.csv", times=tmp_path / "times.csv")
    with pytest.raises(FileFormatError, match=words):
        survival_of_plate([assay[1] / "fates.csv"], out=tmp_path / "o", settings=settings)
    both = settings.replace(interval_min=15)
    with pytest.raises(InputError, match="--times and --interval-min"):
        survival_of_plate([assay[1] / "fates.csv"], out=tmp_path / "o", settings=both)
