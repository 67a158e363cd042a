"""The comparison of targets is fair: the same crops, and decoders that lose nothing."""

import numpy as np
import pytest
import torch
from benchmarks.targets import distance, embedding, rays
from benchmarks.targets.design import RADIUS_PX, LabelledCrop, LabelledCrops
from benchmarks.targets.fit import Run
from benchmarks.targets.judge import folds

from fatescope.evaluate import score_labels
from fatescope.prepare import Sample, read_samples
from fatescope.train import CropSettings, CropSource
from fatescope.train.crops import MARGIN_PX
from fatescope.train.pictures import load_pictures
from fatescope.train.settings import FitSettings

DESIGNS = (distance.DESIGN, rays.DESIGN, embedding.DESIGN)
named = pytest.mark.parametrize("design", DESIGNS, ids=lambda d: d.name)


@pytest.fixture(scope="module")
def crops(pairs):
    pictures = load_pictures(read_samples(pairs, splits=["train"]), working_px=22.0)
    return LabelledCrops(pictures, settings=CropSettings(size_px=64), seed=3)


def discs(side=152):
    """Discs of 22 px in pairs that touch."""
    labels = np.zeros((side, side), np.int32)
    y, x = np.mgrid[:side, :side]
    centres = [(cy, cx) for cy in (30, 76, 122) for cx in (28, 50, 100, 122)]
    for label, (cy, cx) in enumerate(centres, start=1):
        labels[((y - cy) ** 2 + (x - cx) ** 2 <= 121) & (labels == 0)] = label
    return labels


def whole(labels):
    inside = slice(MARGIN_PX, -MARGIN_PX)
    image = np.zeros(labels[inside, inside].shape, np.float32)
    return LabelledCrop(image, labels, np.ones(labels.shape, np.float32), instances=True)


def test_crops_and_targets_are_those_of_training(crops, pairs):
    pictures = load_pictures(read_samples(pairs, splits=["train"]), working_px=22.0)
    source = CropSource(pictures, settings=CropSettings(size_px=64), seed=3)
    for number in (0, 7):
        image, target = source.crop(number)
        crop = crops.labelled(number)
        np.testing.assert_array_equal(crop.image, image[0])
        np.testing.assert_array_equal(distance.target(crop), target)


@named
def test_perfect_maps_become_the_nuclei_they_were_made_of(design):
    crop = whole(discs())
    target = design.target(crop)
    maps = {
        "distance": target[:3],
        "rays": np.concatenate([target[:1], target[4:]]),
        "embedding": np.concatenate([target[:1], target[4:]]),
    }[design.name]
    truth = crop.inner(crop.labels)
    score = score_labels(truth, design.decode(maps, truth.shape, design.start))
    assert (score.n_true, score.n_pred, score.tp[0]) == (12, 12, 12)
    assert score.iou_sum / 12 > 0.93


def test_rays_are_the_steps_to_the_last_pixel_inside():
    labels = np.zeros((20, 20), np.int32)
    labels[4:13, 6:11] = 7
    labels[4:13, 11:17] = 9  # touches the first
    lengths = rays.ray_lengths(labels, margin=2) * RADIUS_PX
    at = lengths[:, 3, 3]  # row 8, column 8
    right, down, left, up = at[[0, 8, 16, 24]]
    assert (right, down, left, up) == pytest.approx((2, 4, 2, 4))
    assert not lengths[:, 0, 0].any()


def test_rays_of_a_nucleus_that_is_cut_are_unknown():
    labels = np.zeros((20, 20), np.int32)
    labels[:9, 5:12] = 3
    lengths = rays.ray_lengths(labels, margin=2)
    assert (lengths[:, 2, 3] == rays.UNKNOWN).all()


def test_offsets_lead_to_the_centroid_and_are_not_learnt_where_it_is_cut_off():
    labels = np.zeros((12, 12), np.int32)
    labels[2:5, 3:8] = 4  # centroid 3, 5
    labels[9:, 3:8] = 6
    offset, known = embedding.offsets(labels)
    assert (offset[:, 2, 3] * RADIUS_PX).tolist() == pytest.approx([1, 2])
    assert known[3, 5]
    assert not known[10, 5]
    assert not known[0, 0]


@named
def test_a_run_that_is_continued_takes_the_steps_of_an_unbroken_one(design, crops):
    settings = FitSettings(steps=6, batch=2)
    unbroken, begun, continued = (Run(design, crops, settings=settings, seed=1) for _ in range(3))
    for _ in range(2):
        unbroken.step()
    begun.step()
    continued.restore(begun.state())
    continued.step()
    expected = unbroken.averaged.state_dict()
    for name, value in continued.averaged.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert continued.losses[-1] == unbroken.losses[-1] > 0


def test_the_halves_share_no_unit(tmp_path):
    def sample(unit, kind, frame=None):
        return Sample(image=tmp_path, labels=tmp_path, unit=unit, kind=kind, frame=frame)

    samples = [sample(f"u{i // 2}", "a") for i in range(10)]
    samples += [sample("movie", "b", frame=i) for i in range(6)]
    one, two = folds(samples)
    assert sorted(one + two) == list(range(16))
    assert not {samples[i].unit for i in one if i < 10} & {samples[i].unit for i in two if i < 10}
    assert [samples[i].frame for i in one if i >= 10] == [0, 1, 2]
