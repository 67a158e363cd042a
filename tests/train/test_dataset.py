"""One transform moves image and labels together, whatever the transform is."""

import albumentations
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fatescope.base import InputError
from fatescope.prepare import Sample, read_samples
from fatescope.train import SegmentationDataset

NEAREST = {"interpolation": cv2.INTER_NEAREST, "mask_interpolation": cv2.INTER_NEAREST}
geometric = st.lists(
    st.sampled_from(
        [
            albumentations.HorizontalFlip(p=1),
            albumentations.VerticalFlip(p=1),
            albumentations.Transpose(p=1),
            albumentations.RandomRotate90(p=1),
            albumentations.RandomCrop(20, 20, p=1),
            albumentations.RandomResizedCrop((40, 36), p=1, **NEAREST),
            albumentations.Affine(
                scale=(0.7, 1.5), rotate=(-180, 180), shear=(-15, 15), p=1, **NEAREST
            ),
            albumentations.ElasticTransform(alpha=20, sigma=4, p=1, **NEAREST),
            albumentations.GridDistortion(p=1, **NEAREST),
            albumentations.OpticalDistortion(p=1, **NEAREST),
        ]
    ),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    """A pair in which the image is a function of the labels, so that any shift shows."""
    folder = tmp_path_factory.mktemp("coded")
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 9, (8, 6)), np.ones((6, 7), int)).astype(np.uint16)
    code = np.array([0, 30, 60, 90, 120, 150, 180, 210, 240], np.uint8)
    Image.fromarray(code[labels]).save(folder / "a.png")
    Image.fromarray(labels).save(folder / "b.png")
    return [Sample(image=folder / "a.png", labels=folder / "b.png", unit="u")]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(transforms=geometric, seed=st.integers(0, 2**31 - 1))
def test_image_and_labels_stay_aligned_under_any_geometric_transform(coded, transforms, seed):
    plain, _ = SegmentationDataset(coded).pair(0)
    _, untouched = SegmentationDataset(coded).pair(0)
    value_of = {int(k): float(plain[untouched == k][0]) for k in np.unique(untouched)}
    pipeline = albumentations.Compose(transforms, seed=seed)
    image, labels = SegmentationDataset(coded, transform=pipeline).pair(0)
    assert image.shape == labels.shape
    expected = np.array([value_of[int(k)] for k in labels.ravel()]).reshape(labels.shape)
    np.testing.assert_allclose(image, expected, atol=1e-6)


def test_a_transform_does_change_the_pair(coded):
    before, _ = SegmentationDataset(coded).pair(0)
    after, _ = SegmentationDataset(
        coded, transform=albumentations.Compose([albumentations.HorizontalFlip(p=1)])
    ).pair(0)
    assert (after == before[:, ::-1]).all()
    assert (after != before).any()


def test_targets_are_computed_after_the_transform(coded):
    bigger = albumentations.Compose([albumentations.Resize(96, 84, **NEAREST)])
    image, target = SegmentationDataset(coded, transform=bigger)[0]
    assert image.shape == (1, 96, 84)
    assert target.shape == (3, 96, 84)
    _, labels = SegmentationDataset(coded, transform=bigger).pair(0)
    assert ((target[0].numpy() > 0) == (labels > 0)).all()
    assert target[1].max() == 1


def test_it_reads_a_manifest(pairs):
    learning = SegmentationDataset(read_samples(pairs, splits=["train"]))
    assert len(learning) == 6
    assert learning[0][0].dtype.is_floating_point


def test_shapes_that_differ_are_named(coded, tmp_path):
    Image.fromarray(np.zeros((5, 5), np.uint16)).save(tmp_path / "small.png")
    sample = Sample(image=coded[0].image, labels=tmp_path / "small.png", unit="u")
    with pytest.raises(InputError, match=r"has shape \(48, 42\).*\(5, 5\)"):
        SegmentationDataset([sample])[0]
