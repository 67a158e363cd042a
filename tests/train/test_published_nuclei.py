"""The published recipe does what was published, faults included."""

import hashlib

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("segmentation_models_pytorch")
pytest.importorskip("albumentations")

from fatescope.base import ModelError
from fatescope.prepare import Sample, read_samples
from fatescope.systems.nuclei.training.published import (
    PublishedNucleiTask,
    augmented_pairs,
    fit_published_nuclei,
    nuclei_transform,
    scale,
    threshold_instances,
)
from fatescope.systems.reproduction.settings import NucleiRecipe


def test_the_transform_is_that_of_2020():
    transform = nuclei_transform(256, shortest_px=400, seed=1)
    steps = {type(t).__name__: t for t in transform.transforms}
    assert list(steps) == [
        "GridDistortion",
        "Transpose",
        "VerticalFlip",
        "HorizontalFlip",
        "RandomRotate90",
        "RandomBrightnessContrast",
        "RandomSizedCrop",
        "Resize",
    ]
    assert [t.p for t in steps.values()] == [0.5] * 6 + [0.3, 1]
    assert steps["RandomSizedCrop"].min_max_height == (350, 400)
    assert steps["RandomSizedCrop"].size == (256, 256)


@pytest.mark.parametrize("shape", [(400, 493), (120, 90)])
def test_image_and_mask_move_together_whatever_their_size(shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    middle = shape[0] / 3, shape[1] / 2
    labels = ((y - middle[0]) ** 2 + 2 * (x - middle[1]) ** 2 < (shape[1] / 4) ** 2) * np.float32(7)
    transform = nuclei_transform(96, shortest_px=min(shape), seed=1)
    still = cv2.resize(labels, (96, 96), interpolation=cv2.INTER_NEAREST)
    moved = 0
    for _ in range(20):
        done = transform(image=labels / 7, mask=labels)
        assert done["image"].shape == done["mask"].shape == (96, 96)
        assert set(np.unique(done["mask"])) <= {0.0, 7.0}
        values = np.unique(np.round(done["image"], 3))
        inside, true = done["image"] > (values.min() + values.max()) / 2, done["mask"] > 0
        assert (inside & true).sum() > 0.85 * (inside | true).sum()
        moved += (done["mask"] != still).any()
    assert moved > 10


def test_intensities_of_8_bit_are_divided_by_255_as_published():
    pixels = np.array([[0, 51, 255]], np.uint8)
    np.testing.assert_allclose(scale(pixels), [[0, 0.2, 1]])
    assert scale(np.array([[100, 4000, 60000]], np.uint16)).max() < 1.1


def test_augmented_pairs_are_squares_and_all_that_is_not_0_is_foreground(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (80, 90)).astype(np.uint8)).save(tmp_path / "i.png")
    faint = np.zeros((80, 90), np.uint8)
    faint[20:60, 30:60] = 1
    Image.fromarray(faint).save(tmp_path / "l.png")
    sample = Sample(image=tmp_path / "i.png", labels=tmp_path / "l.png", unit="u")
    pairs = augmented_pairs(sample, 3, size_px=64, seed=1)
    assert [image.shape for image, _ in pairs] == [(64, 64)] * 3
    assert all(0.1 < mask.mean() < 0.5 for _, mask in pairs)
    assert (pairs[0][0] != pairs[1][0]).any()


def test_the_steps_of_the_transform_act_independently_in_every_batch(pairs):
    task = PublishedNucleiTask(read_samples(pairs, splits=["train"])[:1], size_px=64, seed=3)
    names = ("Transpose", "VerticalFlip", "HorizontalFlip", "RandomRotate90")
    steps = [t for t in task._pairs.transform.transforms if type(t).__name__ in names]
    acted = []
    for step in range(60):
        for transform in steps:
            transform.params = {}
        task.batch(step, 1)
        acted.append([bool(transform.params) for transform in steps])
    together = np.mean([len(set(row)) == 1 for row in acted])
    assert together < 0.35, "an eighth of the images is expected, not all"
    assert 0.3 < np.mean(acted) < 0.7


def test_touching_nuclei_are_one_in_such_a_map():
    probability = np.zeros((20, 20), np.float32)
    probability[5:15, 2:10] = probability[5:15, 10:18] = 0.9
    probability[0, 0] = 0.2
    assert threshold_instances(probability, threshold=0.5).max() == 1
    assert threshold_instances(probability, threshold=0.1).max() == 2


@pytest.mark.slow
def test_a_stopped_fit_ends_in_the_same_network_and_its_map_has_the_grid_of_the_image(
    pairs, tmp_path
):
    samples = read_samples(pairs, splits=["train"])[:3]
    recipe = NucleiRecipe(epochs=3, batches=2, batch=2, rate=0.001, size_px=64, seed=3)

    def stop(done, total, what):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_published_nuclei(samples, recipe, folder=tmp_path / "parts", progress=stop)
    one, two = (
        fit_published_nuclei(samples, recipe, folder=tmp_path / name) for name in ("whole", "parts")
    )
    assert one.iou == two.iou
    assert one.loss == two.loss
    assert one.training_iou == two.training_iou
    assert len(one.loss) == len(one.iou) == 3
    assert one.loss[-1] < one.loss[0]
    probability = one.probability(np.random.default_rng(0).integers(0, 99, (50, 80)))
    assert probability.shape == (50, 80)
    assert 0 <= probability.min() <= probability.max() <= 1


@pytest.mark.slow
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
    recipe = NucleiRecipe(
        epochs=1, batches=1, batch=1, rate=1e-9, size_px=64, weights=str(path), sha256=digest
    )
    samples = read_samples(pairs, splits=["train"])[:3]
    fitted = fit_published_nuclei(samples, recipe, folder=tmp_path / "given")
    first = fitted.network.encoder.conv1.weight.detach()
    torch.testing.assert_close(first, state["conv1.weight"].sum(1, keepdim=True), atol=1e-5, rtol=0)
    wrong = recipe.replace(sha256="0" * 64)
    with pytest.raises(ModelError, match="but 0000"):
        fit_published_nuclei(samples, wrong, folder=tmp_path / "wrong")
