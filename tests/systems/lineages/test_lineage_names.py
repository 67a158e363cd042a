import csv
import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("imblearn")

from tests.app.browsing import needs_chromium
from tests.pages.looking import reads_well

from fatescope.base import InputError
from fatescope.lineage.compact import aligned_features, compact_labels
from fatescope.models import check_model, load_model, read_package
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.systems.lineages.name_network import read_mean_embryo
from fatescope.systems.lineages.reproduce import data as names_data
from fatescope.systems.lineages.reproduce import run as lineage_names
from fatescope.systems.lineages.reproduce.data import TrainingEmbryo, load_embryos, split_embryos
from fatescope.systems.lineages.reproduce.page import _accuracy
from fatescope.systems.lineages.reproduce.published import published_table, run_published
from fatescope.systems.lineages.reproduce.scores import CORRECTED
from fatescope.systems.reproduction.settings import NamesRecipe


def test_an_embryo_keeps_its_side_whatever_the_order_is():
    lineage = simulate_lineage(LineagePlan(minutes=10), seed=0)
    embryos = [TrainingEmbryo(key=f"e{i}", lineage=lineage) for i in range(12)]
    a = {e.key: e.split for e in split_embryos(embryos, test_share=0.25)}
    b = {e.key: e.split for e in split_embryos(embryos[::-1], test_share=0.25)}
    assert a == b
    assert sorted(a.values()).count("test") == 3
    assert set(a.values()) == {"train", "validation", "test"}


def test_without_data_the_quick_run_is_offered(monkeypatch, tmp_path):
    monkeypatch.delenv("FATESCOPE_DATA", raising=False)
    with pytest.raises(InputError, match="Give their folder with --data, or --quick"):
        names_data.load_embryos(None, quick=False, progress=None)
    with pytest.raises(InputError, match="no lineage was found"):
        names_data.load_embryos(tmp_path, quick=False, progress=None)


def accuracy(package, lineage):
    """The share of a lineage's rows that a package names right, of those with one of the names."""
    features, _ = aligned_features(lineage, read_mean_embryo(package))
    labels = compact_labels(lineage.name)
    guesses = load_model(package.source).run(np.float32(features)).argmax(axis=1)
    return (guesses == labels)[labels >= 0].mean()


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    out = tmp_path_factory.mktemp("lineage-names-2020")
    recipe = NamesRecipe(seed=1)
    summary = lineage_names.LINEAGE_NAMES_2020.run(out=out, recipe=recipe, quick=True, workers=1)
    assert summary.exit_code == 0
    return out


@pytest.mark.slow
@needs_chromium
def test_the_page_of_the_quick_run_reads_well(quick):
    reads_well(quick / "report.html")


@pytest.mark.slow
def test_the_quick_run_writes_page_scores_and_a_package_that_names_a_new_embryo(quick):
    out = quick
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count('class="plotted"') == 12
    assert "movement of E, MS, C, D, P4" in page
    assert "Movement and lineage" in page
    assert "4-256-128-128-64-32" in page
    assert "step(1.), as published" in page
    for words in ("Whose work it is", "18c04ef", "epic.gs.washington.edu", "0.9043", "0.9829"):
        assert words in page
    with (out / "course.csv").open() as file:
        courses = {}
        for r in csv.DictReader(file):
            courses.setdefault(r["network"], []).append(r)
    assert {name: len(course) for name, course in courses.items()} == {
        "reported": 16,
        "reported, schedule on the loss": 16,
        "later": 6,
        "corrected": 6,
    }
    last = float(courses["later"][-1]["validation_accuracy"])
    assert f"{last:.3f} after 6 epochs" in page
    assert "Quick run on rendered embryos" in page
    with (out / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    mean = {}
    for r in rows:
        mean.setdefault(r["method"], []).append(float(r["accuracy"]))
    mean = {m: sum(v) / len(v) for m, v in mean.items()}
    assert mean["the corrected network"] > mean["always the most frequent name"]
    assert mean["the corrected network"] > mean["the published network"] + 0.1

    package = read_package(out / "network")
    assert check_model(out / "network").passed
    told = {r["embryo"]: float(r["accuracy"]) for r in rows if r["method"] == CORRECTED}
    seen = package.description.training.units_seen
    assert not {names_data.unit_hash(e) for e in told} & set(seen)
    embryos, _ = load_embryos(None, quick=True, progress=None)
    tested = {e.key: accuracy(package, e.lineage) for e in embryos if e.key in told}
    assert tested == pytest.approx(told), "the package is not the network of the table"
    new = simulate_lineage(replace(LineagePlan(), minutes=120), seed=77)
    always = np.bincount(compact_labels(new.name)[compact_labels(new.name) >= 0]).max() / len(new)
    assert accuracy(package, new) > 2 * always
    assert not (out / "fits").exists()
    assert json.loads((out / "run.json").read_text())["settings"]["quick"] is True


def test_the_published_table_is_taken_where_it_is_and_one_like_it_where_it_is_not():
    lineage = simulate_lineage(LineagePlan(minutes=10), seed=0)
    embryos = [TrainingEmbryo(key=k, lineage=lineage) for k in ("b_unc-130", "a", "c")]
    assert published_table(embryos, "unc").key == "b_unc-130"
    assert published_table(embryos, "alr-1").key == "a"


def test_a_quick_run_finds_the_published_table_where_it_is_given(tmp_path, monkeypatch):
    lineage = simulate_lineage(LineagePlan(minutes=10), seed=0)
    for name in ("CD20081016_alr-1_10A2_3_L1", "CDother"):
        (tmp_path / f"{name}.csv").write_text("cell,time,x,y,z\nAB,1,1,1,1\n")
    monkeypatch.setattr(names_data, "_usable", lambda file: lineage)
    (found,) = names_data.given_tables(tmp_path)
    assert "20081016_alr-1" in found.key
    assert names_data.given_tables(None) == []


def test_accuracy_is_given_after_30_epochs_and_at_the_end():
    course = np.arange(50) / 100
    assert _accuracy(course) == "0.290 after 30 epochs, 0.490 after 50 epochs"
    assert _accuracy(course[:6]) == "0.050 after 6 epochs"
    assert _accuracy(course[:30]) == "0.290 after 30 epochs"


@pytest.mark.data
@pytest.mark.slow
def test_the_reported_run_has_the_rows_of_the_notebook(data_dir, tmp_path):
    """202,208 rows after sampling, 32 times 6,319: as the notebook of 6 June 2020 prints."""
    embryos, _ = load_embryos(data_dir / "epic_tables", quick=False, progress=None)
    recipe = NamesRecipe(epochs=1, later_epochs=1)
    runs = run_published(embryos, recipe, tmp_path, None)
    assert runs.reported.table.endswith("CD20081016_alr-1_10A2_3_L1")
    assert (runs.reported.fit.rows, runs.reported.fit.rows_after_sampling) == (17962, 202208)
    assert runs.reported.rows_per_name == 6319
    assert len(runs.reported.label_counts) == 32
    assert runs.later.same_table
    assert len(runs.later.label_counts) == 17
