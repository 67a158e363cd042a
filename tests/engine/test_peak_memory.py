"""Peak memory is that of the process itself."""

import subprocess
import sys

import numpy as np
import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from Linux's own count")
def test_a_large_parent_does_not_count():
    held = np.ones(400_000_000, np.uint8)
    code = "from fatescope.engine import peak_memory_mb; print(peak_memory_mb())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert held[-1] == 1
    assert 5 < float(done.stdout) < 300
