"""A limit on memory is obeyed or refused, by every command that takes one."""

import subprocess
import sys

import pytest
from tests.acquire.image_files import plain_tiff, ramp

from fatescope.base import Execution, SettingsError
from fatescope.engine.execute import available_workers
from fatescope.systems.nuclei import find as nuclei
from fatescope.systems.nuclei.settings import NucleiSettings

CLASSICAL = NucleiSettings(model="classical")


def test_a_limit_that_a_network_does_not_fit_into_is_refused(tmp_path):
    path = plain_tiff(tmp_path / "a.tif", ramp(64, 64))
    little = Execution(memory="200MB")
    with pytest.raises(SettingsError, match=r"--memory: 200 MB are less than the \d+ MB"):
        nuclei.predict_nuclei(path, out=tmp_path / "out", settings=CLASSICAL, execution=little)
    with pytest.raises(SettingsError, match="Give --memory"):
        nuclei.NUCLEI.plan(path, settings=CLASSICAL, execution=little)
    assert not (tmp_path / "out").exists()


def test_a_limit_that_no_process_fits_into_is_no_limit_at_all():
    with pytest.raises(SettingsError, match=r"memory.*10MB are less than the 150 MB"):
        Execution.from_values({"memory": "10MB"})
    assert Execution(memory="150MB").memory_bytes == 150_000_000


COMMANDS = [
    ("predict", "nuclei", "a.tif"),
    ("predict", "nuclei", "a.tif", "--plan"),
    ("measure", "a.tif", "a.tif"),
    ("lineage", "lint", "a.csv"),
    ("lineage", "name", "a.csv"),
    ("lineage", "convert", "a.csv"),
    ("lineage", "draw", "a.csv"),
    ("lineage", "compare", "a.csv"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_refuses_it(tmp_path, words):
    done = subprocess.run(
        [sys.executable, "-m", "fatescope", *words, "--out", "out", "--memory", "10MB"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert "10MB are less than the 150 MB that one process needs" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("limit", "workers"), [("299MB", 1), ("300MB", 2), ("2GB", 5), (None, 5)])
def test_no_more_processes_are_started_than_the_limit_holds(limit, workers):
    assert available_workers(5, 9, Execution(memory=limit).memory_bytes) == workers
