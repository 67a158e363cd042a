"""Training networks for classes at pixels: weights, uncertain pixels, packages, continuation."""

from __future__ import annotations

import csv
import io
import re
from urllib.parse import unquote

import numpy as np
import pytest
import tifffile
import torch
from tests.app.browsing import needs_chromium
from tests.pages.looking import reads_well
from tests.predict.live_dead import draw_cells

pytest.importorskip("onnx")

from fatescope.acquire import read_table
from fatescope.base import Execution, InputError, SettingsError
from fatescope.evaluate import PixelCounts
from fatescope.models import PixelClasses, check_model, read_package
from fatescope.prepare import FIVE, THREE, UNCERTAIN, CropStoreSettings
from fatescope.systems.training.train import Asked, Material, train_model
from fatescope.systems.training.tune import tune_recipe
from fatescope.systems.training.variants import train_variants
from fatescope.systems.viability.crops import prepare_crops
from fatescope.systems.viability.training.settings import ViabilityRecipe
from fatescope.systems.viability.training.task import VIABILITY, ViabilityTask, score_row
from fatescope.train import (
    RecipeFit,
    StudyExecution,
    TuneSettings,
    choose_variants,
    fit,
    fit_recipe,
    fit_recipes,
    read_recipe,
    read_recipe_values,
    read_space,
    recipe_variant,
)
from fatescope.train.class_labels import merged_classes

SMALL = {
    "network": {"widths": (8, 16, 16, 16), "blocks": (1, 1, 1, 1)},
    "crops": {"size_px": 64, "zoom": (0.9, 1.1)},
    "fit": {"steps": 12, "steps_per_epoch": 4, "batch": 4, "validate_every": 1},
    "validation_planes": 2,
}


def recipe_of(**changes):
    return ViabilityRecipe.from_values({**SMALL, **changes})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Crops of ten wells with living and dead cells, five classes, a stripe of uncertain pixels."""
    folder = tmp_path_factory.mktemp("labelled")
    rows = []
    y, x = np.mgrid[:96, :128]
    for i in range(10):
        rng = np.random.default_rng(i)
        cells = [(cy, cx, rng.random() < 0.4) for cy in (20, 48, 76) for cx in (20, 50, 80, 108)]
        labels = np.zeros((96, 128), np.uint8)
        for cy, cx, dead in cells:
            away = np.hypot(y - cy, x - cx)
            labels[away < 8], labels[away < 5.2] = 1, 4 if dead else 3
        labels[:4] = UNCERTAIN
        name = f"A{i + 1:02d}"
        tifffile.imwrite(folder / f"{name}.tif", draw_cells((96, 128), cells, seed=i))
        tifffile.imwrite(folder / f"{name}_classes.tif", labels)
        row = {"well": name, "field": 1, "frame": 0, "image": f"{name}.tif"}
        rows.append({**row, "labels": f"{name}_classes.tif"})
    with (folder / "index.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    out = tmp_path_factory.mktemp("data") / "crops"
    settings = CropStoreSettings(size_px=80, stride_px=40)
    prepare_crops(folder, out=out, settings=settings, execution=Execution(workers=1))
    return out


def test_the_batch_of_a_step_is_always_the_same(data):
    one, other = (ViabilityTask(recipe_of(), data=data) for _ in range(2))
    for a, b in zip(one.batch(3, 4), other.batch(3, 4), strict=True):
        assert torch.equal(a, b)
    images, classes = one.batch(0, 4)
    assert images.shape == (4, 1, 64, 64)
    assert classes.shape == (4, 64, 64)
    assert set(np.unique(classes)) <= {0, 1, 2, 3, 4, UNCERTAIN}
    assert not torch.equal(images, one.batch(1, 4)[0])


def test_uncertain_pixels_change_no_loss(data):
    task = ViabilityTask(recipe_of(), data=data)
    network = task.build().eval()
    images, classes = task.batch(0, 4)
    before = task.loss(network, (images, classes))["loss"]
    unsure = classes.clone()
    unsure[:, 10:20] = UNCERTAIN
    wrong = unsure.clone()
    assert task.loss(network, (images, unsure))["loss"] != before
    logits = network.logits(images)
    weight = torch.tensor(task.weights)
    known = wrong != UNCERTAIN
    picked = torch.log_softmax(logits, 1).gather(1, wrong.clamp(max=4)[:, None])[:, 0]
    by_hand = -(weight[wrong.clamp(max=4)] * picked)[known].sum() / weight[wrong[known]].sum()
    assert task.loss(network, (images, unsure))["loss"].item() == pytest.approx(
        by_hand.item(), rel=1e-4
    )


def test_rare_classes_weigh_more_unless_the_recipe_says_otherwise(data):
    weights = ViabilityTask(recipe_of(), data=data).weights
    assert weights[0] < weights[1]
    assert weights[0] < min(weights[3:])
    even = ViabilityTask(recipe_of(loss={"balance": 0.0}), data=data).weights
    assert even == pytest.approx([1.0] * 5)
    given = (1.0, 2.0, 3.0, 4.0, 5.0)
    assert ViabilityTask(recipe_of(loss={"weights": given}), data=data).weights == given
    with pytest.raises(SettingsError, match="2 of 5 weights"):
        ViabilityTask(recipe_of(loss={"weights": (1.0, 2.0)}), data=data)


def test_an_epoch_logs_seven_numbers_of_each_class_and_they_are_right(data):
    truth = np.repeat(np.array([0, 0, 1, 2], np.uint8), 5)[None]
    maps = np.zeros((3, *truth.shape), np.uint8)
    maps[0], maps[1, :, 10:15], maps[2, :, 15:] = 51, 204, 102  # 0.2, 0.8, 0.4
    maps[0, :, 15:] = 153  # dead ones are called background, with 0.6
    row = score_row(PixelCounts.of_plane(maps, truth), THREE)
    assert row["loss_live"] == pytest.approx(-np.log(0.8))
    assert row["loss_dead"] == pytest.approx(-np.log(0.4))
    assert (row["accuracy_live"], row["accuracy_dead"], row["accuracy"]) == (1.0, 0.75, 0.75)
    task = ViabilityTask(recipe_of(), data=data)
    logged = task.validate(task.build().eval())
    for name in ("background", "live", "dead"):  # what a fresh network never says has no precision
        assert {f"{c}_{name}" for c in ("loss", "auprc", "auroc", "recall", "accuracy")} <= set(
            logged
        )


def test_five_classes_can_be_trained_as_three():
    names, table = merged_classes(FIVE, "three")
    assert names == THREE
    assert table[[0, 1, 2, 3, 4, UNCERTAIN]].tolist() == [0, 0, 0, 1, 2, UNCERTAIN]
    assert merged_classes(("a", "b"), "all")[0] == ("a", "b")
    with pytest.raises(SettingsError, match="'three' needs"):
        merged_classes(("a", "b"), "three")


def test_a_fit_that_is_stopped_continues_to_the_same_weights(data, tmp_path):
    recipe = recipe_of()
    task = ViabilityTask(recipe, data=data)
    whole = fit(task, recipe.fit, folder=tmp_path / "whole")

    class StoppedError(Exception):
        pass

    def stop(done, *_):
        if done == 8:
            raise StoppedError

    with pytest.raises(StoppedError):
        fit(task, recipe.fit, folder=tmp_path / "parts", report=stop)
    parts = fit(ViabilityTask(recipe, data=data), recipe.fit, folder=tmp_path / "parts")
    for a, b in zip(whole.network.parameters(), parts.network.parameters(), strict=True):
        assert torch.equal(a, b)
    row = whole.history[-1]
    for column in ("auprc_dead", "auroc_live", "precision_live", "recall_dead", "f1_dead"):
        assert 0 <= row[column] <= 1
    assert set(VIABILITY.scores) - set(row) == set()
    assert VIABILITY.metric in row


VARIANTS = {
    "sgd": {"fit": {"optimizer": "sgd", "learning_rate": 0.05}},
    "three": {"classes": "three"},
    "even": {"loss": {"balance": 0.0}},
    "wide": {"network": {"widths": (16, 16, 16, 16)}},
    "seed-1": {"seed": 1},
}


@pytest.mark.slow
def test_variants_see_one_stream_and_get_the_weights_that_each_gets_alone(
    data, tmp_path, monkeypatch
):
    recipe = recipe_of(variants=VARIANTS)
    recipes = choose_variants(recipe, ["recipe", *VARIANTS])
    alone = {n: fit_recipe(r, data=data, out=tmp_path / "a" / n) for n, r in recipes.items()}
    asked = []
    read = ViabilityTask.batch

    def counted(self, step, size):
        asked.append((self.seed, step))
        return read(self, step, size)

    monkeypatch.setattr(ViabilityTask, "batch", counted)
    fits = [RecipeFit(recipe=r, data=data, out=tmp_path / n) for n, r in recipes.items()]
    for name, found in zip(recipes, fit_recipes(fits), strict=True):
        assert found.history == alone[name].history
        pairs = zip(found.network.parameters(), alone[name].network.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    assert sorted(asked) == [(seed, step) for seed in (0, 1) for step in range(12)]


@pytest.mark.slow
def test_training_ends_in_a_package_that_predicts(data, tmp_path):
    recipe = recipe_of(fit={**SMALL["fit"], "steps": 60, "learning_rate": 0.01}, limits="None.")
    trained = train_model(recipe, data=data, out=tmp_path / "out")
    assert trained.exit_code == 0
    package = read_package(tmp_path / "out" / "package")
    output = package.description.output_as(PixelClasses)
    assert (output.channels, output.live, output.dead) == (FIVE, "live", "dead")
    card = package.files["card.md"].decode()
    for words in ("Held-out score", "AUPRC (95 %)", "live or dead", "None.", "60 steps"):
        assert words in card
    assert check_model(tmp_path / "out" / "package").passed


def drawn_series(page):
    """Return the names of the series of each chart, from the numbers that can be saved."""
    links = re.findall(r'href="data:text/csv;charset=utf-8,([^"]*)"', page)
    tables = [list(csv.reader(io.StringIO(unquote(link)))) for link in links]
    return [{row[0] for row in rows[1:]} for rows in tables]


@pytest.fixture(scope="module")
def varied(data, tmp_path_factory):
    """All variants of the shipped recipe, trained for a few steps."""
    values = {**read_recipe_values("viability"), **SMALL}
    tiny = {v: {**changes} for v, changes in values["variants"].items()}
    recipe = ViabilityRecipe.from_values({**values, "variants": tiny})
    names = ["recipe", *tiny]
    out = tmp_path_factory.mktemp("varied")
    done = train_variants(Asked(recipe=recipe, out=out), names, Material(data=data))
    return out, names, done


@pytest.mark.slow
@needs_chromium
def test_the_page_of_variants_reads_well(varied):
    reads_well(varied[0] / "report.html")


@pytest.mark.slow
def test_the_variants_of_the_shipped_recipe_end_in_one_page_with_the_curves_of_all(varied):
    out, names, done = varied
    assert done.best in names
    assert np.isfinite(done.table["auprc_mean"]).all()
    loss, mean, *_ = drawn_series((out / "report.html").read_text("utf-8"))
    assert loss == mean == set(names)
    for name in names:
        assert (out / name / "report.html").is_file()
        assert read_package(out / name / "package").name == (
            "viability" if name == "recipe" else f"viability-{name}"
        )


def test_the_shipped_recipe_and_its_variants_are_valid():
    recipe = read_recipe("viability")
    assert isinstance(recipe, ViabilityRecipe)
    assert {"sgd-plateau", "sgd-kicks", "adam-warm", "three"} <= set(recipe.variants)
    for name in recipe.variants:
        assert isinstance(recipe_variant(recipe, name), ViabilityRecipe)


@pytest.mark.slow
def test_kicks_are_tuned_on_a_share_of_the_crops_and_no_test_well_is_opened(data, tmp_path):
    recipe = {
        **SMALL,
        "task": "viability",
        "fit": {
            **SMALL["fit"],
            "optimizer": "sgd",
            "schedule": {"kind": "kicks", "metric": "auprc_mean", "period": 4},
        },
    }
    settings = TuneSettings(
        trials=2, epochs=1, share=0.4, search=("fit.schedule.percent=10:100",), prune="none"
    )
    tuned = tune_recipe(
        recipe, data=data, out=tmp_path / "t", settings=settings, execution=StudyExecution()
    )
    assert (tuned.score, tuned.counts) == ("auprc_mean", {"complete": 2})
    assert 10 <= tuned.best["fit.schedule.percent"] <= 100
    whole = read_table(data / "crops.parquet")
    share = read_table(tmp_path / "t" / "data" / "crops.parquet")
    assert set(share["split"]) == {"train", "validation"}
    wells = {s: set(whole["unit"][whole["split"] == s]) for s in ("train", "test")}
    assert set(share["unit"][share["split"] == "train"]) < wells["train"]
    assert not set(share["unit"]) & wells["test"]
    assert not (tmp_path / "t" / "data" / "planes").exists()  # pixels are not copied
    n = int((share["split"] == "train").sum())
    assert read_table(tmp_path / "t" / "trials.csv")["steps"].tolist() == [-(-n // 4)] * 2
    # What comes out is a recipe, and crops of test wells were never needed.
    assert read_recipe(tmp_path / "t" / "best.toml").fit.schedule.kind == "kicks"


def test_the_shipped_search_for_kicks_names_what_the_posts_left_open():
    recipe = read_recipe("viability_kicks")
    assert recipe.fit.schedule.kind == "kicks"
    searched = {s.split("=")[0].rpartition(".")[2] for s in recipe.tune.search}
    assert searched == {"percent", "patience", "floor_ratio", "period"}
    read_space(recipe.tune.search, read_recipe_values("viability_kicks"))


def test_data_without_crops_to_learn_from_are_named(data, tmp_path):
    folder = tmp_path / "crops"
    folder.mkdir()
    for name in ("crops.json", "crops.parquet"):
        (folder / name).write_bytes((data / name).read_bytes())
    from fatescope.acquire import read_table, write_table

    table = read_table(folder / "crops.parquet")
    nothing = np.full(len(table), "test", dtype=object)
    write_table(table.with_columns({"split": nothing}), folder / "crops.parquet")
    with pytest.raises(InputError, match="no crops to learn from"):
        ViabilityTask(recipe_of(), data=folder)
