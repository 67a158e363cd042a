"""After further training the better of both packages stays, and a sentence says which."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fatescope.evaluate import CompareSettings, score_labels
from fatescope.models import InstanceMaps, Thresholds, read_package, write_package
from fatescope.prepare import Sample, read_label_plane, read_samples, unit_hash, write_samples
from fatescope.prepare.store import SPLITS
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.systems.comparison.compare import compare_models
from fatescope.systems.training.kept import COMPARED, keep_better
from fatescope.train.scoring import Scored

DEAF = InstanceMaps(thresholds=Thresholds(foreground=0.35, min_area_px=450))
SHIPPED = "src/fatescope/models/shipped/nuclei"
NOTHING = np.zeros((4, 4), int)


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
    """Two validation units of dense nuclei, and two test units."""
    folder = tmp_path_factory.mktemp("pairs")
    samples = []
    for i, split in enumerate(("validation", "validation", "test", "test")):
        pixels, labels = simulate_image(NucleiMovieSettings(height=96, width=128), seed=i)
        image, truth = folder / f"p{i}.png", folder / f"p{i}_labels.png"
        Image.fromarray(pixels).save(image)
        Image.fromarray(labels.astype(np.uint16)).save(truth)
        samples.append(Sample(image=image, labels=truth, unit=f"u{i}", split=split))
    write_samples(folder / "samples.csv", samples)
    return folder


def manifest(pairs, folder, **changes):
    """The same images with other labels or other sides: the manifest is all that differs."""
    samples = [replace(s, **changes.get(s.unit, {})) for s in read_samples(pairs, splits=SPLITS)]
    folder.mkdir()
    write_samples(folder / "samples.csv", samples)
    return folder


def deaf(folder, name="deaf"):
    return copy_of(folder, name=name, output=DEAF)


def compared(old, new, data, tmp_path):
    settings = CompareSettings(score="mean_ap_50_90", precision="fp32")
    return compare_models(
        old, new, data=data, out=tmp_path / "oracle", settings=settings
    ).difference


@pytest.mark.slow
def test_a_better_package_stays_where_it_is(pairs, tmp_path):
    old = deaf(tmp_path / "old")
    copy_of(tmp_path / "out" / "package", name="tuned")
    kept = keep_better(old.source, out=tmp_path / "out", data=pairs)
    assert (kept.which, kept.difference.outcome) == ("new", "better")
    assert read_package(tmp_path / "out" / "package").name == "tuned"
    assert not (tmp_path / "out" / "tuned").exists()
    said = (tmp_path / "out" / "kept.txt").read_text()
    assert said.startswith("The new package is kept. tuned is better than deaf: mean AP")
    assert "on 2 validation images of 2 units" in said
    assert "On 2 test images of 2 units, which took no part in the choice" in said
    assert kept.test_score == pytest.approx(
        compared(old.source, tmp_path / "out" / "package", pairs, tmp_path).new
    )
    assert (tmp_path / "out" / "compared" / "report.html").is_file()


@pytest.mark.slow
def test_a_package_that_is_not_better_steps_aside_and_is_not_lost(pairs, tmp_path):
    new = deaf(tmp_path / "out" / "package", name="tuned")
    new_again = deaf(tmp_path / "again", name="tuned").source
    kept = keep_better("nuclei", out=tmp_path / "out", data=pairs)
    assert (kept.which, kept.difference.outcome) == ("start", "worse")
    assert read_package(tmp_path / "out" / "package").sha256 == read_package(SHIPPED).sha256
    assert read_package(tmp_path / "out" / "tuned").sha256 == new.sha256
    assert "is kept, because the new one is not better" in kept.words
    assert kept.test_score == pytest.approx(compared(SHIPPED, new_again, pairs, tmp_path).old)


@pytest.mark.slow
def test_test_units_have_no_say_in_the_choice(pairs, tmp_path):
    """Test labels under which the deaf package is the better one: it is not kept for that."""
    blank = tmp_path / "blank.png"
    Image.fromarray(np.zeros((96, 128), np.uint16)).save(blank)
    data = manifest(pairs, tmp_path / "data", u2={"labels": blank}, u3={"labels": blank})
    old = deaf(tmp_path / "old")
    kept = {}
    for name, folder in (("true", pairs), ("blank", data)):
        copy_of(tmp_path / name / "package", name="tuned")
        kept[name] = keep_better(old.source, out=tmp_path / name, data=folder)
    assert kept["true"].which == kept["blank"].which == "new"
    assert kept["true"].difference == kept["blank"].difference
    assert kept["blank"].test_score == 0


def test_without_test_units_the_choice_is_made_and_has_no_score(pairs, tmp_path):
    none = {u: {"split": "train"} for u in ("u2", "u3")}
    data = manifest(pairs, tmp_path / "data", **none)
    deaf(tmp_path / "out" / "package", name="tuned")
    kept = keep_better("nuclei", out=tmp_path / "out", data=data)
    assert (kept.which, kept.test_score) == ("start", None)
    assert "no test unit" in kept.words
    assert not (tmp_path / "out" / COMPARED).exists()


def test_where_units_are_left_out_each_is_scored_by_the_choice_of_the_others(pairs, tmp_path):
    """Three units; the new networks are perfect on two and blind on one, the old one is between."""
    samples = [replace(s, split="train") for s in read_samples(pairs, splits=SPLITS)][:3]
    copy_of(tmp_path / "out" / "package", name="tuned")
    old = deaf(tmp_path / "old")
    truth = [read_label_plane(s.labels) for s in samples]
    perfect = [score_labels(t, t) for t in truth]
    blind = [score_labels(t, np.zeros_like(t)) for t in truth]
    scored = [Scored(s, p, 20.0, NOTHING) for s, p in zip(samples, perfect, strict=True)]
    kept = keep_better(old.source, out=tmp_path / "out", data=pairs, left_out=scored)
    assert kept.which == "new"
    assert kept.test_score == 1
    assert "Chosen again without each unit in turn" in kept.words
    # Good on the first alone: without it the others choose the old one, so its own perfect score
    # is not what the choice is worth.
    mixed = [perfect[0], blind[1], blind[2]]
    scored = [Scored(s, m, 20.0, NOTHING) for s, m in zip(samples, mixed, strict=True)]
    copy_of(tmp_path / "again" / "package", name="tuned")
    honest = keep_better(old.source, out=tmp_path / "again", data=pairs, left_out=scored)
    assert honest.test_score < honest.difference.new


def test_without_an_image_to_choose_by_the_new_one_stays_and_this_is_said(pairs, tmp_path):
    data = manifest(pairs, tmp_path / "data", u0={"split": "train"}, u1={"split": "train"})
    deaf(tmp_path / "out" / "package", name="tuned")
    kept = keep_better("nuclei", out=tmp_path / "out", data=data)
    assert (kept.which, kept.difference, kept.test_score) == ("new", None, None)
    assert "Not compared" in kept.words
    assert "no validation unit" in kept.words


def test_units_that_the_old_package_has_seen_do_not_choose(pairs, tmp_path):
    known = read_package(SHIPPED).description.training
    seen = known.replace(units_seen=(*known.units_seen, unit_hash("u0")))
    old = copy_of(tmp_path / "old", name="old", training=seen)
    deaf(tmp_path / "out" / "package", name="tuned")
    kept = keep_better(old.source, out=tmp_path / "out", data=pairs)
    assert (kept.which, kept.difference) == ("new", None)
    assert "old has seen 1 of the validation units (u0)" in kept.words
