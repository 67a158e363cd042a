"""Old against new on the same images: the answer, its page, and what is refused."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fatescope.base import InputError, ModelError
from fatescope.evaluate import CompareSettings, ScoreSettings, compare_scores, score_labels, signed
from fatescope.models import InstanceMaps, Thresholds, read_package, write_package
from fatescope.prepare import Sample, unit_hash, write_samples
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.systems.comparison.compare import compare_models

FAST = CompareSettings(precision="int8", shown=2)


def changed(folder, **changes):
    """A copy of the shipped package with another description."""
    package = read_package("src/fatescope/models/shipped/nuclei")
    files = {n: package.files[n] for n in ("model.onnx", "model_int8.onnx")}
    return write_package(
        folder,
        description=package.description.replace(**changes),
        files=files,
        test_input=package.tensor("test_input.npy"),
        test_output=package.tensor("test_output.npy"),
        card="a copy",
    ).source


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Five test units of rendered nuclei, and one to learn from that no one may open."""
    folder = tmp_path_factory.mktemp("pairs")
    samples = []
    for i in range(6):
        plan = NucleiMovieSettings(height=128, width=160, density=0.3)
        pixels, labels = simulate_image(plan, seed=i)
        image, truth = folder / f"p{i}.png", folder / f"p{i}_labels.png"
        Image.fromarray(pixels).save(image)
        Image.fromarray(labels.astype(np.uint16)).save(truth)
        split = "test" if i < 5 else "train"
        samples.append(Sample(image=image, labels=truth, unit=f"u{i}", split=split, kind="made"))
    write_samples(folder / "samples.csv", samples)
    (folder / "p5.png").unlink()
    return folder


@pytest.fixture(scope="module")
def deaf(tmp_path_factory):
    """A package that drops nearly all that it sees."""
    output = InstanceMaps(thresholds=Thresholds(foreground=0.35, min_area_px=450))
    return changed(tmp_path_factory.mktemp("deaf") / "p", name="deaf", output=output)


@pytest.mark.slow
def test_a_better_package_is_called_better_and_the_other_way_round_worse(pairs, deaf, tmp_path):
    found = compare_models(deaf, "nuclei", data=pairs, out=tmp_path / "a", settings=FAST)
    d = found.difference
    assert d.outcome == "better"
    assert 0 < d.low <= d.difference <= d.high
    assert d.difference == pytest.approx(d.new - d.old)
    assert (d.n_units, d.n_images, found.exit_code) == (5, 5, 0)
    said = found.as_lines()[-1]
    assert said.startswith("nuclei is better than deaf: ")
    assert said.endswith(", on 5 held-out images of 5 units.")
    back = compare_models("nuclei", deaf, data=pairs, out=tmp_path / "b", settings=FAST)
    assert back.difference.outcome == "worse"
    assert back.difference.difference == pytest.approx(-d.difference)


def test_the_model_without_weights_is_a_side_like_any_other(pairs, deaf, tmp_path):
    found = compare_models("classical", "nuclei", data=pairs, out=tmp_path / "a", settings=FAST)
    assert (found.names, found.exit_code) == (("classical", "nuclei"), 0)
    assert found.difference.old > 0.3
    better = compare_models(deaf, "classical", data=pairs, out=tmp_path / "b", settings=FAST)
    assert better.difference.new == pytest.approx(found.difference.old)
    assert better.difference.outcome == "better"


def test_the_same_package_twice_cannot_be_told_apart(pairs, tmp_path):
    found = compare_models("nuclei", "nuclei", data=pairs, out=tmp_path / "c", settings=FAST)
    d = found.difference
    assert (d.difference, d.low, d.high, d.outcome) == (0, 0, 0, "cannot-tell")
    assert "In no image" in (tmp_path / "c" / "report.html").read_text()


@pytest.mark.slow
def test_the_page_shows_the_images_that_differ_and_the_folder_is_whole(pairs, deaf, tmp_path):
    out = tmp_path / "d"
    found = compare_models(deaf, "nuclei", data=pairs, out=out, settings=FAST)
    page = (out / "report.html").read_text()
    views = json.loads(re.search(r'class="data">(.*?)</script>', page)[1])["views"]
    first = {view["frames"][0]["panes"][0]["title"] for view in views}
    assert first == {"truth"}
    assert len(views) == 2
    assert page.count("Difference by score</h3>") == 1
    assert "nuclei is better than deaf" in page.lower()
    assert "5 units are few" in page
    record = json.loads((out / "run.json").read_text())
    assert record["command"] == "compare"
    before = (out / "scores.csv").read_bytes()
    again = compare_models(deaf, "nuclei", data=pairs, out=out, settings=FAST)
    assert again.difference == found.difference
    assert (out / "scores.csv").read_bytes() == before


@pytest.mark.parametrize("known", ["u3", "u3@None"])
def test_units_that_a_package_has_seen_are_refused_by_name(pairs, tmp_path, known):
    package = read_package("src/fatescope/models/shipped/nuclei")
    training = package.description.training.replace(units_seen=(unit_hash(known),))
    seen = changed(tmp_path / "seen", name="seen", training=training.model_dump())
    for pair in ((seen, "nuclei"), ("nuclei", seen)):
        with pytest.raises(InputError, match=r"seen has seen 1 of the test units \(u3\)"):
            compare_models(*pair, data=pairs, out=tmp_path / "x", settings=FAST)
    assert not (tmp_path / "x").exists()


def test_without_test_units_there_is_nothing_to_compare_on(pairs, tmp_path):
    (tmp_path / "samples.csv").write_text(
        (pairs / "samples.csv").read_text().replace(",test,", ",train,")
    )
    with pytest.raises(InputError, match=r"no test unit to compare on.*--test"):
        compare_models("nuclei", "nuclei", data=tmp_path, out=tmp_path / "x")


def test_a_plain_network_with_six_lines_beside_it_can_be_compared(pairs, tmp_path):
    package = read_package("src/fatescope/models/shipped/nuclei")
    (tmp_path / "net.onnx").write_bytes(package.files["model.onnx"])
    (tmp_path / "net.toml").write_text(
        'name = "net"\nsummary = "Mine."\ndiameter_px = 22\ndivisor = 16\n'
        'percentiles = [1.0, 99.8]\noutputs = ["foreground", "distance", "border"]\n'
    )
    found = compare_models(
        "nuclei",
        tmp_path / "net.onnx",
        data=pairs,
        out=tmp_path / "o",
        settings=FAST.replace(precision="auto"),
    )
    assert found.names == ("nuclei", "net")
    assert found.difference.new > 0.5
    (tmp_path / "net.toml").unlink()
    with pytest.raises(ModelError, match=r"the sidecar of net\.onnx is missing"):
        compare_models("nuclei", tmp_path / "net.onnx", data=pairs, out=tmp_path / "p")


def test_a_image_that_cannot_be_read_costs_one_finding(pairs, deaf, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for path in pairs.iterdir():
        (data / path.name).write_bytes(path.read_bytes())
    (data / "p1.png").write_bytes(b"no image")
    found = compare_models(deaf, "nuclei", data=data, out=tmp_path / "e", settings=FAST)
    assert (found.exit_code, found.difference.n_images) == (1, 4)
    assert "p1.png" in found.errors[0]


@pytest.mark.slow
def test_the_command_prints_the_document_of_the_contract(pairs, deaf, tmp_path):
    call = [sys.executable, "-m", "fatescope", "compare", str(deaf), "nuclei", "--json"]
    call += ["--data", str(pairs), "--out", str(tmp_path / "o"), "--precision", "int8"]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {"old", "new", "difference", "low", "high", "outcome", "units_done"} <= set(answer)
    assert answer["outcome"] == "better"
    assert answer["units_done"] == 5


def squares(*hits):
    """Truth of three squares, and a prediction of those that are named."""
    truth, found = np.zeros((8, 24), int), np.zeros((8, 24), int)
    for k in range(3):
        truth[2:6, 8 * k + 2 : 8 * k + 6] = k + 1
        if k in hits:
            found[2:6, 8 * k + 2 : 8 * k + 6] = k + 1
    return score_labels(truth, found)


def test_the_difference_is_that_of_pooled_scores_and_its_interval_is_paired():
    old = [squares(0), squares(0, 1), squares()]
    new = [squares(0, 1), squares(0, 1, 2), squares(1)]
    settings = ScoreSettings()
    for score in ("ap_50", "ap_75", "mean_ap_50_90", "iou"):
        d = compare_scores(old, new, units=["a", "b", "c"], score=score, settings=settings)
        assert (d.old, d.new) == (pytest.approx(3 / 9), pytest.approx(6 / 9))
        # One more of three in every unit: whatever is drawn, the difference is a third.
        assert (d.low, d.high) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
        assert d.outcome == "better"
    one = compare_scores(old, new, units=["a"] * 3, score="ap_50", settings=settings)
    assert (one.low, one.high, one.outcome) == (None, None, "cannot-tell")
    with pytest.raises(InputError, match="one entry for each image"):
        compare_scores(old, new[:2], units=["a", "b", "c"], score="ap_50", settings=settings)


def test_a_difference_is_never_written_as_minus_nothing():
    assert [signed(x) for x in (0.0, 0.0123, -0.0006, -0.0004, 0.00002)] == [
        "+0.000",
        "+0.012",
        "-0.001",
        "-0.0004",
        "+2e-05",
    ]


def test_odd_pixels_and_masks_among_test_samples_are_said(pairs, tmp_path):
    for path in pairs.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    labels = np.asarray(Image.open(tmp_path / "p0_labels.png"))
    Image.fromarray((labels > 0).astype(np.uint8) * 255).save(tmp_path / "p0_labels.png")
    pixels = np.asarray(Image.open(tmp_path / "p1.png")).copy()
    pixels[:40] = np.iinfo(pixels.dtype).max
    Image.fromarray(pixels).save(tmp_path / "p1.png")
    compare_models("classical", "nuclei", data=tmp_path, out=tmp_path / "o", settings=FAST)
    with (tmp_path / "o/findings.csv").open(encoding="utf-8", newline="") as stream:
        said = {(row["file"].rpartition("/")[2], row["rule"]) for row in csv.DictReader(stream)}
    assert {("p0_labels.png", "label-image"), ("p1.png", "saturated")} <= said
