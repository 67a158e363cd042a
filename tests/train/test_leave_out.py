"""Movies are left out by turns: folds of movies, blocks of time of one movie, losses of frames."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from tests.populations_cases import scene, write_pair

torch = pytest.importorskip("torch")

# ruff: noqa: E402

from fatescope.base import InputError
from fatescope.prepare import PairSettings, Sample, read_samples, write_samples
from fatescope.systems.cleaning.clean import clean_files
from fatescope.systems.training.train import prepare_pairs
from fatescope.train import LeaveOut, deal_folds, parse_recipe, score_left_out

RECIPE = {
    "task": "populations",
    "name": "counts",
    "network": {"widths": [8, 16, 16, 16], "hidden": 32},
    "fit": {
        "steps": 120,
        "batch": 8,
        "steps_per_epoch": 60,
        "validate_every": 2,
        "learning_rate": 0.01,
    },
}
ALL = LeaveOut(leave_out="all")


def manifest(folder, units, *, role="lineage"):
    """Write a manifest of (unit, kind, frames); nothing of it can be opened."""
    rows = [
        Sample(
            image=folder / f"{unit}.mp4",
            labels=folder / f"{unit}.csv",
            unit=unit,
            frame=frame,
            role=role,
            kind=kind,
        )
        for unit, kind, frames in units
        for frame in frames
    ]
    write_samples(folder / "samples.csv", rows)
    return read_samples(folder, splits=["train"])


def test_every_sample_is_left_out_once_and_units_stay_whole(tmp_path):
    rows = manifest(tmp_path, [(f"m{i}", "rendered", range(4)) for i in range(7)])
    folds = deal_folds(tmp_path, LeaveOut(leave_out="all", folds=3))
    assert sorted(i for f in folds for i in f.held) == list(range(28))
    units = [{rows[i].unit for i in f.held} for f in folds]
    assert sorted(map(len, units)) == [2, 2, 3]
    assert not units[0] & units[1] | units[0] & units[2] | units[1] & units[2]
    assert all(not f.beside for f in folds)
    assert len(deal_folds(tmp_path, ALL)) == 7, "without folds, each unit is one"


def test_a_movie_alone_of_its_kind_is_cut_into_blocks_of_time_with_guards(tmp_path):
    units = [("a", "rendered", range(5)), ("b", "rendered", range(5)), ("r", "recorded", range(90))]
    rows = manifest(tmp_path, units)
    folds = [f for f in deal_folds(tmp_path, ALL) if f.name.startswith("r, ")]
    assert [f.name for f in folds][:2] == ["r, frames 0 to 17", "r, frames 18 to 35"]
    for fold in folds:
        held = sorted(rows[i].frame for i in fold.held)
        training = [s.frame for s in fold.apply(rows) if s.unit == "r" and s.split == "train"]
        assert held == list(range(min(held), max(held) + 1))
        assert min(abs(a - b) for a in held for b in training) == 11
        assert {s.unit for s in fold.apply(rows) if s.split == "train"} == {"a", "b", "r"}
    assert sorted(rows[i].frame for f in folds for i in f.held) == list(range(90))


def test_images_of_one_embryo_are_no_movie_and_stay_together(tmp_path):
    units = [(u, u, range(30)) for u in "abc"]
    manifest(tmp_path, units, role="instances")
    assert [f.name for f in deal_folds(tmp_path, ALL)] == ["a", "b", "c"]


def test_fewer_units_than_folds_are_refused_with_the_kinds_that_there_are(tmp_path):
    manifest(tmp_path, [(f"m{i}", "rendered", range(4)) for i in range(4)])
    with pytest.raises(InputError, match=r"4 units of this kind.*5 or more.*Kinds are: rendered"):
        deal_folds(tmp_path, LeaveOut(leave_out="all", folds=5))
    with pytest.raises(InputError, match=r"0 units of this kind"):
        deal_folds(tmp_path, LeaveOut(leave_out="recorded"))


@pytest.fixture(scope="module")
def mislabelled(tmp_path_factory):
    """Three rendered movies; of the second, six late frames have the cells of an early one."""
    folder = tmp_path_factory.mktemp("movies")
    for i, name in enumerate("abc"):
        write_pair(folder, name, scene(i, minutes=120, interval_min=4.0))
    said = ["movie,kind,split,neighbour", *(f"{n},rendered,train,0" for n in "abc")]
    (folder / "movies.csv").write_text("\n".join(said))
    out = folder / "pairs"
    given = {"movies": str(folder / "movies"), "tables": str(folder / "tables")}
    prepare_pairs([], out=out, settings=PairSettings(**given))
    rows = read_samples(out, splits=["train"])
    last = max(s.frame for s in rows if s.image.stem == "b")
    wrong = {("b", t) for t in range(last - 7, last - 1)}
    rows = [replace(s, offset=s.frame - 2) if (s.image.stem, s.frame) in wrong else s for s in rows]
    write_samples(out / "samples.csv", rows)
    return out, {t for _, t in wrong}


@pytest.mark.slow
def test_frames_with_wrong_labels_have_the_highest_losses_under_networks_that_have_not_seen_them(
    mislabelled, tmp_path
):
    data, wrong = mislabelled
    scored = score_left_out(parse_recipe(RECIPE), data=data, out=tmp_path, asked=ALL)
    assert scored == [], "the card of such packages tells of whole movies"
    table = tmp_path / "samples_loss.csv"
    with table.open(newline="") as stream:
        losses = list(csv.DictReader(stream))
    assert len(losses) == len(read_samples(data, splits=["train"]))
    assert {(r["unit"], r["fold"]) for r in losses} == {("a", "0"), ("b", "1"), ("c", "2")}
    of_b = sorted((float(r["loss"]), int(r["frame"])) for r in losses if r["unit"] == "b")
    assert {frame for _, frame in of_b[-6:]} == wrong
    right = np.median([loss for loss, frame in of_b if frame not in wrong])
    assert of_b[-6][0] > 3 * right
    clean_files([table], out=tmp_path / "checked", drop=6 / len(losses), apply=True)
    text = (tmp_path / "checked" / "exclusion.csv").read_text()
    assert all(f"b.mp4,{t},{t}" in text for t in wrong)
