"""Wishes of users that no single package answers for."""

import socket
import tomllib

import numpy as np
import pytest
from tests.docs.test_pages import ROOT

import fatescope as fs
from fatescope.base import InputError
from fatescope.simulate import simulate_image
from fatescope.simulate.settings import NucleiMovieSettings

FLAT = (1.2, 0.2, 0.2)  # µm: a voxel is six times as deep as wide
BALLS = ((2, 30, 30), (2, 30, 90), (3, 90, 40), (2, 90, 100))


def thin_stack():
    """Five planes with four balls of 6 µm, and what is drawn of them in each plane."""
    place = np.moveaxis(np.indices((5, 120, 130)), 0, -1) * FLAT
    distance = np.stack([np.linalg.norm(place - np.array(b) * FLAT, axis=-1) for b in BALLS])
    inside = distance.min(axis=0) < 3.0
    truth = np.where(inside, distance.argmin(axis=0) + 1, 0)
    light = 100 + 900 * np.clip(3.4 - distance.min(axis=0), 0, 0.8) / 0.8
    return np.random.default_rng(3).poisson(light).astype(np.uint16), truth


def test_a_thin_stack_with_voxels_six_times_as_deep_as_wide_is_outlined_and_measured():
    image, truth = thin_stack()
    found = fs.segment_nuclei(image, axes="ZYX", spacing_um=FLAT)
    assert len(found.objects) == len(BALLS)
    drawn = np.bincount(truth.ravel())[1:] * np.prod(FLAT)
    at = [found.labels[ball] for ball in BALLS]
    volume = dict(zip(found.objects["label"], found.objects["volume_um3"], strict=True))
    np.testing.assert_allclose([volume[label] for label in at], drawn, rtol=0.35)


def test_without_its_spacing_the_same_stack_has_no_volume_in_micrometres():
    image, _ = thin_stack()
    found = fs.segment_nuclei(image, axes="ZYX")
    assert "volume_px" in found.objects.columns
    filled = found.objects.to_pandas().get("volume_um3")
    assert filled is None or filled.isna().all()
    with pytest.raises(InputError, match="gives 4 steps"):
        fs.segment_nuclei(image, axes="ZYX", spacing_um=(0.2, 0.2, 0.2, 0.2))


def test_nuclei_are_outlined_with_every_connection_forbidden(monkeypatch):
    def refuse(*words, **_):
        raise AssertionError(f"a connection was opened: {words}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(AssertionError, match="a connection was opened"):
        socket.create_connection(("127.0.0.1", 9))
    image, _ = simulate_image(NucleiMovieSettings(height=96, width=96), seed=1)
    assert len(fs.segment_nuclei(image, spacing_um=(0.3, 0.3)).objects) > 0


def test_the_package_installs_a_command_and_needs_no_compiler():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"fatescope": "fatescope.cli:main"}
    assert project["build-system"]["requires"] == ["hatchling>=1.27"]  # builds no extension
    sources = {p.suffix for p in (ROOT / "src").rglob("*") if p.is_file()}
    assert not sources & {".c", ".cc", ".cpp", ".pyx", ".so", ".rs"}
    assert not list(ROOT.glob("*ockerfile*"))
