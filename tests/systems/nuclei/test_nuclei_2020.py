"""``fatescope reproduce nuclei-2020`` on a handful of small images."""

import csv
import json
import re
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.app.browsing import needs_chromium
from tests.pages.looking import reads_well

from fatescope.acquire import read_table
from fatescope.base import InputError, Table
from fatescope.prepare import Sample
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.systems.nuclei.reproduce.folds import run_fold, with_published_mask
from fatescope.systems.nuclei.reproduce.page import _changed, _which, pooled_score
from fatescope.systems.nuclei.reproduce.run import NUCLEI_2020
from fatescope.systems.reproduction.settings import NucleiRecipe

DOCS = Path(__file__).parents[3] / "docs"
NEEDED = ("torch", "albumentations", "segmentation_models_pytorch")
pytestmark = pytest.mark.skipif(
    not all(find_spec(name) for name in NEEDED), reason="the extra `train` is not installed"
)
TINY = NucleiRecipe(epochs=2, batches=1, batch=2, size_px=64, steps=2, folds=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    plan = NucleiMovieSettings(height=96, width=112, diameter_px=20, density=0.2)
    for i in range(3):
        pixels, labels = simulate_image(plan, seed=i)
        for name, values in (("images", pixels), ("labels", labels)):
            (root / name).mkdir(exist_ok=True)
            Image.fromarray(values.astype(np.uint16)).save(root / name / f"p{i}.png")
    return root


@pytest.fixture(scope="module")
def done(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("done")
    return out, NUCLEI_2020.run(out=out, recipe=TINY, data=folder, workers=1)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    out = tmp_path_factory.mktemp("nuclei-2020")
    NUCLEI_2020.run(out=out, recipe=NucleiRecipe(), quick=True, workers=1)
    return out


@pytest.mark.slow
def test_each_image_is_left_out_once_and_the_page_says_what_was_found(done):
    out, summary = done
    assert (summary.units_done, summary.exit_code) == (2, 0)
    with (out / "scores.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [r["image"] for r in rows] == [f"p{i}" for i in range(3) for _ in range(3)]
    assert {r["method"] for r in rows} == {
        "published, threshold 0.5",
        "published, threshold 0.1",
        "corrected",
    }
    page = (out / "report.html").read_text()
    views = json.loads(re.search(r'class="data">(.*?)</script>', page)[1])["views"]
    titles = [f"p{i}{version}" for i in range(3) for version in ("", ", augmented")]
    assert [v["title"] for v in views] == titles
    # Image, published, corrected, mask; of an augmented version there is no corrected one.
    assert [len(v["frames"][0]["panes"]) for v in views] == [4, 3] * 3
    assert "p0, p1 left out" in page
    for words in ("about 0.71", "edge at 0.1,", "Adam at 0.00015", "augmented mask", "8a3d8fc"):
        assert words in page
    with (out / "roughness.csv").open() as stream:
        versions = [r["image"] for r in csv.DictReader(stream)]
    assert versions == [f"p{i}" for i in range(3) for _ in range(20)]
    # What was changed is said, and nothing is called what it is not.
    for words in ("2 epochs instead of 25", "random weights instead of ImageNet"):
        assert words in page
    for words in ("as published, and", "reproduced as published", "the network of 2020 reaches"):
        assert words not in page


def test_only_an_unchanged_recipe_with_given_weights_is_the_network_of_2020():
    given = NucleiRecipe(weights="resnet18.pth", sha256="0")
    assert (_which(given), _changed(given)) == ("The network of 2020", [])
    assert _changed(NucleiRecipe()) == ["random weights instead of ImageNet"]
    faster = given.replace(rate=0.001)
    assert _changed(faster) == ["learning rate 0.001 instead of 0.00015"]
    assert _which(faster) == _which(NucleiRecipe()) == "A network like that of 2020"


def test_the_published_mask_is_trained_on_where_there_is_one(folder, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(folder, root)
    sample = Sample(image=root / "images/p0.png", labels=root / "labels/p0.png", unit="p0")
    assert with_published_mask(sample) == sample
    (root / "masks_published").mkdir()
    jpeg = root / "masks_published" / "p0.jpg"
    Image.fromarray(np.zeros((96, 112), np.uint8)).save(jpeg)
    assert with_published_mask(sample).labels == jpeg
    assert with_published_mask(sample).image == sample.image


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_with_the_folds_that_are_not_done(folder, done, tmp_path):
    whole, out = done[0], tmp_path / "out"
    begun = []

    def interrupted(fold, **keywords):
        if begun:
            raise KeyboardInterrupt
        begun.append(fold.key)
        return run_fold(fold, **keywords)

    with pytest.raises(KeyboardInterrupt):
        replace(NUCLEI_2020, do=interrupted).run(out=out, recipe=TINY, data=folder, workers=1)
    assert begun == ["p0, p1"]
    kept = (out / "images" / "p0" / "image.png").stat().st_mtime_ns
    assert NUCLEI_2020.run(out=out, recipe=TINY, data=folder).units_done == 2
    assert (out / "images" / "p0" / "image.png").stat().st_mtime_ns == kept
    for name in ("scores.csv", "course.csv", "roughness.csv", "report.html"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_the_interval_is_over_images_and_holds_the_pooled_score():
    columns = {"n_true": [2] * 4, "n_found": [2, 1, 1, 1], "n_matched": [2, 1, 1, 1]}
    columns |= {"true_px": [100] * 4, "found_px": [100, *[64] * 3], "shared_px": [100, *[64] * 3]}
    scores = Table({name: np.array(values) for name, values in columns.items()})
    value, span = pooled_score(scores, "nuclei")
    assert value == pytest.approx(5 / 8)
    low, high = map(float, span.split(" to "))
    assert low <= value <= high
    assert (low, high) == (0.5, 0.88)
    pixels, _ = pooled_score(scores, "pixels")
    assert pixels == pytest.approx((100 + 3 * 64) / 400)
    assert pooled_score(scores.rows(slice(0, 1)), "nuclei")[1] == "one image: none"
    assert pooled_score(scores.rows(slice(0, 3)), "nuclei")[1] == "3 images: none"


def test_without_images_the_way_out_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("FATESCOPE_DATA", raising=False)
    with pytest.raises(InputError, match="--quick"):
        NUCLEI_2020.run(out=tmp_path / "a", recipe=TINY)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="0 pairs of images"):
        NUCLEI_2020.run(out=tmp_path / "b", recipe=TINY, data=tmp_path / "empty")


@pytest.mark.slow
def test_the_quick_run_learns_something_from_rendered_images(quick):
    with (quick / "scores.csv").open() as stream:
        iou = {(r["image"], r["method"]): float(r["pixel_iou"]) for r in csv.DictReader(stream)}
    assert min(v for (_, method), v in iou.items() if method == "corrected") > 0.6
    table = (DOCS / "reproduction-nuclei-2020.md").read_text(encoding="utf-8")
    table = table.partition("| two rendered images")[2].partition("\n\n")[0]
    told = [float(n) for n in re.findall(r"\| (0\.\d+)", table)]
    scores = read_table(quick / "scores.csv")
    found = [
        pooled_score(scores.rows(scores["method"] == method), which)[0]
        for method in dict.fromkeys(scores["method"])
        for which in ("pixels", "nuclei")
    ]
    assert found == pytest.approx(told, abs=0.1)
    assert "Quick run on rendered images" in (quick / "report.html").read_text()


@pytest.mark.slow
@needs_chromium
def test_the_page_of_the_quick_run_reads_well(quick):
    reads_well(quick / "report.html")


@pytest.mark.data
@pytest.mark.slow
def test_the_electron_micrographs_go_through(data_dir, tmp_path):
    NUCLEI_2020.run(out=tmp_path, recipe=TINY.replace(epochs=1), data=data_dir)
    with (tmp_path / "scores.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == 18
