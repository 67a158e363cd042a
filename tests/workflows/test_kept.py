"""After further training the better of both packages stays, and a sentence says which."""

import numpy as np
import pytest
from PIL import Image

from fatescope.models import read_package, write_package
from fatescope.prepare import Sample, write_samples
from fatescope.simulate import NucleiMovieSettings, simulate_picture
from fatescope.workflows.kept import keep_better

SHIPPED = "src/fatescope/models/shipped/nuclei"


def copy_of(folder, **changes):
    """A copy of the shipped package with another description."""
    package = read_package(SHIPPED)
    return write_package(
        folder,
        description=package.description.replace(**changes),
        files={"model.onnx": package.files["model.onnx"]},
        test_input=package.tensor("test_input.npy"),
        test_output=package.tensor("test_output.npy"),
        card="a copy",
    )


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    samples = []
    for i in range(2):
        pixels, labels = simulate_picture(NucleiMovieSettings(height=96, width=128), seed=i)
        image, truth = folder / f"p{i}.png", folder / f"p{i}_labels.png"
        Image.fromarray(pixels).save(image)
        Image.fromarray(labels.astype(np.uint16)).save(truth)
        samples.append(Sample(image=image, labels=truth, unit=f"u{i}", split="test"))
    write_samples(folder / "samples.csv", samples)
    return folder


def deaf(folder, name="deaf"):
    return copy_of(folder, name=name, thresholds={"foreground": 0.35, "min_area_px": 450})


def test_a_better_package_stays_where_it_is(pairs, tmp_path):
    old = deaf(tmp_path / "old")
    copy_of(tmp_path / "out" / "package", name="tuned")
    kept = keep_better(old.source, out=tmp_path / "out", data=pairs)
    assert (kept.which, kept.difference.outcome) == ("new", "better")
    assert read_package(tmp_path / "out" / "package").name == "tuned"
    assert not (tmp_path / "out" / "tuned").exists()
    said = (tmp_path / "out" / "kept.txt").read_text()
    assert said.startswith("The new package is kept. Tuned is better than deaf: mean AP")
    assert (tmp_path / "out" / "compared" / "report.html").is_file()


def test_a_package_that_is_not_better_steps_aside_and_is_not_lost(pairs, tmp_path):
    new = deaf(tmp_path / "out" / "package", name="tuned")
    kept = keep_better("nuclei", out=tmp_path / "out", data=pairs)
    assert (kept.which, kept.difference.outcome) == ("start", "worse")
    assert read_package(tmp_path / "out" / "package").sha256 == read_package(SHIPPED).sha256
    assert read_package(tmp_path / "out" / "tuned").sha256 == new.sha256
    assert "is kept, because the new one is not better" in kept.words


def test_without_a_picture_that_both_have_not_seen_the_new_one_stays_and_this_is_said(
    pairs, tmp_path
):
    text = (pairs / "samples.csv").read_text().replace(",test,", ",train,")
    data = tmp_path / "data"
    data.mkdir()
    (data / "samples.csv").write_text(text)
    deaf(tmp_path / "out" / "package", name="tuned")
    kept = keep_better("nuclei", out=tmp_path / "out", data=data)
    assert (kept.which, kept.difference) == ("new", None)
    assert "Not compared" in kept.words
    assert "no test unit" in kept.words
