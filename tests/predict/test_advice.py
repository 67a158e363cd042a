"""What `unlike-training` advises: where to go next, and never to the wrong command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fatescope.acquire import find_images, read_image
from fatescope.base import Image
from fatescope.predict import open_predictor
from fatescope.systems.nuclei.outline import segment_image
from fatescope.systems.nuclei.settings import NucleiSettings


@pytest.fixture(scope="module")
def fluorescence():
    return open_predictor("nuclei")


def advice(image, predictor):
    found = segment_image(image, NucleiSettings(diameter_px=24), predictor=predictor).findings
    return [f.reason for f in found if f.rule == "unlike-training"]


def brightfield(seed):
    """Return round cells in transmitted light: grey as the field, a dark rim and a bright one."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:256, :256]
    field = 128 + 0.06 * x + gaussian_filter(rng.normal(0, 60, (256, 256)), 3)
    for cy, cx in rng.uniform(20, 236, (12, 2)):
        far = np.hypot(y - cy, x - cx)
        field += 45 * np.exp(-(((far - 9) / 2) ** 2)) - 60 * np.exp(-(((far - 13) / 2) ** 2))
    return np.clip(field + rng.normal(0, 2, field.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_brightfield_is_not_sent_to_the_model_for_electron_micrographs(fluorescence, seed):
    (reason,) = advice(Image(pixels=brightfield(seed), axes="YX"), fluorescence)
    assert "nuclei-em" not in reason
    assert "predict phase-cells" in reason
    assert "predict live-dead" in reason
    assert "--channel" in reason


@pytest.mark.slow
def test_hardly_a_real_transmitted_image_is_sent_to_electron_micrographs(data_dir, fluorescence):
    for folder, most in (("live_dead_brightfield/images", 0.15), ("phase_usiigaci/full", 0.15)):
        files = [f for f in find_images([Path(data_dir) / folder]) if "_lab" not in f.key][::25]
        sent = [any("nuclei-em" in r for r in advice(read_image(f), fluorescence)) for f in files]
        assert np.mean(sent) <= most
