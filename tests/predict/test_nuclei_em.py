"""Electron micrographs: the shipped package, its command, and images given to the wrong one."""

import json
import subprocess
import sys

import pytest
from PIL import Image as PillowImage

from fatescope.base import Image
from fatescope.evaluate import pool_scores, score_labels
from fatescope.models import check_model
from fatescope.predict import open_predictor
from fatescope.prepare import read_label_plane, read_plane
from fatescope.simulate import (
    NucleiMovieSettings,
    SectionSettings,
    simulate_image,
    simulate_section,
)
from fatescope.systems.nuclei.outline import segment_image
from fatescope.systems.nuclei.settings import NucleiSettings
from fatescope.systems.nuclei_em.settings import NucleiEmSettings

PLAN = SectionSettings(height=360, width=420)


@pytest.fixture(scope="module")
def micrographs():
    return open_predictor("nuclei-em")


def found_in(pixels, settings, predictor=None):
    return segment_image(Image(pixels=pixels, axes="YX"), settings, predictor=predictor)


def advice(result):
    return [f.reason for f in result.findings if f.rule == "unlike-training"]


@pytest.mark.slow
def test_the_package_passes_its_own_check_and_is_small():
    check = check_model("nuclei-em")
    assert check.passed, check
    assert set(check.differences) == {"fp32", "int8"}
    assert check.size_mb < 8


@pytest.mark.slow
@pytest.mark.parametrize("diameter", [20, 32, 64])
def test_nuclei_of_rendered_sections_are_found_without_their_size_being_told(micrographs, diameter):
    scale = diameter / 32
    plan = PLAN.replace(diameter_px=diameter, height=round(360 * scale), width=round(420 * scale))
    scores = []
    for seed in range(900, 904):  # training used 10,000 and more
        section = simulate_section(plan, seed=seed)
        result = found_in(section.pixels, NucleiEmSettings(), micrographs)
        scores.append(score_labels(section.labels.astype(int), result.labels.astype(int)))
        assert advice(result) == []
    assert pool_scores(scores).n_true >= 10
    assert pool_scores(scores).ap(50) >= 0.7


def test_a_section_given_to_the_fluorescence_model_is_sent_to_the_right_command():
    section = simulate_section(PLAN, seed=900)
    (reason,) = advice(found_in(section.pixels, NucleiSettings(diameter_px=32)))
    assert "unlike the training images of nuclei:" in reason
    assert "dark things on a light background" in reason
    assert "For an electron micrograph use `fatescope predict nuclei-em`" in reason


def test_a_fluorescence_image_given_to_the_micrograph_model_is_sent_back(micrographs):
    pixels, _ = simulate_image(NucleiMovieSettings(), seed=1)
    (reason,) = advice(found_in(pixels, NucleiEmSettings(diameter_px=22), micrographs))
    assert "unlike the training images of nuclei-em: its background is darker" in reason
    assert "For a fluorescence image use `fatescope predict nuclei`" in reason


@pytest.mark.slow
def test_the_command_writes_what_predict_nuclei_writes_under_its_own_name(tmp_path):
    section = simulate_section(PLAN, seed=901)
    PillowImage.fromarray(section.pixels).save(tmp_path / "section.png")
    call = [sys.executable, "-m", "fatescope", "predict", "nuclei-em", "--json"]
    call += [str(tmp_path / "section.png"), "--out", str(tmp_path / "out"), "--workers", "1"]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["command"] == "predict nuclei-em"
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (record["command"], record["model"]["name"]) == ("predict nuclei-em", "nuclei-em")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "fatescope predict nuclei-em" in page
    assert (tmp_path / "out" / "labels" / "section.tif").is_file()


@pytest.mark.data
def test_every_nucleus_of_the_six_images_is_found_with_its_size_not_told(micrographs, data_dir):
    """The package has seen them: this holds the path together, the card has the left-out score."""
    folder = data_dir / "wormimage_em"
    scores = []
    for path in sorted((folder / "images").glob("*.jpg")):
        truth = read_label_plane(folder / "labels" / f"{path.stem}.png")
        result = found_in(read_plane(path), NucleiEmSettings(), micrographs)
        scores.append(score_labels(truth, result.labels.astype(int)))
        assert advice(result) == []
    pooled = pool_scores(scores)
    assert pooled.n_true == 16
    assert pooled.ap(50) >= 0.85
