"""Training tests: the shim first, one thread, and a small rendered set of pairs."""

from __future__ import annotations

import os
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage as ndi

from fatescope.prepare import Sample, write_samples

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
collect_ignore_glob: list[str] = []
if find_spec("torch") is None:
    collect_ignore_glob.append("test_*.py")  # the extra `train` is not installed
else:
    import torch

    from fatescope.train._torchvision import ensure_torchvision

    ensure_torchvision()
    torch.set_num_threads(1)


def rendered_pair(seed: int, side: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Round nuclei, some of which touch, with blur and camera noise: 8-bit image and labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.uint16)
    y, x = np.mgrid[:side, :side]
    for label in range(1, 30):
        cy, cx = rng.uniform(0, side, 2)
        ry, rx = rng.uniform(8, 14, 2)
        ellipse = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
        if (labels[ellipse] == 0).mean() > 0.95:
            labels[ellipse & (labels == 0)] = label
    brightness = rng.uniform(60, 160, 30)
    brightness[0] = 0
    pixels = ndi.gaussian_filter(brightness[labels], 1.0) + rng.normal(20, 4, labels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """A folder with samples.csv: six rendered pairs to learn from, two to choose, one to judge."""
    folder = tmp_path_factory.mktemp("pairs")
    samples = []
    for i in range(9):
        pixels, labels = rendered_pair(i)
        image, truth = folder / f"p{i}.png", folder / f"p{i}_labels.png"
        Image.fromarray(pixels).save(image)
        Image.fromarray(labels).save(truth)
        split = "train" if i < 6 else "validation" if i < 8 else "test"
        samples.append(Sample(image=image, labels=truth, unit=f"u{i}", split=split, kind="made"))
    write_samples(folder / "samples.csv", samples)
    return folder
