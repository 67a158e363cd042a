"""The task of nuclei in space: stacks as pairs, targets, crops, network, export, package."""

import csv

import numpy as np
import pytest
import tifffile
import torch

pytest.importorskip("onnx")
pytest.importorskip("openvino")

from fatescope.acquire import read_image
from fatescope.base import FileFormatError, InputError
from fatescope.models import OpenVinoModel, check_model, read_package
from fatescope.models.outputs import PLANE_MAPS, SOLID_MAPS
from fatescope.predict import open_predictor
from fatescope.prepare import PairSettings, Sample, find_pairs, read_samples
from fatescope.prepare.pixels import read_stack_truth
from fatescope.simulate import CrowdSettings
from fatescope.systems.nuclei.outline import segment_image
from fatescope.systems.nuclei.settings import NucleiSettings
from fatescope.systems.nuclei.training.solid.crops import SolidCropSource
from fatescope.systems.nuclei.training.solid.network import build_solid_network
from fatescope.systems.nuclei.training.solid.settings import SolidNetworkSettings, SolidRecipe
from fatescope.systems.nuclei.training.solid.stacks import (
    load_volumes,
    read_stack,
    solid_target,
    true_diameter,
)
from fatescope.systems.nuclei.training.solid.task import SolidTask
from fatescope.systems.simulation.nuclei import write_crowds
from fatescope.systems.training.train import prepare_pairs, train_model
from fatescope.train import read_recipe
from fatescope.train.export import export_onnx

CROWD = CrowdSettings(count=4, least_diameter_px=16, most_diameter_px=16, side_px=72, planes=10)
SMALL = {
    "network": {"widths": (4, 8, 8)},
    "crops": {"size_px": 32, "planes": 8},
    "fit": {
        "steps": 40,
        "batch": 2,
        "steps_per_epoch": 8,
        "validate_every": 5,
        "learning_rate": 0.01,
        "ema_decay": 0.5,
        "precision": "float32",
    },
}
RECIPE = SolidRecipe.from_values(SMALL)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Four crowds: two to train, one to choose, one to test."""
    root = tmp_path_factory.mktemp("solid")
    write_crowds(root / "crowds", CROWD, seed=3)
    settings = PairSettings(validation=0.25, test=0.25)
    prepare_pairs([root / "crowds"], out=root / "pairs", settings=settings)
    return root / "pairs"


@pytest.fixture(scope="module")
def volumes(pairs):
    return load_volumes(read_samples(pairs, splits=["train"]), recipe=RECIPE)


@pytest.fixture(scope="module")
def trained(pairs, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    return out, train_model(RECIPE, data=pairs, out=out, called="nuclei-3d")


def test_stacks_are_pairs(pairs):
    rows = read_samples(pairs, splits=["train", "validation", "test"])
    assert sorted(s.split for s in rows) == ["test", "train", "train", "validation"]


def test_a_pattern_for_paths_leaves_the_index_of_a_folder_its_own_unit(tmp_path):
    write_crowds(tmp_path / "c", CROWD.replace(count=1), seed=3)
    write_crowds(tmp_path / "worms/a", CROWD.replace(count=1), seed=4)
    settings = PairSettings(
        images=str(tmp_path / "worms/*/images/*.tif"),
        labels=str(tmp_path / "worms/*/truth/labels/*.tif"),
        unit="{unit}/images/*",
    )
    assert {s.unit for s in find_pairs([tmp_path / "c"], settings=settings)} == {
        "c/crowd_0000",
        "a",
    }


def test_distance_is_one_in_the_middle_of_each_nucleus_and_unknown_places_do_not_count():
    truth = np.zeros((5, 9, 20), np.int32)
    truth[1:4, 2:7, 2:7] = 1
    truth[1:4, 2:7, 7:12] = 2  # touches the first
    truth[:, :, 15:] = -1
    foreground, distance, known = solid_target(truth) / 255
    assert foreground.sum() == 150
    assert distance[2, 4, 4] == distance[2, 4, 9] == 1
    assert distance[2, 4, 6] == distance[2, 4, 7] < 0.5  # on both sides of their border
    assert (distance[truth <= 0] == 0).all()
    assert (known == (truth >= 0)).all()
    cut = np.ones((4, 6, 6), np.int32)  # the stack ends, the nucleus does not
    assert (solid_target(cut) == 255).all()
    assert true_diameter(truth[:, :, :15]) == pytest.approx(2 * np.sqrt(25 / np.pi))


def test_labels_of_a_stack_keep_what_its_row_promises(tmp_path):
    labels = np.zeros((3, 8, 8), np.uint8)
    labels[:, 1:4, 1:4], labels[0, 6, 6], labels[0, 7, 1] = 1, 2, 9
    path = tmp_path / "l.tif"
    tifffile.imwrite(path, labels, metadata={"axes": "ZYX"}, ome=True)
    sample = Sample(image=path, labels=path, unit="u", unsure_label=9, least_px=2)
    truth = read_stack_truth(sample)
    assert truth.shape == (3, 8, 8)
    assert truth[1, 2, 2] == 1
    assert truth[0, 6, 6] == truth[0, 7, 1] == -1


def test_planes_and_movies_are_refused_with_what_to_do(tmp_path):
    predictor = open_predictor("nuclei")
    for axes, shape, words in (("YX", (40, 40), "a plane"), ("TYX", (3, 40, 40), "a movie")):
        path = tmp_path / f"{axes}.tif"
        values = np.zeros(shape, np.uint8)
        tifffile.imwrite(path, values, metadata={"axes": axes}, ome=True)
        with pytest.raises((InputError, FileFormatError), match=f"{words}|one stack"):
            read_stack(Sample(image=path, labels=path, unit="u"), predictor)


def test_each_stack_is_drawn_at_two_sizes_and_its_nuclei_are_where_the_network_saw_them(volumes):
    assert len(volumes) == 4
    assert len({v.shown.shape for v in volumes}) == 4
    for v in volumes:
        inside = v.target[0] > 0
        assert v.shown.shape == v.target.shape
        assert v.shown[0][inside].mean() > 2 * v.shown[0][~inside].mean()


def test_a_crop_depends_on_its_number_alone(volumes):
    source = SolidCropSource(volumes, settings=RECIPE.crops, seed=3)
    shown, target = source.crop(7)
    again = SolidCropSource(volumes, settings=RECIPE.crops, seed=3).crop(7)
    assert np.array_equal(shown, again[0])
    assert np.array_equal(target, again[1])
    assert shown.shape == target.shape == (3, 8, 32, 32)
    assert not np.array_equal(shown, source.crop(8)[0])
    large = RECIPE.crops.replace(size_px=256, planes=64)
    shown, target = SolidCropSource(volumes, settings=large, seed=3).crop(0)
    assert shown.shape == (3, 64, 256, 256)
    assert (target[:, target[2] == 0] == 0).all(), "what lies beyond a stack does not count"


def test_kinds_of_stacks_are_shown_as_often_as_their_balance_says(volumes):
    from dataclasses import replace

    several = [*volumes[:3], replace(volumes[3], kind="rare")]
    alike = SolidCropSource(several, settings=RECIPE.crops.replace(balance=0), seed=0)
    by_count = SolidCropSource(several, settings=RECIPE.crops.replace(balance=1), seed=0)
    assert alike._share[3] == pytest.approx(0.5)
    assert by_count._share[3] == pytest.approx(0.25)


def test_pixels_are_folded_and_sorted_back_as_they_were():
    from fatescope.systems.nuclei.training.solid.network import _folded, _sorted

    x = torch.arange(2 * 3 * 4 * 6 * 8).reshape(2, 3, 4, 6, 8)
    assert torch.equal(_sorted(_folded(x)), x)
    planes = torch.nn.functional.pixel_unshuffle(x[:, :, 1], 2)
    assert torch.equal(_folded(x)[:, :, 1], planes)


def test_the_exported_network_gives_what_torch_gives_for_stacks_of_any_size():
    import openvino

    network = build_solid_network(SolidNetworkSettings(), seed=1).eval()
    graph = export_onnx(network, n_inputs=len(PLANE_MAPS), space="ZYX")
    compiled = openvino.Core().compile_model(
        openvino.Core().read_model(graph), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    for lengths in ((4, 8, 8), (20, 40, 24)):
        x = np.random.default_rng(0).random((1, 3, *lengths), np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(x)).numpy()
        assert expected.shape == (1, len(SOLID_MAPS), *lengths)
        np.testing.assert_allclose(compiled(x)[0], expected, atol=1e-3)


def test_training_writes_a_package_that_is_checked_and_its_loss_falls(trained):
    out, done = trained
    assert done.kept == ""
    with (out / "log.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[-1]["loss"]) < 0.9 * float(rows[0]["loss"])
    assert 0 <= float(rows[-1]["f1_50"]) <= float(rows[-1]["f1_30"]) <= 1
    assert "the rule" in (out / "report.html").read_text()
    description = read_package(out / "package").description
    assert description.task == "nuclei-3d"
    assert description.image.channels == PLANE_MAPS
    assert description.instances.channels == SOLID_MAPS
    assert description.image.tiling.divisor == (4, 8, 8)
    assert description.training.n_images == 3
    assert len(description.training.units_seen) == 3
    assert {"f1_30", "f1_50", "f1_50_rule"} < set(description.training.scores)
    check = check_model(out / "package")
    assert check.passed, check
    assert check.size_mb < 8
    card = read_package(out / "package").files["card.md"].decode()
    assert "this network" in card
    assert "the rule alone" in card
    assert "## Validation units" in card


def test_the_package_divides_a_stack_where_its_path_is_given(trained, pairs):
    (sample,) = read_samples(pairs, splits=["test"])
    settings = NucleiSettings(model=str(trained[0] / "package"))
    found = segment_image(read_image(sample.image), settings)
    assert found.labels.shape == read_stack_truth(sample).shape
    assert any(f.rule == "solid-nuclei" for f in found.findings)


def test_a_training_goes_on_from_the_package_and_begins_as_the_same_network(
    trained, pairs, tmp_path
):
    out, _ = trained
    again = RECIPE.replace(fit={**SMALL["fit"], "steps": 1, "learning_rate": 1e-9})
    train_model(again, data=pairs, out=tmp_path / "more", start=out / "package")
    first, second = (read_package(p / "package") for p in (out, tmp_path / "more"))
    x = first.tensor("test_input.npy")
    before, after = (OpenVinoModel(p, precision="fp32", threads=1).run(x) for p in (first, second))
    assert np.abs(before - after).mean() < 0.02
    assert "It went on from `nuclei-3d`" in second.files["card.md"].decode()


def test_shipped_recipes_of_stacks_are_of_this_task():
    full, adapted = read_recipe("nuclei-3d"), read_recipe("adapt-3d")
    assert isinstance(full, SolidRecipe)
    assert (full.fit.steps, full.fit.batch, full.fit.learning_rate) == (2400, 4, 0.003)
    assert isinstance(adapted, SolidRecipe)
    assert adapted.network == full.network
    assert adapted.fit.steps < full.fit.steps
    assert adapted.fit.batch == 4, "a recipe that says steps keeps what else is usual here"


def test_without_stacks_the_training_says_what_is_missing(tmp_path):
    from fatescope.prepare import write_samples

    write_samples(tmp_path / "samples.csv", [])
    with pytest.raises(InputError, match="no stack to learn from"):
        SolidTask(RECIPE, data=tmp_path).batch(0, 1)
