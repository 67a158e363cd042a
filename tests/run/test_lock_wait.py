"""Waiting for a process that is about to stop."""

import threading
import time

from fatescope.engine import wait_until_free
from fatescope.engine.lock import locked


def test_a_folder_is_waited_for_until_it_is_free(tmp_path):
    held = locked(tmp_path)
    begun = time.monotonic()
    threading.Timer(0.4, held.close).start()
    wait_until_free(tmp_path, seconds=60)
    assert time.monotonic() - begun >= 0.3
    locked(tmp_path).close()


def test_nobody_waits_for_a_free_folder_or_for_ever(tmp_path):
    wait_until_free(tmp_path / "none", seconds=60)
    with locked(tmp_path):
        wait_until_free(tmp_path, seconds=0.2)
