"""The whole way: images and labels, samples, fit, package; and what is refused on it."""

import csv
import json
import resource
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from PIL import Image
from tests.app.browsing import needs_chromium
from tests.pages.looking import reads_well

from fatescope.base import InputError, ModelError
from fatescope.models import check_model, load_model, read_package
from fatescope.models.inputs import PERCENTILES
from fatescope.predict.normalise import normalise_plane
from fatescope.prepare import PairSettings, read_plane, read_samples, unit_hash
from fatescope.systems.training.plan import plan_training
from fatescope.systems.training.train import prepare_pairs, train_model
from fatescope.train import InstanceRecipe, LeaveOut

RECIPE_FILE = """
name = "tiny"
task = "instances"
network.widths = [8, 8, 16, 16]
crops.size_px = 64
fit = {steps = 40, batch = 2, steps_per_epoch = 20, validate_every = 1, learning_rate = 0.01}
"""
RECIPE = tomllib.loads(RECIPE_FILE)


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def movie(tmp_path, pairs):
    """Two embryos of 20 frames; each image is its own."""
    rng = np.random.default_rng(0)
    for unit in ("e1", "e2", "e3"):
        for t in range(3):
            for kind in ("raw", "truth"):
                folder = tmp_path / kind
                folder.mkdir(exist_ok=True)
                pixels = rng.integers(0, 255, (64, 64)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{unit}_t{t}.png")
    return tmp_path


def pattern_settings(folder, **more):
    return PairSettings(
        images=str(folder / "raw/*.png"),
        labels=str(folder / "truth/*.png"),
        unit="{unit}_t{frame}",
        validation=0.33,
        test=0.33,
        **more,
    )


def test_pairs_are_written_divided_and_recorded(movie):
    summary = prepare_pairs([], out=movie / "pairs", settings=pattern_settings(movie))
    assert (summary.units_done, summary.exit_code) == (1, 0)
    rows = rows_of(movie / "pairs" / "samples.csv")
    assert list(rows[0])[:6] == ["image", "labels", "unit", "frame", "split", "role"]
    assert len(rows) == 9
    sides = {r["unit"]: r["split"] for r in rows}
    assert sorted(sides.values()) == ["test", "train", "validation"]
    assert all((movie / "pairs" / r["image"]).is_file() for r in rows)
    record = json.loads((movie / "pairs" / "run.json").read_text())
    assert record["command"] == "prepare pairs"
    said = "3 for training (1 unit), 3 for validation (1 unit), 3 for test (1 unit)"
    assert summary.as_lines()[-1] == f"samples: {said}"
    assert summary.as_json()["sets"]["test"] == {"samples": 3, "units": 1}


def test_a_leak_is_refused_with_the_pair_named_and_nothing_is_written(movie):
    (movie / "raw" / "e2_t1.png").write_bytes((movie / "raw" / "e1_t0.png").read_bytes())
    with pytest.raises(InputError, match=r"e1_t0\.png and .*e2_t1\.png \(identical, 1\.00\)"):
        prepare_pairs([], out=movie / "pairs", settings=pattern_settings(movie))
    assert not (movie / "pairs").exists()


def test_the_preview_is_drawn_when_asked_for(movie):
    prepare_pairs([], out=movie / "pairs", settings=pattern_settings(movie, preview=True))
    with Image.open(movie / "pairs" / "preview.png") as sheet:
        assert sheet.size[0] > 500
    assert not list((movie / "pairs").glob("preview-*.png"))


def test_fifty_versions_of_one_image_are_drawn_on_request(movie):
    prepare_pairs([], out=movie / "a", settings=pattern_settings(movie))
    name = next(r["image"] for r in rows_of(movie / "a" / "samples.csv") if r["split"] == "train")
    stem = name.rsplit("/", 1)[-1].removesuffix(".png")
    prepare_pairs([], out=movie / "b", settings=pattern_settings(movie, preview_of=stem))
    assert [p.name for p in (movie / "b").glob("preview*")] == [f"preview-{stem}.png"]
    with pytest.raises(InputError, match=r"0 training images have this name.*names: e\d_t0"):
        prepare_pairs([], out=movie / "c", settings=pattern_settings(movie, preview_of="e9_t9"))
    assert not (movie / "c").exists()


@pytest.mark.slow
def test_the_command_line_does_the_same(movie):
    call = [sys.executable, "-m", "fatescope", "prepare", "pairs", "--json"]
    call += ["--images", str(movie / "raw/*.png"), "--labels", str(movie / "truth/*.png")]
    call += ["--unit", "{unit}_t{frame}", "--validation", "0.33", "--test", "0.33"]
    done = subprocess.run([*call, "--out", str(movie / "p")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["command"] == "prepare pairs"
    assert rows_of(movie / "p" / "samples.csv")
    done = subprocess.run(
        [sys.executable, "-m", "fatescope", "train", "nothing", "--data", ".", "--out", "x"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "error: there is no recipe 'nothing'" in done.stderr


@pytest.fixture(scope="module")
def trained(pairs, tmp_path_factory):
    pytest.importorskip("nncf")
    pytest.importorskip("onnxruntime")
    out = tmp_path_factory.mktemp("trained") / "out"
    return out, train_model(InstanceRecipe.from_values(RECIPE), data=pairs, out=out)


@pytest.mark.slow
def test_the_plan_of_a_training_is_what_the_command_then_costs(pairs, tmp_path):
    """Imports are a part of what a user pays, so each is a process of its own."""
    pytest.importorskip("nncf")
    pytest.importorskip("onnxruntime")
    (tmp_path / "tiny.toml").write_text(RECIPE_FILE)
    call = [sys.executable, "-m", "fatescope", "train", "tiny.toml", "--data", pairs, "--json"]
    call += ["--out", "out"]
    before = sorted(pairs.iterdir())
    done = subprocess.run([*call, "--plan"], cwd=tmp_path, capture_output=True, check=True)
    plan = json.loads(done.stdout)
    assert sorted(pairs.iterdir()) == before
    assert not (tmp_path / "out").exists()
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, check=True)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = json.loads(done.stdout)  # and nothing else
    spent = ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime
    assert spent / 2 < plan["cpu_seconds"] < 2 * spent
    assert plan["peak_memory_mb"] == pytest.approx(summary["peak_memory_mb"], rel=0.3)
    written = [p.stat().st_size for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert plan["output_mb"] == pytest.approx(sum(written) / 1e6, rel=0.3)


def test_a_plan_counts_the_trainings_of_the_units_left_out(pairs):
    recipe = InstanceRecipe.from_values(RECIPE)
    assert plan_training([recipe], data=pairs).units == 1
    assert plan_training([recipe], data=pairs, leave_out=LeaveOut(leave_out="made")).units == 7


@pytest.mark.slow
def test_training_ends_in_a_package_that_passes_its_own_check(trained, pairs):
    out, summary = trained
    assert summary.exit_code == 0
    assert "Too short to say" in (out / "report.html").read_text()
    assert (out / "verdict.txt").read_text().startswith("Too short to say")
    check = check_model(out / "package")
    assert set(check.differences) == {"fp32", "int8"}
    assert check.passed, check
    assert check.size_mb < 8
    card = (out / "package" / "card.md").read_text(encoding="utf-8")
    assert f"`fatescope train {RECIPE['name']}.toml --data DIR --out DIR`" in card


@pytest.mark.slow
@needs_chromium
def test_the_page_of_a_training_reads_well(trained):
    reads_well(trained[0] / "report.html")


@pytest.mark.slow
def test_the_package_lists_what_it_saw_and_nothing_else(trained, pairs):
    package = read_package(trained[0] / "package")
    seen = {s.unit for s in read_samples(pairs, splits=["train", "validation"])}
    test = {s.unit for s in read_samples(pairs, splits=["test"])}
    listed = set(package.description.training.units_seen)
    assert listed == {unit_hash(u) for u in seen}
    assert not listed & {unit_hash(u) for u in test}
    assert package.description.training.n_images == 8


@pytest.mark.slow
def test_the_card_tells_held_out_numbers_and_their_limits(trained):
    out, _ = trained
    card = (out / "package" / "card.md").read_text()
    for words in ("Held-out score", "| all | 1 |", "int8", "do not cover", "seed 0", "CPU-minutes"):
        assert words in card
    scores = read_package(out / "package").description.training.scores
    assert f"{scores['ap_50']:.3f}" in card


@pytest.mark.slow
def test_int8_is_close_to_f32(trained):
    out, _ = trained
    plane = read_package(out / "package").tensor("test_input.npy")
    exact = load_model(out / "package", precision="fp32").run(plane)
    small = load_model(out / "package", precision="int8").run(plane)
    assert 0 < np.abs(exact - small).mean() < 0.02


@pytest.mark.slow
def test_a_finished_training_is_not_done_again_and_can_be_the_start_of_another(
    trained, pairs, tmp_path
):
    out, _ = trained
    before = (out / "package" / "rdf.yaml").read_bytes()
    train_model(InstanceRecipe.from_values(RECIPE), data=pairs, out=out)
    assert (out / "package" / "rdf.yaml").read_bytes() == before
    from fatescope.train import fit_recipe

    more = InstanceRecipe.from_values(
        {**RECIPE, "fit": {**RECIPE["fit"], "steps": 20, "learning_rate": 1e-4}}
    )
    scratch = fit_recipe(more, data=pairs, out=tmp_path / "scratch")
    further = fit_recipe(more, data=pairs, out=tmp_path / "more", start=out / "package")
    assert further.history[0]["loss"] < scratch.history[0]["loss"]
    other = InstanceRecipe.from_values({**RECIPE, "network": {"widths": (8, 8, 8, 8)}})
    with pytest.raises(ModelError, match="belong to another network"):
        fit_recipe(other, data=pairs, out=tmp_path / "other", start=out / "package")


@pytest.mark.slow
def test_the_images_it_was_trained_on_are_as_expected_and_a_negative_is_not(trained, pairs):
    from fatescope.models.guard import check_input, describe_input

    description = read_package(trained[0] / "package").description
    assert set(description.image.expected) >= {"ground", "lean", "share_1px"}
    for sample in read_samples(pairs, splits=["test"]):
        plane = normalise_plane(read_plane(sample.image), percentiles=PERCENTILES)
        assert check_input(describe_input(plane), description) == []
        assert check_input(describe_input(1 - plane), description)
