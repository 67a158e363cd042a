"""The record of what a result may depend on."""

import platform
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from fatescope.engine import environment as module
from fatescope.engine.environment import environment

COMPUTE_NOTHING = {"jinja2", "lazy-loader", "pillow", "psutil", "pyyaml", "typer"}


def test_versions_are_those_that_the_packages_were_installed_with():
    packages = environment()["packages"]
    assert packages == {name: metadata.version(name) for name in packages}


def test_every_package_that_computes_is_recorded():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    declared = {d.partition(">=")[0] for d in project["dependencies"]}
    assert declared - COMPUTE_NOTHING <= set(environment()["packages"])


def test_a_version_is_read_from_the_head_of_what_a_package_says(tmp_path, monkeypatch):
    about = tmp_path / "knownpkg-1.2.dist-info"
    about.mkdir()
    text = "Metadata-Version: 2.1\nName: knownpkg\nVersion: 1.2\n\nVersion: 9 comes next.\n"
    (about / "METADATA").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "_PACKAGES", ("knownpkg", "not-there-at-all"))
    assert environment()["packages"] == {"knownpkg": "1.2"}


def test_python_and_system_are_those_that_run():
    found = environment()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["system"].split() == [platform.system(), platform.machine()]


CPUS = """processor\t: 0
model name\t: Some CPU @ 2 GHz
flags\t\t: fpu sse4_2 avx avx2 madeup

processor\t: 1
model name\t: Another
flags\t\t: avx512f
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/cpuinfo")
def test_of_the_processor_the_flags_that_choose_kernels_are_kept(tmp_path, monkeypatch):
    info = tmp_path / "cpuinfo"
    info.write_text(CPUS)
    monkeypatch.setattr(module, "Path", lambda _: info)
    found = environment()["processor"]
    assert found == {"name": "Some CPU @ 2 GHz", "flags": ["sse4_2", "avx", "avx2"]}
