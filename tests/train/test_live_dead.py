"""Boxes are trained by the one loop, packaged with held-out numbers, and found by the command."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from PIL import Image
from tests.systems.viability.chamber import chamber

import fatescope as fs
from fatescope.base import InputError, SettingsError
from fatescope.models import Boxes, check_model, read_package
from fatescope.prepare import Sample, read_samples, write_samples
from fatescope.systems.live_dead.training.crops import (
    TARGETS,
    BoxCrops,
    box_targets,
    load_box_planes,
)
from fatescope.systems.live_dead.training.loss import box_loss
from fatescope.systems.live_dead.training.network import build_box_network
from fatescope.systems.live_dead.training.scoring import tune_boxes
from fatescope.systems.live_dead.training.task import LiveDeadTask
from fatescope.systems.training.plan import plan_training
from fatescope.systems.training.train import train_model
from fatescope.train import fit, parse_recipe, read_recipe

VALUES = {
    "name": "tiny",
    "task": "live-dead",
    "network": {"widths": [8, 12, 16, 16], "blocks": [0, 1, 1, 0], "head": 16},
    "crops": {"size_px": 96},
    "fit": {"steps": 6, "batch": 4, "steps_per_epoch": 3, "validate_every": 1},
}


@pytest.fixture(scope="module")
def boxed(tmp_path_factory):
    """Twelve rendered images with boxes: six to learn from, three to choose, three to judge."""
    folder = tmp_path_factory.mktemp("boxed")
    samples, rows = [], ["image,x0,y0,x1,y1,class"]
    for i in range(12):
        rng = np.random.default_rng(i)
        cells = [(y, x, bool(rng.random() < 0.5)) for y in (30, 80, 130) for x in (30, 90, 150)]
        cells = [c for c in cells if rng.random() < 0.7]
        Image.fromarray(chamber(cells, (170, 190), seed=i)).save(folder / f"c{i}.png")
        for y, x, dead in cells:
            rows.append(
                f"c{i}.png,{x - 11},{y - 11},{x + 11},{y + 11},{'dead' if dead else 'live'}"
            )
        split = "train" if i < 6 else "validation" if i < 9 else "test"
        sample = Sample(
            image=folder / f"c{i}.png", labels=folder / "boxes.csv", unit=f"u{i}", split=split
        )
        samples.append(
            Sample(**{**{f: getattr(sample, f) for f in sample.__slots__}, "role": "boxes"})
        )
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n")
    write_samples(folder / "samples.csv", samples)
    return folder


def test_the_shipped_recipe_is_read_as_one_of_boxes():
    recipe = read_recipe("live-dead")
    assert (recipe.task, recipe.classes) == ("live-dead", ("live", "dead"))
    with pytest.raises(SettingsError, match="two different words"):
        parse_recipe({**VALUES, "classes": ["dead", "dead"]})
    with pytest.raises(SettingsError, match="then"):
        parse_recipe({**VALUES, "then": []})


def test_targets_say_where_a_box_is_and_where_nothing_is_known():
    known = np.ones((64, 64), bool)
    known[:, 56:] = False
    corners = np.array([[10.0, 8, 30, 32], [-16, 40, 4, 60], [40, 50, 60, 70]])
    target = box_targets(corners, np.array([True, False, False]), known, least_seen=0.35)
    heat, inside, where = target[0], target[6], target[7]
    assert target.shape == (len(TARGETS), 16, 16)
    assert np.argwhere(heat == 1).tolist() == [[4, 4]]
    assert target[1:6, 4, 4].tolist() == [10, 8, 30, 32, 1]
    assert where[:, 14:].max() == 0  # beyond the image
    assert where[0, 10:14].max() == 0  # a fifth of a cell is neither a cell nor none
    assert where[11, 13] == 0  # so is the cell of which a third is seen
    assert (inside[where == 0] == 0).all()


def test_a_crop_follows_from_its_number_alone(boxed):
    recipe = parse_recipe(VALUES)
    samples = read_samples(boxed, splits=["train"])
    planes = load_box_planes(samples, classes=recipe.classes, usual_px=24)
    assert planes[0].diameter_px == 22
    crops = BoxCrops(planes, settings=recipe.crops, seed=1)
    first = [crops.crop(i) for i in range(40)]
    again = BoxCrops(planes, settings=recipe.crops, seed=1)
    for i in (39, 0, 7):
        assert all(np.array_equal(a, b) for a, b in zip(first[i], again.crop(i), strict=True))
    assert {image.shape for image, _ in first} == {(1, 96, 96)}
    assert any(t[0].max() == 0 for _, t in first)  # nothing
    assert any(t[5].max() == 1 for _, t in first)  # dead


def test_a_perfect_answer_costs_less_than_any_other():
    settings = parse_recipe(VALUES).loss
    corners = np.array([[10.0, 8, 30, 32]])
    target = torch.from_numpy(
        box_targets(corners, np.array([True]), np.ones((64, 64), bool), least_seen=0.35)
    )[None]
    y, x = torch.meshgrid(*[(torch.arange(16) + 0.5) * 4] * 2, indexing="ij")
    away = torch.stack([y - 10, x - 8, 30 - y, 32 - x]).clamp(min=0.3) / 12
    logits = torch.cat(
        [(target[:, :1] * 20 - 10), away.log()[None], torch.full((1, 1, 16, 16), 5.0)], 1
    )
    best = box_loss(logits, target, settings=settings)
    assert float(best["box"]) == pytest.approx(0, abs=1e-4)
    for k, change in ((0, -20.0), (2, 1.0), (5, -10.0)):
        worse = logits.clone()
        worse[:, k] += change
        assert box_loss(worse, target, settings=settings)["loss"] > best["loss"] + 0.05


def test_a_killed_fit_continues_to_the_same_weights(boxed, tmp_path):
    recipe = parse_recipe(VALUES)
    whole = fit(LiveDeadTask(recipe, data=boxed), recipe.fit, folder=tmp_path / "whole")

    def stop(done, total, row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(LiveDeadTask(recipe, data=boxed), recipe.fit, folder=tmp_path / "cut", report=stop)
    cut = fit(LiveDeadTask(recipe, data=boxed), recipe.fit, folder=tmp_path / "cut")
    for a, b in zip(whole.network.parameters(), cut.network.parameters(), strict=True):
        assert torch.equal(a, b)
    rows = list(csv.DictReader((tmp_path / "cut" / "log.csv").read_text().splitlines()))
    assert [float(r["step"]) for r in rows] == [3, 6]
    assert "merit" in rows[0]


@pytest.mark.slow
def test_a_package_is_written_checked_and_found_with(boxed, tmp_path):
    recipe = parse_recipe(VALUES)
    assert plan_training([recipe], data=boxed).cpu_seconds > 0
    train_model(recipe, data=boxed, out=tmp_path / "out")
    folder = tmp_path / "out" / "package"
    assert check_model(folder).passed
    package = read_package(folder)
    assert package.description.output_as(Boxes).channels[-2:] == ("live", "dead")
    assert package.description.training.n_images == 9
    card = package.files["card.md"].decode()
    assert "3 images of 3 units" in card
    assert "F1 of detection" in card
    settings = fs.LiveDeadSettings(model=str(folder), least_score=0.0)
    found = fs.find_live_dead(chamber([(40, 40, 0)], (100, 100)), settings=settings)
    assert set(found.objects["state"].tolist()) <= {"live", "dead"}


def test_the_exported_network_is_the_one_that_was_trained(boxed, tmp_path):
    from fatescope.models import ModelPackage, OpenVinoModel
    from fatescope.systems.live_dead.training.package import describe_boxes
    from fatescope.train.export import export_onnx, weights_bytes

    recipe = parse_recipe(VALUES)
    network = build_box_network(recipe.network, seed=3).eval()
    files = {
        "model.onnx": export_onnx(network, form="boxes"),
        "weights.safetensors": weights_bytes(network),
    }
    package = ModelPackage(describe_boxes(recipe), files, "", tmp_path)
    model = OpenVinoModel(package, precision="fp32", threads=1)
    for shape in ((64, 96), (128, 64)):
        batch = np.random.default_rng(0).normal(size=(1, 1, *shape)).astype(np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(batch)).numpy()
        given = model.run(batch)
        assert given.shape == (1, shape[0] * shape[1] // 16, 7)
        assert np.allclose(given, expected, atol=0.05)


@pytest.mark.slow
def test_the_temperature_makes_too_sure_answers_milder(boxed):
    from fatescope.predict import FoundBoxes
    from fatescope.systems.live_dead.training.scoring import Proposed

    rng = np.random.default_rng(0)
    true = np.array([[20.0 * i, 0, 20 * i + 10, 10] for i in range(200)])
    dead = rng.random(200) < 0.5
    right = rng.random(200) < 0.8
    p = np.where(dead == right, 0.999, 0.001)
    found = FoundBoxes(true, np.full(200, 0.9), np.stack([1 - p, p], axis=1))
    sample = read_samples(boxed, splits=["train"])[0]
    output = Boxes(channels=("y0", "x0", "y1", "x1", "score", "live", "dead"))
    chosen = tune_boxes([Proposed(sample, found, true, dead)], output)
    assert chosen.temperature > 3


def test_labels_that_are_no_boxes_are_refused(boxed, pairs, tmp_path):
    recipe = parse_recipe(VALUES)
    with pytest.raises(InputError, match="role is instances"):
        LiveDeadTask(recipe, data=pairs).batch(0, 1)
    with pytest.raises(InputError, match="class 'dead' is none of alive, gone"):
        LiveDeadTask(recipe.replace(classes=("alive", "gone")), data=boxed).batch(0, 1)
