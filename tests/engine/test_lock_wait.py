"""Waiting for a process that is about to stop."""

import subprocess
import sys
import threading
import time

import pytest

from fatescope.base import RunError
from fatescope.engine import wait_until_free
from fatescope.engine.lock import locked


def test_a_folder_is_waited_for_until_it_is_free(tmp_path):
    held = locked(tmp_path)
    begun = time.monotonic()
    threading.Timer(0.4, held.free).start()
    wait_until_free(tmp_path, seconds=60)
    assert time.monotonic() - begun >= 0.3
    locked(tmp_path).free()
    assert not list(tmp_path.iterdir())


def test_nobody_waits_for_a_free_folder_or_for_ever(tmp_path):
    wait_until_free(tmp_path / "none", seconds=60)
    with locked(tmp_path):
        wait_until_free(tmp_path, seconds=0.2)


def test_a_lock_whose_file_is_removed_is_held_by_one_at_a_time(tmp_path):
    """Each free removes the file; who had opened it before must not take it for the lock."""
    inside, most, taken = [], [], []

    def work():
        for _ in range(60):
            try:
                held = locked(tmp_path)
            except RunError:
                continue
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.0002)
            inside.pop()
            held.free()
            taken.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(taken) > 8
    assert not list(tmp_path.iterdir())


def test_what_a_dead_process_left_is_taken_over_and_removed(tmp_path):
    code = (
        "import os, pathlib; from fatescope.engine.lock import locked; "
        f"held = locked(pathlib.Path({str(tmp_path)!r})); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [p.name for p in tmp_path.iterdir()] == [".lock"]
    held = locked(tmp_path)
    with pytest.raises(RunError, match="another fatescope is working here"):
        locked(tmp_path)
    held.free()
    held.free()
    assert not list(tmp_path.iterdir())
