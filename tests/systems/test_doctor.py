"""What is wrong with an installation is said in words, with what to do."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fatescope.models import find
from fatescope.systems.doctor import Check, Diagnosis, diagnose


def by_name(diagnosis):
    return {check.name: check for check in diagnosis.checks}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    return diagnose(folder=tmp_path_factory.mktemp("here"))


@pytest.mark.slow
def test_this_installation_is_healthy(healthy):
    assert healthy.is_healthy, healthy.as_lines()
    assert healthy.exit_code == 0
    checks = by_name(healthy)
    assert {"Python", "packages", "extras", "processor", "memory", "disk"} <= set(checks)
    assert "nuclei found where" in checks["a small prediction"].words
    assert checks["model nuclei"].state == "good"
    assert healthy.as_lines()[-1] == "Everything that fatescope needs is there."


@pytest.mark.slow
def test_the_document_has_the_keys_of_every_command(healthy):
    document = json.loads(json.dumps(healthy.as_json()))
    wanted = "command out units_done units_failed findings seconds peak_memory_mb"
    assert set(wanted.split()) <= set(document)
    assert document["healthy"] is True
    assert {"name", "state", "words", "remedy"} == set(document["checks"][0])


def test_what_is_wrong_comes_with_a_remedy_and_decides_the_exit_code():
    wrong = Check(name="disk", state="wrong", words="full", remedy="Free some space.")
    note = Check(name="extras", state="note", words="none")
    sick = Diagnosis(checks=(wrong, note), seconds=1, peak_memory_mb=1)
    assert sick.exit_code == 1
    assert sick.as_lines()[1].strip() == "Free some space."
    assert sick.as_lines()[-1].startswith("Wrong: disk.")
    assert Diagnosis(checks=(note,), seconds=1, peak_memory_mb=1).exit_code == 0


@pytest.mark.slow
def test_a_model_of_which_a_byte_has_changed_is_wrong(tmp_path, monkeypatch):
    shutil.copytree(find.FOLDER, tmp_path / "shipped")
    network = tmp_path / "shipped" / "nuclei" / "model.onnx"
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.write_bytes(content)
    monkeypatch.setattr(find, "FOLDER", tmp_path / "shipped")
    checks = by_name(diagnose(folder=tmp_path))
    assert checks["model nuclei"].state == "wrong"
    assert "Install fatescope again" in checks["model nuclei"].remedy
    assert checks["model nuclei-em"].state == "good"


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_wrong(tmp_path):
    checks = by_name(diagnose(folder=tmp_path / "gone"))
    assert checks["disk"].state == "wrong"
    assert "cannot be written" in checks["disk"].words


@pytest.mark.slow
def test_a_damaged_package_is_named_and_the_other_checks_go_on(tmp_path):
    (tmp_path / "edt.py").write_text("raise ImportError('libgomp is missing')")
    done = subprocess.run(
        [sys.executable, "-m", "fatescope", "doctor"],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]),
        },
        cwd=Path(tmp_path),
    )
    assert done.returncode == 1, done.stderr
    assert "WRONG  packages: cannot be loaded: edt (ImportError: libgomp is missing)" in done.stdout
    assert "disk:" in done.stdout
    assert "Traceback" not in done.stderr
