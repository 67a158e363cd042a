"""Label images on disk: matched by name, scored, and what cannot be scored is named."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from fatescope.acquire import read_image, read_labels, read_table, write_labels
from fatescope.base import InputError, Spacing
from fatescope.cli.groups import app
from fatescope.cli.main import load_commands
from fatescope.evaluate import ScoreSettings
from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
from fatescope.systems.labels.evaluate import Grouping, evaluate_label_files
from fatescope.systems.simulation.nuclei import write_nuclei_movie

load_commands()
HALF = np.array([[1, 1, 0, 2], [1, 1, 0, 2]], np.uint8)
ONLY_ONE = np.where(HALF == 1, HALF, 0).astype(np.uint8)


def save(path: Path, labels: np.ndarray, *, axes: str = "YX") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape, dtype = labels.shape, labels.dtype
    write_labels(path, labels, shape=shape, axes=axes, dtype=dtype, spacing=Spacing())
    return path


def run(*words: object):
    return CliRunner().invoke(app, [str(w) for w in words])


@pytest.fixture
def folders(tmp_path):
    """Three images in each folder; c misses an object, and b lies deeper in one of them."""
    for name in "abc":
        save(tmp_path / "true" / f"{name}.tif", HALF)
    save(tmp_path / "pred" / "a.tif", HALF)
    save(tmp_path / "pred" / "deep" / "b.tif", HALF)
    save(tmp_path / "pred" / "c.tif", ONLY_ONE)
    return tmp_path / "true", tmp_path / "pred"


def test_folders_are_matched_by_name_and_pooled(folders):
    result = evaluate_label_files(*folders, ScoreSettings())
    assert result.exit_code == 0
    assert result.scores["n_images"] == 3
    assert result.scores["ap"]["0.50"] == 5 / 6
    assert result.scores["low"] <= 5 / 6 <= result.scores["high"]
    assert result.images["image"].tolist() == ["a", "b", "c"]
    assert result.images["fn_50"].tolist() == [0, 0, 1]


def test_two_files_need_no_common_name(tmp_path):
    true, pred = save(tmp_path / "x.tif", HALF), save(tmp_path / "y.tif", ONLY_ONE)
    assert evaluate_label_files(true, pred, ScoreSettings()).scores["ap"]["0.50"] == 0.5


def test_missing_partners_are_named_and_the_rest_is_scored(folders):
    true, pred = folders
    (pred / "a.tif").unlink()
    save(pred / "zebra.tif", HALF)
    result = evaluate_label_files(true, pred, ScoreSettings())
    assert result.exit_code == 1
    assert "a.tif: no prediction has its name" in result.problems[0]
    assert "zebra.tif" in result.unused[0]
    assert result.scores["n_images"] == 2


def test_what_cannot_be_scored_costs_its_own_file_only(folders):
    true, pred = folders
    save(pred / "a.tif", HALF.T.copy())
    tifffile.imwrite(pred / "c.tif", HALF.astype(np.float32))
    result = evaluate_label_files(true, pred, ScoreSettings())
    assert result.n_files == 1
    assert len(result.problems) == 2
    assert "a.tif: has axes YX and shape (2, 4)" in result.problems[0]
    assert "float32" in result.problems[1]


def test_frames_of_a_movie_are_images_of_one_unit(tmp_path):
    movie = np.stack([HALF, ONLY_ONE])
    true = save(tmp_path / "t.tif", np.stack([HALF, HALF]), axes="TYX")
    result = evaluate_label_files(
        true, save(tmp_path / "p.tif", movie, axes="TYX"), ScoreSettings()
    )
    assert (result.scores["n_images"], result.scores["n_units"]) == (2, 1)
    assert result.scores["low"] is None
    assert result.images["frame"].tolist() == [0, 1]


def test_units_and_strata_come_from_a_table(folders, tmp_path):
    table = tmp_path / "index.csv"
    table.write_text("name,field,type\na,f1,small\nb,f1,small\nc,f2,large\n")
    grouping = Grouping(table=table, unit="field", stratum="type")
    result = evaluate_label_files(*folders, ScoreSettings(), grouping=grouping)
    assert result.scores["n_units"] == 2
    assert result.strata["stratum"].tolist() == ["large", "small"]
    assert result.as_json()["strata"]["large"]["ap_50"] == 0.5
    with pytest.raises(InputError, match="has no column 'well'"):
        evaluate_label_files(*folders, ScoreSettings(), grouping=Grouping(table=table, unit="well"))


def test_the_command_prints_the_document_of_the_contract(folders, tmp_path):
    done = run("evaluate", "labels", *folders, "--json", "--table", tmp_path / "each.csv")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    wanted = "command out units_done units_failed findings seconds peak_memory_mb ap f1"
    wanted += " mean_ap_50_90 ap_per_image pq mean_iou dice seg n_images low high"
    assert list(document)[: len(wanted.split())] == wanted.split()
    assert (document["units_done"], document["units_failed"]) == (3, 0)
    assert len(read_table(tmp_path / "each.csv")) == 3


def test_the_command_speaks_to_people_and_ends_with_the_right_code(folders, tmp_path):
    done = run("evaluate", "labels", *folders)
    first, *others = done.stdout.splitlines()
    assert first.startswith("AP at 0.50 is 0.833 (95 % ")
    assert first.endswith(" over 3 units): 5 predicted objects against 6 true ones in 3 images.")
    assert "AP 0.50 pooled     0.833" in others
    true, pred = folders
    (pred / "a.tif").unlink()
    done = run("evaluate", "labels", true, pred, "--json")
    assert done.exit_code == 1
    assert "a.tif" in done.stderr
    other = save(tmp_path / "other" / "q.tif", HALF)
    assert run("evaluate", "labels", true, other.parent).exit_code == 2
    missing = run("evaluate", "labels", true, tmp_path / "nowhere")
    assert missing.exit_code == 2
    assert "nowhere" in missing.stderr


def test_a_rendered_movie_is_written_with_its_truth(tmp_path):
    wanted = NucleiMovieSettings(frames=3, height=96, width=128)
    summary = write_nuclei_movie(tmp_path / "demo", wanted, seed=5)
    assert (summary.units_done, summary.exit_code) == (1, 0)
    movie = simulate_nuclei(wanted, seed=5)
    image = read_image(tmp_path / "demo" / "nuclei.tif")
    assert image.axes == "TYX"
    assert image.dtype == np.uint16
    assert image.spacing.um("YX") == (0.3, 0.3)
    assert image.spacing.interval_min == 5
    np.testing.assert_array_equal(image.read(), movie.pixels)
    labels = read_labels(tmp_path / "demo" / "truth" / "labels" / "nuclei.tif")
    np.testing.assert_array_equal(labels.read(), movie.labels)
    spots = read_table(tmp_path / "demo" / "truth" / "spots.csv")
    assert list(spots)[:7] == ["id", "frame", "z", "y", "x", "radius_um", "parent"]
    np.testing.assert_array_equal(spots["id"], movie.spots["id"])
    parents = [np.nan if p is None else p for p in movie.spots["parent"]]
    np.testing.assert_array_equal(spots["parent"], np.array(parents, dtype=float))


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    words = ("--frames", "2", "--height", "64", "--width", "64", "--seed", "3", "--quiet")
    for name in ("one", "two"):
        assert run("simulate", "nuclei", "--out", tmp_path / name, *words).exit_code == 0
    for part in ("nuclei.tif", "truth/labels/nuclei.tif", "truth/spots.csv"):
        assert (tmp_path / "one" / part).read_bytes() == (tmp_path / "two" / part).read_bytes()
    again = run("simulate", "nuclei", "--out", tmp_path / "one", *words)
    assert again.exit_code == 0


def test_a_rendered_truth_scores_one_against_itself(tmp_path):
    wanted = NucleiMovieSettings(frames=2, height=96, width=96)
    write_nuclei_movie(tmp_path, wanted, seed=1)
    folder = tmp_path / "truth" / "labels"
    done = run("evaluate", "labels", folder, folder, "--json")
    assert json.loads(done.stdout)["mean_ap_50_90"] == 1


@pytest.mark.parametrize("wrong", ["true", "pred"])
def test_an_image_given_for_a_label_image_is_refused(tmp_path, wrong):
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:80, :80]
    cells = (90 + 60 * np.sin(y / 7) * np.sin(x / 7) + rng.normal(0, 3, (80, 80))).astype("uint8")
    labels = (1 + (y // 20) * 4 + x // 20).astype(np.uint8)
    for name in ("true", "pred"):
        save(tmp_path / name / "a.tif", cells if name == wrong else labels)
    result = evaluate_label_files(tmp_path / "true", tmp_path / "pred", ScoreSettings())
    assert result.exit_code == 2
    (problem,) = result.problems
    assert f"{wrong}/a.tif: looks like an image, not like labels" in problem


def test_small_touching_objects_are_labels(tmp_path):
    y, x = np.mgrid[:40, :40]
    crowded = (1 + (y // 3) * 14 + x // 3).astype(np.uint16)
    path = save(tmp_path / "a.tif", crowded)
    assert evaluate_label_files(path, path, ScoreSettings()).scores["ap"]["0.50"] == 1
