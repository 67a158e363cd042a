"""From images without a stain to living and dead cells, whatever happens on the way."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import tifffile
from scipy import ndimage
from tests.predict.live_dead import draw_cells, draw_well, viability_package

from fatescope.acquire import read_labels
from fatescope.base import Execution, ModelError, SettingsError
from fatescope.simulate.plate import PlateSettings
from fatescope.systems.simulation.plates import simulate_plate
from fatescope.systems.viability.find import VIABILITY, predict_viability
from fatescope.systems.viability.settings import ViabilitySettings

pytest.importorskip("onnx")

ALONE = Execution(workers=1)
CELLS = [(30, 40, False), (30, 80, True), (70, 40, False), (90, 120, True), (100, 60, False)]
FIRST = [
    *("image", "label", "frame", "z", "y", "x", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"),
    "area_px",
]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return viability_package(tmp_path_factory.mktemp("models") / "toy")


def settings_of(package, **more):
    return ViabilitySettings.from_values({"model": str(package), **more})


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def save(path, pixels, **metadata):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, ome=path.name.endswith("ome.tif"), metadata=metadata or None)
    return path


def found_in(package, image, out, **more):
    settings = settings_of(package, **{"spacing_um": "1", **more})
    return predict_viability(image, out=out, settings=settings, execution=ALONE)


def test_each_cell_is_found_and_said_to_live_or_to_be_dead(package, tmp_path):
    image = save(tmp_path / "a.tif", draw_cells((130, 160), CELLS))
    summary = found_in(package, image, tmp_path / "out")
    assert (summary.exit_code, summary.objects) == (0, 5)
    rows = rows_of(tmp_path / "out" / "objects.csv")
    assert list(rows[0])[: len(FIRST)] == FIRST
    for y, x, dead in CELLS:
        row = min(rows, key=lambda r: abs(float(r["y"]) - y) + abs(float(r["x"]) - x))
        assert row["class"] == ("dead" if dead else "live")
        assert (float(row["p_dead"]) > 0.9) == dead
        assert 0 <= float(row["score"]) <= 1
    classes = read_labels(tmp_path / "out" / "classes" / "a.tif").read()
    labels = read_labels(tmp_path / "out" / "labels" / "a.tif").read()
    assert classes.shape == labels.shape == (130, 160)
    assert classes[30, 40] == 1
    assert classes[30, 80] == 2
    assert labels.max() == 5


def test_finer_pixels_give_the_same_cells(package, tmp_path):
    image = np.kron(draw_cells((130, 160), CELLS), np.ones((2, 2), np.uint16))
    summary = found_in(package, save(tmp_path / "a.tif", image), tmp_path / "out", spacing_um="0.5")
    assert summary.objects == 5
    rows = rows_of(tmp_path / "out" / "objects.csv")
    assert sorted(r["class"] for r in rows) == ["dead"] * 2 + ["live"] * 3
    assert all(60 < float(r["area_um2"]) < 120 for r in rows)


def test_a_given_diameter_stands_for_the_pixel_size(package, tmp_path):
    path = save(tmp_path / "a.tif", np.kron(draw_cells((130, 160), CELLS), np.ones((2, 2))))
    settings = settings_of(package, diameter_px=20.0)
    out = tmp_path / "out"
    assert predict_viability(path, out=out, settings=settings, execution=ALONE).objects == 5
    with pytest.raises(SettingsError, match="not both"):
        settings_of(package, diameter_px=20.0, diameter_um=9.0)


def test_an_unknown_pixel_size_is_said_to_be_assumed(package, tmp_path):
    path = save(tmp_path / "a.tif", draw_cells((130, 160), CELLS))
    predict_viability(path, out=tmp_path / "out", settings=settings_of(package), execution=ALONE)
    rules = [r["rule"] for r in rows_of(tmp_path / "out" / "findings.csv")]
    assert "no-scale" in rules


@pytest.mark.parametrize(
    "plane",
    [
        draw_cells((130, 160), []),
        np.zeros((130, 160), np.uint16),
        np.full((130, 160), 65535, np.uint16),
        np.full((1, 1), 7, np.uint8),
    ],
    ids=["an empty field", "black", "saturated", "one pixel"],
)
def test_a_field_without_cells_is_a_finding_and_has_no_objects(package, tmp_path, plane):
    path = save(tmp_path / "a.tif", plane)
    summary = found_in(package, path, tmp_path / "out")
    assert (summary.exit_code, summary.objects) == (0, 0)
    rules = {r["rule"] for r in rows_of(tmp_path / "out" / "findings.csv")}
    assert rules & {"no-cells", "empty", "constant", "saturated"}
    assert (tmp_path / "out" / "report.html").exists()


def test_numbers_that_are_none_do_no_harm(package, tmp_path):
    plane = draw_cells((130, 160), CELLS).astype(np.float32)
    plane[:4, :4], plane[5, 5] = np.nan, np.inf
    assert found_in(package, save(tmp_path / "a.tif", plane), tmp_path / "out").objects == 5


@pytest.mark.slow
def test_the_result_does_not_depend_on_workers_or_on_the_format(package, tmp_path):
    plane = draw_cells((130, 160), CELLS)
    folder = tmp_path / "in"
    for i in range(3):
        save(folder / f"{i}.tif", np.roll(plane, 7 * i, axis=0))
    settings = settings_of(package, spacing_um="1")
    outs = []
    for workers in (1, 3):
        outs.append(tmp_path / f"out{workers}")
        predict_viability(
            folder, out=outs[-1], settings=settings, execution=Execution(workers=workers)
        )
    for name in ("objects.csv", "findings.csv", "labels/1.tif", "classes/2.tif"):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()


def test_a_movie_has_a_class_map_and_objects_for_each_frame(package, tmp_path):
    movie, dies = draw_well((130, 160), 4, seed=3)
    path = save(tmp_path / "m.ome.tif", movie, axes="TYX")
    summary = found_in(package, path, tmp_path / "out")
    rows = rows_of(tmp_path / "out" / "objects.csv")
    assert summary.objects == len(rows) == 4 * len(dies)
    for t in range(4):
        dead = sum(r["class"] == "dead" for r in rows if int(r["frame"]) == t)
        assert dead == np.count_nonzero((dies >= 0) & (dies <= t))
    assert read_labels(tmp_path / "out" / "classes" / "m.tif").shape == (4, 130, 160)


def test_the_channel_without_a_stain_is_found_by_its_name(package, tmp_path):
    plane = draw_cells((130, 160), CELLS)
    stack = np.stack([np.zeros_like(plane), plane])
    names = {"Channel": {"Name": ["DAPI", "Brightfield"]}}
    path = save(tmp_path / "c.ome.tif", stack, axes="CYX", **names)
    assert found_in(package, path, tmp_path / "out").objects == 5
    other = save(tmp_path / "d.ome.tif", stack, axes="CYX", Channel={"Name": ["DAPI", "mystery"]})
    summary = found_in(package, other, tmp_path / "out2")
    assert summary.exit_code == 2
    assert "Say with --channel" in summary.errors[0]


def test_a_stack_is_refused_with_a_reason(package, tmp_path):
    path = save(tmp_path / "z.ome.tif", np.stack([draw_cells((64, 64), [])] * 3), axes="ZYX")
    summary = found_in(package, path, tmp_path / "out")
    assert summary.exit_code == 2
    assert "stack of 3 planes" in summary.errors[0]


def test_a_model_without_states_is_refused(tmp_path):
    package = viability_package(tmp_path / "toy", live="", dead="")
    with pytest.raises(ModelError, match="of living and of dead cells"):
        predict_viability(
            save(tmp_path / "a.tif", draw_cells((64, 64), [])),
            out=tmp_path / "out",
            settings=settings_of(package),
        )
    with pytest.raises(ModelError, match="pixel-classes are needed"):
        predict_viability(tmp_path / "a.tif", out=tmp_path / "out", settings=settings_of("nuclei"))


def test_a_plan_says_units_and_writes_nothing(package, tmp_path):
    path = save(tmp_path / "a.tif", draw_cells((130, 160), CELLS))
    plan = VIABILITY.plan(path, settings=settings_of(package))
    assert plan.units == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif"]


def test_a_missing_file_is_one_sentence(package, tmp_path):
    summary = predict_viability(
        tmp_path / "gone.tif", out=tmp_path / "out", settings=settings_of(package)
    )
    assert summary.exit_code == 2
    assert "gone.tif" in summary.errors[0]


@pytest.mark.parametrize("n_blurred", [0, 1, 2])
def test_frames_of_a_movie_that_are_out_of_focus_are_one_finding(package, tmp_path, n_blurred):
    rng = np.random.default_rng(0)
    movie = np.stack([draw_cells((130, 160), CELLS, seed=t) for t in range(6)])
    for t in (4, 1)[:n_blurred]:
        soft = ndimage.gaussian_filter(movie[t].astype(float), 7)
        movie[t] = soft + rng.normal(0, 3, soft.shape)
    path = save(tmp_path / "a.ome.tif", movie, axes="TYX")
    found_in(package, path, tmp_path / "out")
    said = [r for r in rows_of(tmp_path / "out" / "findings.csv") if r["rule"] == "blurred"]
    assert len(said) == min(n_blurred, 1)
    if n_blurred:
        assert said[0]["frame"] == str(min((4, 1)[:n_blurred]))
        assert "usual in the movie" in said[0]["reason"]
        assert float(said[0]["value"]) < 0.5


def halo_cells(seed):
    """Dim bodies in bright halos on grey, as phase contrast shows healthy cells."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:300, :300]
    light = np.full(yy.shape, 120.0)
    for y, x in rng.uniform(10, 290, (40, 2)):
        far = np.hypot(yy - y, xx - x)
        light += 70 * np.exp(-(((far - 13) / 2.2) ** 2)) - 25 * np.exp(-((far / 9) ** 2))
    return np.clip(light + rng.normal(0, 3, light.shape), 0, 255).astype(np.uint8)


def test_phase_contrast_is_said_to_be_unlike_training_above_the_numbers(tmp_path):
    image = save(tmp_path / "phase.tif", halo_cells(5))
    settings = ViabilitySettings.from_values({"spacing_um": "1.3"})
    predict_viability(image, out=tmp_path / "out", settings=settings, execution=ALONE)
    (said,) = [r for r in rows_of(tmp_path / "out/findings.csv") if r["rule"] == "unlike-training"]
    assert "This check flags" in said["reason"]
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "This image is unlike those that the model viability was trained on" in page


@pytest.mark.slow
def test_a_rendered_plate_is_of_the_kind_that_the_network_was_trained_on(tmp_path):
    plate = PlateSettings(height=300, width=300, frames=1, rows=1, columns=2)
    simulate_plate(tmp_path / "plate", settings=plate, seed=77, execution=ALONE)
    images = sorted((tmp_path / "plate" / "images").glob("*_w1.tif"))
    settings = ViabilitySettings.from_values({"spacing_um": "1.3"})
    predict_viability(images, out=tmp_path / "out", settings=settings, execution=ALONE)
    rules = {r["rule"] for r in rows_of(tmp_path / "out/findings.csv")}
    assert "unlike-training" not in rules
