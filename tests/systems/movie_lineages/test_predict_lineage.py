"""From a movie of volumes to links and names: ``predict lineage``."""

import json

import numpy as np
import pytest
import tifffile

import fatescope as fs
from fatescope.acquire import read_table
from fatescope.base import Execution
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.systems.movie_lineages.settings import MovieLineageSettings
from fatescope.systems.nuclei.settings import NucleiSettings

ALONE = Execution(workers=1)
SHAPE, STEPS = (20, 64, 96), (1.5, 0.6, 0.6)
FRAMES = slice(24, 44)
ASKED = MovieLineageSettings.from_values(
    {"model": "classical", "axes": "TZYX", "spacing_um": STEPS, "interval_min": 1.0}
    | {"diameter_um": 6.0}
)


@pytest.fixture(scope="module")
def truth():
    """A drawn embryo around its first divisions."""
    return simulate_lineage(LineagePlan(), seed=1)


@pytest.fixture(scope="module")
def movie(truth, tmp_path_factory):
    """Balls of light where the nuclei of the embryo are; with their number in each frame."""
    place = truth.position_um() / np.array(STEPS)
    place += np.array(SHAPE) / 2 - np.nanmean(place, axis=0)
    frames = np.unique(truth.frame)[FRAMES]
    grid = np.indices(SHAPE).astype(np.float32)
    volumes = []
    for t in frames:
        volume = np.zeros(SHAPE, np.float32)
        for at in place[truth.frame == t]:
            away = ((grid - at[:, None, None, None]) * np.array(STEPS)[:, None, None, None]) ** 2
            volume += 180 * np.exp(-away.sum(axis=0) / (2 * 1.6**2))
        volumes.append(np.clip(volume + 10, 0, 255).astype(np.uint8))
    path = tmp_path_factory.mktemp("movie") / "embryo.tif"
    tifffile.imwrite(path, np.stack(volumes))
    return path, [np.rint(place[truth.frame == t]).astype(int) for t in frames]


@pytest.fixture(scope="module")
def result(movie, tmp_path_factory):
    out = tmp_path_factory.mktemp("result") / "out"
    summary = fs.predict_lineage(movie[0], out=out, settings=ASKED, execution=ALONE)
    assert (summary.units_done, summary.units_failed) == (1, 0)
    return out


@pytest.mark.slow
def test_nuclei_are_found_and_keep_one_number_through_divisions(movie, result):
    objects, tracks = read_table(result / "objects.csv"), read_table(result / "tracks.csv")
    labels = tifffile.imread(result / "labels" / "embryo.tif")
    assert labels.shape == (len(movie[1]), *SHAPE)
    there = [labels[t][tuple(voxels.T)] for t, voxels in enumerate(movie[1])]
    assert np.mean(np.concatenate(there) > 0) > 0.97
    assert np.mean([len(set(one.tolist())) / len(one) for one in there]) > 0.75
    for frame, label in zip(objects["frame"], objects["label"], strict=True):
        assert (labels[frame] == label).any()
    mothers = [p for p in tracks["parent"] if p is not None and p == p]
    assert len(mothers) >= 2
    assert len(set(mothers)) * 2 == len(mothers)


@pytest.mark.slow
def test_the_tables_are_those_that_are_promised(result):
    spots = read_table(result / "spots.csv")
    promised = "id frame z y x radius_um parent movie link_score division_score"
    assert " ".join(spots.columns) == promised
    assert set(spots["movie"]) == {"embryo"}
    assert np.all(np.isfinite(spots["radius_um"]))
    linked = np.array([p is not None and p == p for p in spots["parent"]])
    scores = spots["link_score"].astype(float)
    assert np.isfinite(scores[linked]).all()
    assert np.isnan(scores[~linked]).all()
    named = read_table(result / "named" / "embryo.csv")
    assert list(named.columns)[-5:] == ["name", "compact", "confidence", "second", "abstained"]
    assert named["id"].tolist() == spots["id"].tolist()
    embryos = read_table(result / "embryos.csv")
    assert list(embryos.columns)[:2] == ["table", "flagged"]
    assert embryos["table"].tolist() == ["embryo"]


@pytest.mark.slow
def test_the_page_answers_first_and_leads_to_the_tree(result):
    page = (result / "report.html").read_text(encoding="utf-8")
    assert "cells named" in page
    assert 'href="trees/embryo.html"' in page
    assert (result / "trees" / "embryo.html").stat().st_size > 1000
    assert "were not tracked" not in page


@pytest.mark.slow
def test_in_memory_the_same_is_found(movie, result):
    found = fs.segment_lineage(
        movie[0], axes="TZYX", spacing_um=STEPS, interval_min=1.0, settings=ASKED
    )
    written = tifffile.imread(result / "labels" / "embryo.tif")
    np.testing.assert_array_equal(found.labels, written)
    objects = read_table(result / "objects.csv")
    assert [str(n or "") for n in found.objects["name"]] == [str(n or "") for n in objects["name"]]


@pytest.mark.slow
def test_other_animals_get_tracks_and_no_names(movie, tmp_path):
    asked = ASKED.replace(species="none")
    fs.predict_lineage(movie[0], out=tmp_path / "out", settings=asked, execution=ALONE)
    assert (tmp_path / "out" / "spots.csv").is_file()
    assert not (tmp_path / "out" / "named").exists()
    assert "no names" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_movie_of_planes_is_linked_and_says_why_it_is_not_named(movie, tmp_path):
    flat = tmp_path / "flat.tif"
    tifffile.imwrite(flat, tifffile.imread(movie[0])[:6].max(axis=1))
    asked = ASKED.replace(axes="TYX", spacing_um=STEPS[1:])
    fs.predict_lineage(flat, out=tmp_path / "out", settings=asked, execution=ALONE)
    findings = read_table(tmp_path / "out" / "findings.csv")
    said = findings["reason"][findings["rule"] == "left-out"]
    assert ["lie in one plane" in s for s in said] == [True]


def test_black_volumes_give_empty_tables_and_no_error(tmp_path):
    tifffile.imwrite(tmp_path / "black.tif", np.zeros((3, 6, 32, 32), np.uint8))
    summary = fs.predict_lineage(
        tmp_path / "black.tif", out=tmp_path / "out", settings=ASKED, execution=ALONE
    )
    assert summary.units_done == 1
    assert len(read_table(tmp_path / "out" / "spots.csv")) == 0


@pytest.mark.slow
def test_its_record_says_what_was_asked(result):
    record = json.loads((result / "run.json").read_text())
    assert record["command"] == "predict lineage"
    assert record["settings"]["species"] == "c-elegans"


@pytest.mark.slow
def test_what_is_seen_in_one_frame_has_no_name_and_is_not_in_the_tree(result):
    named, said = read_table(result / "named" / "embryo.csv"), read_table(result / "findings.csv")
    parents = {int(p) for p in named["parent"] if p == p}
    alone = np.array([p != p for p in named["parent"]]) & ~np.isin(named["id"], list(parents))
    assert alone.any(), "this movie has some"
    assert not any(named["name"][alone])
    assert (named["abstained"][alone] == 1).all()
    assert np.isnan(named["confidence"][alone].astype(float)).all()
    assert (said["value"][said["rule"] == "orphan"] == alone.sum()).all()
    assert "seen in one frame only" in said["reason"][said["rule"] == "orphan"][0]


def test_one_volume_is_no_movie_and_says_so(tmp_path):
    """Frames in files of their own, without --sequence, would be as many unlinked images."""
    volume = np.zeros((4, 32, 32), np.uint8)
    volume[1:3, 10:20, 10:20] = 200
    asked = MovieLineageSettings.from_values({"model": "classical", "axes": "ZYX"})
    found = fs.segment_lineage(volume, axes="ZYX", settings=asked)
    (said,) = [f for f in found.findings if f.rule == "left-out"]
    assert said.severity == "warning"
    assert "one frame, so nothing was linked" in said.reason
    assert "--sequence" in said.reason
    nuclei = fs.segment_nuclei(volume[1], axes="YX", settings=NucleiSettings(link=True))
    assert [f.reason for f in nuclei.findings if f.rule == "left-out"] == [said.reason]
