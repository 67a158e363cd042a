"""What runs a network keeps to itself: no report of its use, nothing in the home folder."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from fatescope.models.quiet import without

SHOW_REPORTERS = "print([m for m in sys.modules if m.startswith('openvino_telemetry')])"
RUN_A_NETWORK = f"""
import sys
import numpy as np
from fatescope.models import load_model

load_model("nuclei").run(np.zeros((1, 1, 64, 64), np.float32))
{SHOW_REPORTERS}
"""
LOOK = f"""
import sys
from fatescope.systems.doctor import diagnose

diagnose()
{SHOW_REPORTERS}
"""
QUANTISE = f"""
import sys
from fatescope.models.quiet import without

with without("openvino_telemetry"):
    import nncf
{SHOW_REPORTERS}
"""


def printed(code: str, home: Path) -> str:
    environment = {"HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_running_a_network_reports_to_nobody_and_leaves_the_home_folder_empty(
    tmp_path: Path,
) -> None:
    assert printed(RUN_A_NETWORK, tmp_path) == "[]"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_doctor_looks_at_all_packages_and_reports_to_nobody(tmp_path: Path) -> None:
    assert printed(LOOK, tmp_path) == "[]"
    assert not [p for p in tmp_path.rglob("*") if "openvino" in p.name]


def test_a_hidden_module_can_be_imported_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with without("colorsys"), pytest.raises(ImportError):
        importlib.import_module("colorsys")
    assert importlib.import_module("colorsys").__name__ == "colorsys"


@pytest.mark.slow
def test_quantising_reports_to_nobody(tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    assert printed(QUANTISE, tmp_path) == "[]"
    assert not list(tmp_path.iterdir())
