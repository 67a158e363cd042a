"""Labels of a movie that keep one number through time: ``predict nuclei --link``."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.acquire.image_files import plain_tiff

import fatescope as fs
from fatescope.acquire import read_image, read_table
from fatescope.base import Execution, Image, Table
from fatescope.engine.found import Found
from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
from fatescope.systems.nuclei.find import predict_nuclei
from fatescope.systems.nuclei.linked_labels import link_found

ALONE = Execution(workers=1)
FRAMES = 5


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    """Nuclei that move and do not divide; returns the path and the true labels."""
    still = {"divisions_per_hour": 0.0, "density": 0.15, "touching_share": 0.0}
    settings = NucleiMovieSettings.from_values(
        {"frames": FRAMES, "height": 128, "width": 128, "interval_min": 2.0, **still}
    )
    made = simulate_nuclei(settings, seed=4)
    path = tmp_path_factory.mktemp("movie") / "a.tif"
    plain_tiff(path, made.pixels)
    return path, made


def asked(**more):
    given = {"model": "classical", "diameter_px": 22, "axes": "TYX", "link": True}
    return fs.NucleiSettings.from_values(given | more)


@pytest.fixture(scope="module")
def out(movie, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "results"
    predict_nuclei(movie[0], out=folder, settings=asked(), execution=ALONE)
    return folder


def test_a_nucleus_keeps_its_number_through_the_movie(movie, out):
    labels = read_image(out / "labels/a.tif").read()
    truth = movie[1].labels
    kept = 0
    for nucleus in np.unique(truth[truth > 0]):
        seen = [np.bincount(labels[t][truth[t] == nucleus]).argmax() for t in range(FRAMES)]
        kept += len(set(seen)) == 1 and seen[0] > 0
    assert kept >= 0.8 * len(np.unique(truth[truth > 0]))
    # without links the numbers are those of each frame
    plain = fs.segment_nuclei(read_image(movie[0], axes="TYX"), settings=asked(link=False))
    assert (plain.labels.max(axis=(1, 2)) == plain.objects["label"].max()).any()
    np.testing.assert_array_equal(plain.labels[0], labels[0])
    assert (plain.labels > 0).tolist() == (labels > 0).tolist()


def test_objects_and_tracks_speak_of_the_labels(out):
    labels = read_image(out / "labels/a.tif").read()
    objects, tracks = read_table(out / "objects.csv"), read_table(out / "tracks.csv")
    assert list(tracks) == ["image", "label", "first_frame", "last_frame", "parent"]
    in_labels = [(t, n) for t in range(FRAMES) for n in np.unique(labels[t]).tolist() if n]
    assert list(zip(objects["frame"].tolist(), objects["label"].tolist(), strict=True)) == in_labels
    for i, label in enumerate(tracks["label"].tolist()):
        own = objects["frame"][objects["label"] == label]
        assert (own.min(), own.max()) == (tracks["first_frame"][i], tracks["last_frame"][i])
        row = objects.rows((objects["label"] == label) & (objects["frame"] == own[0]))
        y, x = round(float(row["y"][0])), round(float(row["x"][0]))
        assert labels[own[0], y, x] in (label, 0)
    assert any("tracks begin" in r for r in read_table(out / "findings.csv")["reason"])


def test_in_memory_gives_the_same_labels_rows_and_tracks(movie, out):
    found = fs.segment_nuclei(read_image(movie[0], axes="TYX"), settings=asked())
    np.testing.assert_array_equal(found.labels, read_image(out / "labels/a.tif").read())
    for name, table in (("objects", found.objects), ("tracks", found.tracks)):
        written = read_table(out / f"{name}.parquet")
        assert written["label"].tolist() == table["label"].tolist()


def test_links_are_those_of_lineage_link(movie, out, tmp_path):
    plain = tmp_path / "plain"
    predict_nuclei(movie[0], out=plain, settings=asked(link=False), execution=ALONE)
    from fatescope.systems.lineages.link import link_lineages

    link_lineages([plain], out=tmp_path / "linked", to="csv", execution=ALONE)
    assert "tracks" in read_table(tmp_path / "linked/findings.csv")["rule"].tolist()
    spots = read_table(tmp_path / "linked/spots.csv")
    parent = np.array([-1 if p is None or p != p else int(p) for p in spots["parent"].tolist()])
    began = int((parent < 0).sum() + 2 * (np.bincount(parent[parent >= 0]) == 2).sum())
    assert len(read_table(out / "tracks.csv")) == began
    ours = read_table(out / "objects.csv")
    first = {n: f for f, n in zip(ours["frame"], ours["label"], strict=True)}
    assert len(first) == began


def test_an_excluded_frame_is_stepped_over(movie, tmp_path):
    rows = "file,frame,object,rule,value,limit,severity,status,reason\n"
    (tmp_path / "exclude.csv").write_text(f"{rows}a,2,,black,,,error,accepted,black\n")
    settings = asked(exclude=tmp_path / "exclude.csv")
    predict_nuclei(movie[0], out=tmp_path / "out", settings=settings, execution=ALONE)
    labels = read_image(tmp_path / "out/labels/a.tif").read()
    assert labels[2].max() == 0
    assert "excluded" in read_table(tmp_path / "out/findings.csv")["rule"].tolist()
    tracks = read_table(tmp_path / "out/tracks.csv")
    through = (tracks["first_frame"] == 0) & (tracks["last_frame"] == FRAMES - 1)
    assert through.sum() >= 0.6 * (tracks["first_frame"] == 0).sum()


def test_a_single_image_and_an_empty_movie_are_no_error(movie, tmp_path):
    single = fs.segment_nuclei(movie[1].pixels[0], settings=asked(axes=None))
    assert single.tracks is None
    empty = np.full((3, 64, 64), 100, np.uint16)
    found = fs.segment_nuclei(empty, axes="TYX", settings=asked())
    assert len(found.objects) == 0
    assert len(found.tracks) == 0
    assert found.labels.shape == (3, 64, 64)


@pytest.mark.slow
def test_killed_and_continued_gives_the_same_bytes(movie, out, tmp_path):
    folder = tmp_path / "out"
    words = ["predict", "nuclei", str(movie[0]), "--out", str(folder), "--link", "--workers", "1"]
    words += ["--model", "classical", "--diameter-px", "22", "--axes", "TYX"]
    process = subprocess.Popen([sys.executable, "-m", "fatescope", *words])
    while not (folder / "ledger.sqlite").exists() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = subprocess.run([sys.executable, "-m", "fatescope", *words], capture_output=True)
    assert done.returncode == 0, done.stderr
    for name in ("labels/a.tif", "objects.csv", "tracks.csv"):
        assert (folder / name).read_bytes() == (out / name).read_bytes(), name


def test_daughters_have_numbers_of_their_own_and_name_their_mother():
    radius, frames = 5, []
    y, x = np.indices((64, 160))
    for t in range(8):
        apart = max(0, t - 3) * 4
        places = [(20, 40)] if t < 4 else [(20, 40 - apart), (20, 40 + apart)]
        places += [(44, 100 + 2 * t)]
        near = [np.hypot(y - a, x - b) < radius for a, b in places]
        frames.append(np.select(near, range(1, len(near) + 1)).astype(np.uint8))
    labels = np.stack(frames)
    objects = [
        {"label": n, "frame": t, "y": y[f == n].mean(), "x": x[f == n].mean()}
        for t, f in enumerate(frames)
        for n in np.unique(f[f > 0]).tolist()
    ]
    table = Table({name: np.array([o[name] for o in objects]) for name in objects[0]})
    found = Found(tables={"objects": table}, rasters={"labels": frames})
    linked = link_found(found, Image(pixels=labels, axes="TYX", name="a"))
    tracks = linked.tables["tracks"]
    assert tracks["parent"].tolist() == [None, None, 1, 1]
    assert tracks["first_frame"].tolist() == [0, 0, 4, 4]
    assert tracks["last_frame"].tolist() == [3, 7, 7, 7]
    assert [np.unique(linked.rasters["labels"][t][:]).tolist() for t in (0, 7)] == [
        [0, 1, 2],
        [0, 2, 3, 4],
    ]
    assert ((linked.rasters["labels"][7][:] > 0) == (labels[7] > 0)).all()
