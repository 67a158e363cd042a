"""The published recipe does what was published, faults included."""

import hashlib

import numpy as np
import pytest

pytest.importorskip("segmentation_models_pytorch")
pytest.importorskip("albumentations")

from fatescope.base import ModelError
from fatescope.prepare import read_samples
from fatescope.train import LibraryNetwork, fit_published_nuclei, threshold_instances
from fatescope.train.published_nuclei import joint_transform


def test_picture_and_mask_move_together_and_noise_is_for_the_picture_alone():
    y, x = np.mgrid[:96, :96]
    labels = (((y - 30) / 16) ** 2 + ((x - 55) / 10) ** 2 < 1).astype(np.float32) * 7
    transform = joint_transform(96, seed=1)
    moved, noisy = 0, 0
    for _ in range(12):
        done = transform(image=labels / 7, mask=labels)
        assert done["image"].shape == done["mask"].shape == (96, 96)
        assert set(np.unique(done["mask"])) <= {0.0, 7.0}
        inside, true = done["image"] > 0.5, done["mask"] > 0
        assert (inside & true).sum() > 0.85 * (inside | true).sum()
        moved += (done["mask"] != labels).any()
        noisy += len(np.unique(done["image"])) > 1000
    assert moved > 6
    assert 0 < noisy < 12


def test_touching_nuclei_are_one_in_such_a_map():
    probability = np.zeros((20, 20), np.float32)
    probability[5:15, 2:10] = probability[5:15, 10:18] = 0.9
    probability[0, 0] = 0.2
    assert threshold_instances(probability, threshold=0.5).max() == 1
    assert threshold_instances(probability, threshold=0.1).max() == 2


def test_the_same_seed_gives_the_same_network_and_the_map_has_the_grid_of_the_picture(pairs):
    samples = read_samples(pairs, splits=["train"])[:3]
    plan = {"epochs": 3, "batches": 2, "batch": 2, "rate": 0.001, "size_px": 64, "seed": 3}
    one, two = (fit_published_nuclei(samples, **plan) for _ in range(2))
    assert one.loss == two.loss
    assert one.training_iou == two.training_iou
    assert len(one.loss) == len(one.iou) == 3
    assert one.loss[-1] < one.loss[0]
    probability = one.probability(np.random.default_rng(0).integers(0, 99, (50, 80)))
    assert probability.shape == (50, 80)
    assert 0 <= probability.min() <= probability.max() <= 1


def test_the_encoder_begins_with_a_file_of_weights_whose_checksum_is_right(pairs, tmp_path):
    import segmentation_models_pytorch as smp
    import torch

    torch.manual_seed(8)
    donor = smp.FPN("resnet18", encoder_weights=None, in_channels=3).encoder
    # As the published file: no counters of batches, and the last layer of a classifier.
    state = {k: v for k, v in donor.state_dict().items() if "num_batches" not in k}
    path = tmp_path / "resnet18.pth"
    torch.save({**state, "fc.weight": torch.zeros(2, 2)}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    plan = {"epochs": 1, "batches": 1, "batch": 1, "rate": 1e-9, "size_px": 64, "seed": 3}
    samples = read_samples(pairs, splits=["train"])[:3]
    given = LibraryNetwork(kind="fpn", encoder="resnet18", weights=str(path), sha256=digest)
    fitted = fit_published_nuclei(samples, **plan, weights=given)
    first = fitted.network.encoder.conv1.weight.detach()
    torch.testing.assert_close(first, state["conv1.weight"].sum(1, keepdim=True), atol=1e-5, rtol=0)
    wrong = given.replace(sha256="0" * 64)
    with pytest.raises(ModelError, match="but 0000"):
        fit_published_nuclei(samples, **plan, weights=wrong)
