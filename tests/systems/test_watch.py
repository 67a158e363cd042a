"""A folder is watched while something writes into it: the result is that of the whole folder."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tifffile
from tests.engine.systems import CELLS, COUNTS, BoxSettings
from typer.main import get_command

import fatescope as fs
from fatescope.acquire import read_table
from fatescope.base import Execution, InputError, RunError
from fatescope.cli.main import load_commands
from fatescope.engine.diff import diff_results
from fatescope.engine.predict import predict_images
from fatescope.systems.place import resolved
from fatescope.systems.registry import predicting, system_named
from fatescope.systems.watch import watch_folder

ALONE = Execution(workers=1)
QUICK = fs.WatchSettings(still_s=0.4, until_idle=0.05)

SLOW_WRITER = """
import sys, time
from pathlib import Path
whole, target, seconds = Path(sys.argv[1]).read_bytes(), sys.argv[2], float(sys.argv[3])
with open(target, "wb") as stream:
    for at in range(20):
        stream.write(whole[at * len(whole) // 20 : (at + 1) * len(whole) // 20])
        stream.flush()
        time.sleep(seconds / 20)
"""


def image(path, bright=150):
    """Write a volume over time with a bright cell in it; from 200 on with the label 2."""
    pixels = np.zeros((2, 3, 32, 32), np.uint8)
    pixels[:, 1, 4:12, 4:12] = bright
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, metadata={"axes": "TZYX"}, imagej=True)


def write_slowly(path, target, seconds):
    return subprocess.Popen([sys.executable, "-c", SLOW_WRITER, path, target, str(seconds)])


def watch(system, folder, out, watching=QUICK, **more):
    more = {"settings": BoxSettings(), "execution": ALONE, **more}
    return watch_folder(system, folder, out=out, watching=watching, **more)


@pytest.mark.slow
def test_slow_files_are_done_once_each_when_whole_and_the_result_is_that_of_the_folder(tmp_path):
    folder = tmp_path / "in"
    image(folder / "a.tif")
    for name in ("b", "c"):
        image(tmp_path / f"{name}.tif", 200)
    (folder / "day2").mkdir()
    writers = [
        write_slowly(tmp_path / "b.tif", folder / "b.tif", 2),
        write_slowly(tmp_path / "c.tif", folder / "day2/b.tif", 3),
    ]
    seen = []
    summary = watch(
        COUNTS, folder, tmp_path / "out", progress=lambda done, total, what: seen.append(what)
    )
    assert all(w.wait() == 0 for w in writers)
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (3, 0, 0)
    predict_images(COUNTS, folder, out=tmp_path / "once", settings=BoxSettings(), execution=ALONE)
    assert diff_results(tmp_path / "out", tmp_path / "once").same
    assert (tmp_path / "out" / "populations.csv").read_bytes() == (
        tmp_path / "once" / "populations.csv"
    ).read_bytes()
    worked = [what for what in seen if what.endswith(".tif")]
    assert sorted(worked) == sorted(map(str, folder.rglob("*.tif"))), "each was done once"
    assert "waiting for images" in seen


@pytest.mark.slow
def test_a_file_that_grows_after_it_was_done_is_done_again(tmp_path):
    folder = tmp_path / "in"
    image(folder / "a.tif", 150)

    def change(done, total, what):
        if what.endswith("a.tif"):
            image(folder / "a.tif", 250)
            change.times += 1

    change.times = 0

    def once(done, total, what):
        if not change.times:
            change(done, total, what)

    watch(CELLS, folder, tmp_path / "out", progress=once)
    assert change.times == 1
    assert read_table(tmp_path / "out" / "objects.parquet")["label"].tolist() == [2, 2]


@pytest.mark.slow
def test_images_that_come_later_are_waited_for_and_idle_ends_it(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    later = threading.Timer(1.0, image, [folder / "late.tif"])
    later.start()
    summary = watch(COUNTS, folder, tmp_path / "out")
    assert summary.units_done == 1
    assert summary.seconds > 1.0 + 3.0


@pytest.mark.slow
def test_what_never_becomes_an_image_is_named_in_the_end_and_the_others_are_done(tmp_path):
    folder = tmp_path / "in"
    image(folder / "a.tif")
    (folder / "cut.tif").write_bytes((folder / "a.tif").read_bytes()[:100])
    summary = watch(COUNTS, folder, tmp_path / "out")
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (1, 1, 1)
    assert "cut.tif" in summary.errors[0]


@pytest.mark.slow
def test_an_empty_folder_and_a_missing_one_are_sentences(tmp_path):
    with pytest.raises(InputError, match="there is no such folder"):
        watch(COUNTS, tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match=r"no image has arrived in 0\.05 min"):
        watch(COUNTS, tmp_path / "in", tmp_path / "out")


@pytest.mark.slow
def test_what_cannot_work_is_said_before_the_first_image(tmp_path):
    folder = tmp_path / "in"
    image(folder / "a.tif")
    watch(COUNTS, folder, tmp_path / "out")
    (folder / "a.tif").unlink()
    patient = fs.WatchSettings(still_s=0.4, until_idle=30)
    begun = time.monotonic()
    with pytest.raises(RunError, match="other settings: least"):
        watch(COUNTS, folder, tmp_path / "out", patient, settings=BoxSettings(least=7))
    with pytest.raises(InputError, match="'nucleus' is not a system; there are nuclei"):
        fs.watch_folder("nucleus", folder, out=tmp_path / "other")
    assert time.monotonic() - begun < 900


@pytest.mark.parametrize("name", predicting())
def test_every_system_of_predict_is_watched_with_the_same_flags(name):
    commands = get_command(load_commands(None)).commands
    assert set(commands["watch"].commands) == set(commands["predict"].commands)
    flags = [
        {o for p in commands[group].commands[name].params for o in p.opts if o.startswith("--")}
        for group in ("predict", "watch")
    ]
    assert flags[0] - flags[1] == {"--plan"}
    assert flags[1] - flags[0] == {"--still-s", "--until-idle"}
    assert resolved(predicting()[name].settings) is system_named(name).settings
    assert system_named(name).command == f"predict {name}"


def discs(path, n):
    y, x = np.mgrid[:64, :64]
    pixels = np.full((64, 64), 20, np.uint8)
    for cy, cx in ((16, 16), (16, 44), (44, 16))[:n]:
        pixels[(y - cy) ** 2 + (x - cx) ** 2 < 20] = 180
    path.parent.mkdir(exist_ok=True)
    tifffile.imwrite(path, pixels)


def started(tmp_path, *more):
    words = ["watch", "nuclei", "in", "--out", "out", "--still-s", "0.4", "--workers", "1"]
    words += ["--model", "classical", "--diameter-px", "9", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "fatescope", *words], cwd=tmp_path, stderr=subprocess.PIPE
    )


def wait_for(process, table, n):
    while not (table.exists() and table.read_text().count("done") == n):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)


@pytest.mark.slow
def test_killed_interrupted_and_continued_by_the_same_command(tmp_path):
    images = tmp_path / "out" / "images.csv"
    discs(tmp_path / "in" / "a.tif", 3)
    process = started(tmp_path)
    wait_for(process, images, 1)
    process.kill()
    process.communicate()
    discs(tmp_path / "in" / "b.tif", 2)
    process = started(tmp_path)
    wait_for(process, images, 2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert said == b"interrupted. The same command continues where it stopped.\n"
    # Python may end itself by the signal, once all is said; a shell says 130 to both.
    assert process.returncode in (130, -signal.SIGINT)
    discs(tmp_path / "in" / "c.tif", 1)
    process = started(tmp_path, "--until-idle", "0.05")
    assert process.wait(timeout=300) == 0
    process.communicate()
    settings = fs.NucleiSettings(model="classical", diameter_px=9)
    fs.predict_nuclei(tmp_path / "in", out=tmp_path / "once", settings=settings, execution=ALONE)
    assert diff_results(tmp_path / "out", tmp_path / "once").same
