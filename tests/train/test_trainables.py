"""The task of a recipe decides its class, its training, its scores and its package."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch

from fatescope.base import SettingsError, setting
from fatescope.models import ImageInput, ModelDescription, write_package
from fatescope.models.outputs import PixelClasses
from fatescope.prepare import read_label_plane, read_plane, read_samples
from fatescope.systems import registry
from fatescope.systems.description import Description, Trains
from fatescope.systems.training.plan import plan_training
from fatescope.systems.training.train import Asked, Material, train_model
from fatescope.systems.training.variants import train_variants
from fatescope.train import (
    LeaveOut,
    TuneSettings,
    export_onnx,
    fit_recipe_trial,
    parse_recipe,
)
from fatescope.train.recipe_settings import Recipe

VALUES = {
    "name": "glow",
    "summary": "Says which pixels glow.",
    "task": "glow",
    "fit": {"steps": 12, "batch": 2, "steps_per_epoch": 6, "validate_every": 1},
    "variants": {"slow": {"fit": {"learning_rate": 1e-5}}},
}


class GlowRecipe(Recipe):
    """One number more than every recipe has."""

    side_px: int = setting(64, "side of a crop", unit="px", ge=8)


class GlowTask:
    def __init__(self, stage, data):
        self.seed, self._side = stage.seed, stage.side_px
        self._training, self._validation = (
            [(read_plane(s.image) / 255, read_label_plane(s.labels) > 0) for s in rows]
            for rows in (read_samples(data, splits=[side]) for side in ("train", "validation"))
        )

    def build(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.Softmax(1))

    def batch(self, step, size):
        chosen = [self._training[(step + i) % len(self._training)] for i in range(size)]
        crops = [[v[: self._side, : self._side] for v in pair] for pair in chosen]
        images, glowing = (np.stack(v) for v in zip(*crops, strict=True))
        return torch.from_numpy(images[:, None].astype(np.float32)), torch.from_numpy(glowing)

    def loss(self, network, batch):
        image, glowing = batch
        return {"loss": torch.nn.functional.nll_loss(network(image).log(), glowing.long())}

    def validate(self, network):
        with torch.no_grad():
            right = [
                (network(torch.from_numpy(i[None, None].astype(np.float32)))[0, 1].numpy() > 0.5)
                == g
                for i, g in self._validation
            ]
        return {"accuracy": float(np.mean(right))}


class Glow:
    scores: ClassVar = {"accuracy": "share of pixels that are right"}
    metric = "accuracy"
    scored_on = "All pixels of the validation images."

    def inherit(self, recipe, start):
        return recipe

    def build_task(self, stage, *, data):
        return GlowTask(stage, data)

    def write_package(self, made):
        network, recipe = made.network, made.recipe
        image = np.zeros((1, 1, 64, 64), np.float32)
        with torch.no_grad():
            output = network(torch.from_numpy(image)).numpy()
        return write_package(
            made.folder,
            description=ModelDescription(
                name=recipe.name,
                summary=recipe.summary,
                task=recipe.task,
                input=ImageInput(diameter_px=20),
                output=PixelClasses(channels=("dark", "glow")),
            ),
            files={"model.onnx": export_onnx(network)},
            test_input=image,
            test_output=output,
            card="-",
        )


GLOW = Glow()


@pytest.fixture(autouse=True)
def _glow(monkeypatch):
    where = Trains(recipe=f"{__name__}:GlowRecipe", trainable=f"{__name__}:GLOW")
    module = SimpleNamespace(DESCRIPTION=Description(trains={"glow": where}))
    monkeypatch.setitem(sys.modules, "fatescope.systems.glow.description", module)
    monkeypatch.setattr(registry, "FOLDERS", [*registry.FOLDERS, "glow"])


def test_the_task_of_a_recipe_decides_which_settings_it_may_have():
    assert parse_recipe({**VALUES, "side_px": 32}).side_px == 32
    with pytest.raises(SettingsError, match="side_px"):
        parse_recipe({"name": "nuclei", "side_px": 32})
    with pytest.raises(SettingsError, match="crops"):
        parse_recipe({**VALUES, "crops": {"size_px": 64}})


def test_a_task_is_planned_trained_and_packaged_by_the_one_command(pairs, tmp_path):
    recipe = parse_recipe(VALUES)
    plan = plan_training([recipe], data=pairs)
    assert plan.units == 1
    assert plan.cpu_seconds > 0
    trained = train_model(recipe, data=pairs, out=tmp_path / "glow")
    assert trained.kept == ""
    assert "glow" in (tmp_path / "glow/package/rdf.yaml").read_text()
    page = (tmp_path / "glow/report.html").read_text()
    assert "share of pixels that are right" in page
    assert "All pixels of the validation" in page


def test_variants_of_a_task_are_ranked_by_its_own_score(pairs, tmp_path):
    done = train_variants(
        Asked(recipe=parse_recipe(VALUES), out=tmp_path), ["recipe", "slow"], Material(data=pairs)
    )
    assert set(done.as_json()["variants"]) == {"recipe", "slow"}
    assert list(done.table.columns) == [
        *("variant", "step", "loss", "accuracy"),
        *("seconds_per_epoch", "reading_seconds_per_epoch"),
    ]
    assert any("share of pixels that are right" in line for line in done.as_lines())


def test_a_trial_is_a_fit_of_the_task_and_follows_its_score(pairs, tmp_path):
    rows = []
    fit_recipe_trial(
        {"fit.batch": 3},
        tmp_path,
        lambda done, total, row: rows.append((done, total, row["validation_score"])),
        recipe=VALUES,
        data=pairs,
        n_samples=6,
        settings=TuneSettings(epochs=2),
    )
    assert [r[:2] for r in rows] == [(2, 4), (4, 4)]
    assert all(0 <= r[2] <= 1 for r in rows)


def test_units_cannot_be_left_out_where_no_sample_has_a_loss(pairs, tmp_path):
    with pytest.raises(SettingsError, match="no loss for a single sample"):
        train_model(
            parse_recipe(VALUES),
            data=pairs,
            out=tmp_path / "x",
            leave_out=LeaveOut(leave_out="all"),
        )
    assert not (tmp_path / "x").exists()
