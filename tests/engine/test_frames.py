"""Frames of long movies are units: same result, spread, killed and continued frame by frame."""

import csv
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile

import fatescope as fs
from fatescope.acquire.find import find_images
from fatescope.base import Execution
from fatescope.engine import frames as by_frame
from fatescope.engine.frames import FrameOfMovie, read_frame, write_frame
from fatescope.predict import FrameLabels, MemoryScratch, PlaneLabels

N_FRAMES = 8
BALLS = fs.NucleiSettings.from_values(
    {"model": "classical", "diameter_px": 12, "axes": "TZYX", "spacing_um": (1.0, 0.5, 0.5)}
)


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    """Balls of light that move; one frame is dark, one is saturated in places."""
    grid = np.indices((10, 64, 96)).astype(np.float32)
    volumes = []
    for t in range(N_FRAMES):
        volume = np.full(grid.shape[1:], 10.0, np.float32)
        for at in ((5, 20, 20 + 2 * t), (4, 44, 40 + t), (6, 30, 70)):
            away = (grid - np.array(at)[:, None, None, None]) / np.array((2, 4, 4))[
                :, None, None, None
            ]
            volume += 180 * np.exp(-(away**2).sum(axis=0) / 2)
        volumes.append(volume * (0.0 if t == 3 else 2.0 if t == 5 else 1.0))
    path = tmp_path_factory.mktemp("movie") / "embryo.tif"
    tifffile.imwrite(path, np.clip(np.stack(volumes), 0, 255).astype(np.uint8))
    return path


@pytest.fixture
def long(monkeypatch):
    """Take the movies of these tests for long ones."""
    monkeypatch.setattr(by_frame, "LEAST_PX", 1)


def results(out):
    """Return what must be equal: every file but the page, and of the record no times."""
    record = json.loads((out / "run.json").read_text("utf-8"))
    kept = {
        k: record[k] for k in ("command", "settings", "model", "units_done", "findings", "inputs")
    }
    names = ("labels/embryo.tif", "objects.csv", "images.csv", "findings.csv")
    return {**{n: (out / n).read_bytes() for n in names}, "run.json": kept}


def rows(out, name):
    with (out / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def whole(movie, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    fs.predict_nuclei(movie, out=out, settings=BALLS, execution=Execution(workers=1))
    return results(out)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_frame_by_frame_gives_the_same_to_the_byte(movie, whole, long, tmp_path, workers):
    seen = []
    fs.predict_nuclei(
        movie,
        out=tmp_path / "out",
        settings=BALLS,
        execution=Execution(workers=workers),
        progress=lambda done, total, what: seen.append((done, total, what)),
    )
    assert results(tmp_path / "out") == whole
    assert (N_FRAMES, N_FRAMES) in {(done, total) for done, total, _ in seen}
    assert [r["image"] for r in rows(tmp_path / "out", "images.csv")] == ["embryo"]
    assert not (tmp_path / "out" / by_frame.FOLDER).exists(), "what frames left is removed"


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_frames_that_are_not_found(movie, whole, long, tmp_path):
    words = ["predict", "nuclei", str(movie), "--out", str(tmp_path / "out"), "--workers", "1"]
    words += ["--model", "classical", "--diameter-px", "12", "--axes", "TZYX"]
    words += ["--spacing-um", "1,0.5,0.5"]
    slowly = (
        "import time; from fatescope.engine import frames; from fatescope.cli import main; "
        "frames.LEAST_PX = 1; write = frames.write_frame; "
        "frames.write_frame = lambda p, l: (write(p, l), time.sleep(0.5)); main()"
    )
    process = subprocess.Popen([sys.executable, "-c", slowly, *words], stderr=subprocess.DEVNULL)
    kept = tmp_path / "out" / by_frame.FOLDER
    while len(list(kept.rglob("*.npz"))) < 3:
        assert process.poll() is None, "it must be killed before its end"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()

    found, write = [], by_frame.write_frame
    long_enough = pytest.MonkeyPatch()
    long_enough.setattr(by_frame, "write_frame", lambda p, f: (found.append(p), write(p, f)))
    with long_enough.context():
        fs.predict_nuclei(
            movie, out=tmp_path / "out", settings=BALLS, execution=Execution(workers=1)
        )
    long_enough.undo()
    assert 0 < len(found) <= N_FRAMES - 2
    assert results(tmp_path / "out") == whole
    assert not kept.exists()


def test_a_movie_whose_planes_are_at_unknown_distance_is_done_as_a_whole(movie, long, tmp_path):
    unknown = BALLS.replace(spacing_um=None, stack="solid")
    seen = []
    fs.predict_nuclei(
        movie,
        out=tmp_path / "out",
        settings=unknown,
        execution=Execution(workers=1),
        progress=lambda done, total, what: seen.append(total),
    )
    assert set(seen) == {1}


def test_frames_of_a_changed_file_are_other_frames(movie, tmp_path):
    copy = tmp_path / "a.tif"
    copy.write_bytes(movie.read_bytes())
    (file,) = find_images([copy])
    before = FrameOfMovie(file, 0, by_frame._state(file))
    copy.write_bytes(movie.read_bytes() + b"\0")
    after = FrameOfMovie(file, 0, by_frame._state(file))
    assert before.key != after.key
    assert before.kept != after.kept


@pytest.mark.parametrize("depth", [0, 3])
def test_labels_that_are_kept_are_read_as_they_were(tmp_path, depth):
    rng = np.random.default_rng(1)
    planes = []
    for _ in range(depth or 1):
        stored = MemoryScratch().rows((7, 9), np.uint32)
        stored.write(0, rng.integers(0, 4, (7, 9)))
        planes.append(
            PlaneLabels((7, 9), 3, np.ones(3, np.float32), np.arange(4, dtype=np.uint32), stored)
        )
    shape = (depth, 7, 9) if depth else (7, 9)
    numbers = (np.array([0, 2, 3, 1], np.uint8),) * len(planes)
    scores = np.array([0.1, 0.2, 0.3], np.float32)
    labels = FrameLabels(4, shape, 3, scores, tuple(planes), numbers, own_px=17.5)
    write_frame(tmp_path / "a" / "4.npz", labels)
    again = read_frame(tmp_path / "a" / "4.npz")
    np.testing.assert_array_equal(again.array(), labels.array())
    np.testing.assert_array_equal(again.scores, scores)
    assert (again.frame, again.shape, again.n, again.dtype) == (4, shape, 3, labels.dtype)
    assert again.own_px == 17.5
    part = (slice(2, 5), slice(1, 4))
    index = (1, *part) if depth else part
    np.testing.assert_array_equal(again[index], labels[index])
