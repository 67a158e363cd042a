"""What all tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# One thread for each test process: results do not depend on it, and two cores stay usable.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# Background jobs of a shell ignore Ctrl-C, and so would the commands that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Commands started by tests run the code of this tree, whatever is installed.
_source = str(Path(__file__).resolve().parents[1] / "src")
os.environ["PYTHONPATH"] = os.pathsep.join([_source, os.environ.get("PYTHONPATH", "")])


# One profile for all property tests, the same on every machine: no limit on time, no chance.
settings.register_profile(
    "fatescope",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fatescope")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The data folder, or a skip: FATESCOPE_DATA, else ``shared/data`` beside the clone."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FATESCOPE_DATA") or beside)
    if not folder.is_dir():
        pytest.skip("needs the data folder; name it with FATESCOPE_DATA")
    return folder
