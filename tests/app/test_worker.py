"""The process of a job: stopped at any moment, also in that in which it begins."""

import json
import subprocess
import sys

import numpy as np
import tifffile


def test_a_job_stopped_in_the_moment_it_begins_is_stopped(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    asked = {
        "question": "nuclei",
        "inputs": [str(tmp_path / "a.tif")],
        "out": str(tmp_path / "out"),
        "settings": {},
    }
    for _ in range(3):  # standard input ends at once: the app stops it so
        done = subprocess.run(
            [sys.executable, "-m", "fatescope.app.worker", str(tmp_path / "rehearsals")],
            input=json.dumps(asked) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert json.loads(done.stdout.splitlines()[-1])["ended"] == "stopped"
