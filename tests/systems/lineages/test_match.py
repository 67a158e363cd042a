"""``lineage match`` from files to the film: what is written, said and refused."""

import json
import subprocess
import sys
import time

import av
import numpy as np
import pytest

from fatescope.acquire import read_table, write_table
from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.movies import write_frames
from fatescope.base import InputError
from fatescope.simulate.embryo import LineageSettings, MovieScene, MovieSettings
from fatescope.simulate.embryo.truth import epic_table, spots_of
from fatescope.systems.lineages.match import match_lineage, match_table, plan_match
from fatescope.systems.lineages.settings import MatchSettings
from fatescope.systems.simulation.rendered import read_or_draw

SHAPE, FRAMES = (96, 132), range(45, 75)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A movie with its table, the same table two frames off, and that of another embryo."""
    out = tmp_path_factory.mktemp("match")
    look = {"height": 96, "width": 132, "voxel_um": (2.0, 0.5, 0.5), "planes": 16, "photons": 200.0}
    settings = MovieSettings.from_values({**look, "neighbour": 0.0})
    for seed in (3, 8):
        lives = read_or_draw(LineageSettings(minutes=90), table=None, seed=seed)
        scene = MovieScene(lives, settings, seed=seed)
        spots = spots_of(scene.lives, list(FRAMES), grid=scene.grid)
        table = epic_table(spots, pixel_um=0.5, reporter=np.zeros(len(spots)))
        write_table(table, out / f"CDe{seed}.csv")
        if seed == 3:
            write_frames(
                out / "e3.mp4",
                (scene.render(k) for k in FRAMES),
                frames_per_second=7,
                codec="mpeg4",
                kbit_s=400,
            )
            late = table.with_columns({"time": table["time"] + 2})
            write_table(late, out / "CDlate.csv")
    return out


@pytest.mark.slow
def test_a_table_is_laid_on_its_movie_and_both_are_played(folder, tmp_path):
    summary = match_lineage(folder / "e3.mp4", folder / "CDlate.csv", out=tmp_path / "out")
    assert summary.units_done == 1
    row = read_table(tmp_path / "out/match.csv")
    assert row["told"].tolist() == [1]
    assert row["offset_frames"].tolist() == [-2]
    found = read_table(tmp_path / "out/findings.csv")
    assert "offset" in found["rule"].tolist()
    laid = read_lineage(tmp_path / "out/matched/CDlate.csv")
    assert np.array_equal(np.unique(laid.frame), np.unique(read_lineage(folder / "CDe3.csv").frame))
    with av.open(str(tmp_path / "out/film/CDlate.mp4")) as film:
        frames = [f.to_ndarray(format="rgb24") for f in film.decode(video=0)]
    assert len(frames) == len(FRAMES)
    tree = [f[30:, SHAPE[1] :].astype(int) for f in (frames[0], frames[-1])]
    dark = [(t.max(axis=2) - t.min(axis=2) > 40).sum() for t in tree]
    assert dark[1] > 1.5 * dark[0]  # the tree has grown
    page = (tmp_path / "out/report.html").read_text("utf-8")
    assert "frame = time - 3" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.slow
def test_another_embryo_gives_cannot_tell_and_no_film(folder, tmp_path):
    match_lineage(folder / "e3.mp4", folder / "CDe8.csv", out=tmp_path / "out")
    assert read_table(tmp_path / "out/match.csv")["told"].tolist() == [0]
    assert "not-its-table" in read_table(tmp_path / "out/findings.csv")["rule"].tolist()
    assert not (tmp_path / "out/film").exists()
    assert not (tmp_path / "out/matched").exists()
    assert "cannot be told" in (tmp_path / "out/report.html").read_text("utf-8")


def test_the_same_call_again_does_nothing_anew(folder, tmp_path):
    settings = MatchSettings(film=False)
    for _ in range(2):
        match_lineage(folder / "e3.mp4", folder / "CDe3.csv", out=tmp_path, settings=settings)
    record = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert record["command"] == "lineage match"
    assert not (tmp_path / "film").exists()


@pytest.mark.slow
def test_a_killed_call_continues_to_the_same_table(folder, tmp_path):
    """The process is killed once it has begun to write; the same command then finishes."""
    words = [str(folder / "e3.mp4"), str(folder / "CDe3.csv"), "--no-film", "--out"]
    command = [sys.executable, "-m", "fatescope", "lineage", "match", *words]
    out = tmp_path / "out"
    process = subprocess.Popen([*command, str(out)], stderr=subprocess.DEVNULL)
    while not (out / "ledger.sqlite").exists() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    settings = MatchSettings(film=False)
    for place in (out, tmp_path / "unbroken"):
        done = match_lineage(folder / "e3.mp4", folder / "CDe3.csv", out=place, settings=settings)
        assert done.exit_code == 0
    for name in ("match.csv", "matched/CDe3.csv", "findings.csv", "report.html"):
        assert (out / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()


def test_a_plan_says_what_it_would_cost_and_writes_nothing(folder):
    with_film, without = (
        plan_match(folder / "e3.mp4", folder / "CDe3.csv", settings=MatchSettings(film=film))
        for film in (True, False)
    )
    assert with_film.units == 1
    assert with_film.cpu_seconds >= without.cpu_seconds > 0
    assert sorted(p.name for p in folder.iterdir()) == [
        *("CDe3.csv", "CDe8.csv", "CDlate.csv", "e3.mp4")
    ]


@pytest.mark.parametrize(
    ("movie", "table", "words"),
    [
        ("bad.mp4", "CDe3.csv", "is not an image"),
        ("none.mp4", "CDe3.csv", "no such file"),
        ("e3.mp4", "empty.csv", "holds no nucleus"),
        ("e3.mp4", "none.csv", "does not exist"),
    ],
)
def test_what_cannot_be_read_or_is_empty_is_named(folder, tmp_path, movie, table, words):
    for name in ("e3.mp4", "CDe3.csv"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "bad.mp4").write_text("no movie")
    (tmp_path / "empty.csv").write_text("cell,time,x,y\n")
    done = match_lineage(tmp_path / movie, tmp_path / table, out=tmp_path / "out")
    assert done.exit_code == 2
    assert words in done.errors[0]


def test_in_memory_nothing_is_written(folder):
    fit = match_table(folder / "e3.mp4", read_lineage(folder / "CDe3.csv"))
    assert fit.is_told
    assert fit.pose.is_plain
    assert fit.pose.offset == 0


def test_what_is_no_movie_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="TYX"):
        match_table(np.zeros((64, 64), np.uint8), read_lineage(folder / "CDe3.csv"), axes="YX")
    with pytest.raises(InputError, match="Give one file"):
        match_lineage(folder / "e3.mp4", folder, out=tmp_path / "x")


def test_a_table_in_the_place_of_the_movie_is_one_sentence(folder, tmp_path):
    table, movie = folder / "CDe3.csv", folder / "e3.mp4"
    said = r"e3\.mp4: is the movie, .* \S*e3\.mp4 \S*CDe3\.csv"
    with pytest.raises(InputError, match=said):
        match_lineage(table, movie, out=tmp_path / "out")
    with pytest.raises(InputError, match=said):
        plan_match(table, movie)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="movie first"):
        match_table(read_lineage(table), movie)
