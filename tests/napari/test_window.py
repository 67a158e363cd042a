"""The plugin in a real window: opened, predicted, corrected, kept, opened again."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from fatescope.acquire import read_labels, write_labels
from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
from fatescope.systems.labels.review import LabelReview

XVFB = shutil.which("xvfb-run")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("napari") is None, reason="napari is not installed")
@pytest.mark.skipif(not (XVFB or os.environ.get("DISPLAY")), reason="there is no screen")
def test_a_correction_made_in_napari_is_there_when_the_result_is_opened_again(tmp_path):
    movie = simulate_nuclei(NucleiMovieSettings(frames=2, height=160, width=200), seed=3)
    image, out = tmp_path / "a.tif", tmp_path / "results"
    write_labels(
        image,
        movie.pixels,
        shape=movie.pixels.shape,
        axes="TYX",
        dtype=movie.pixels.dtype,
        spacing=movie.spacing,
    )
    large = tmp_path / "large.tif"
    tifffile.imwrite(large, np.tile(np.arange(250, dtype=np.uint8), (6000, 20)))
    shot = Path(os.environ.get("FATESCOPE_SCREENSHOT", tmp_path / "window.png"))
    words = [sys.executable, Path(__file__).with_name("window.py"), image, out, shot, large]
    if XVFB and not os.environ.get("DISPLAY"):
        words = [XVFB, "-a", "-s", "-screen 0 1400x1000x24", *words]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=500, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["image"] == [[2, 160, 200], [1.0, 0.3, 0.3], ["t", "y", "x"]]
    assert min(said["forms"].values()) > 3
    assert said["found"][0] > 10
    assert said["corrected"] > 50
    assert said["kept"] == "1 frame was changed."
    assert said["kept again"] == "0 frames were changed."
    assert said["reopened"]
    assert said["large"] == [True, [[6000, 5000], [3000, 2500], [1500, 1250]]]
    assert said["sample"] == ["rendered nuclei", "true nuclei"]
    assert shot.stat().st_size > 10_000

    labels = read_labels(out / "labels/a.tif")
    review = LabelReview.open(
        out, "a", image=read_labels(image), labels=labels, file=out / "labels/a.tif"
    )
    assert [(e["who"], e["text"]) for e in review.listed()] == [("ada", "correct in napari")]
    saved = read_labels(said["saved"])
    assert saved.spacing.um("YX") == pytest.approx((0.3, 0.3))
    np.testing.assert_array_equal(saved.read(), review.as_image().read())
    review.close()
