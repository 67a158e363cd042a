"""The app starts whatever one that was killed left behind."""

import contextlib
import shutil
import threading

import pytest

pytest.importorskip("starlette")
from fatescope.app.process import clear


def test_a_worker_that_outlived_its_app_does_not_keep_the_next_from_starting(tmp_path):
    """It rehearses for a moment longer: files come and go while the next app tidies up."""
    over = threading.Event()

    def rehearse():
        own = tmp_path / "rehearsals" / "rehearsal-1"
        while not over.is_set():
            with contextlib.suppress(OSError):
                own.mkdir(parents=True, exist_ok=True)
                for n in range(20):
                    (own / f"{n}.tif").write_bytes(b"")
                shutil.rmtree(own)

    others = [threading.Thread(target=rehearse) for _ in range(3)]
    for thread in others:
        thread.start()
    try:
        for _ in range(300):
            clear(tmp_path / "rehearsals")
    finally:
        over.set()
        for thread in others:
            thread.join()
    clear(tmp_path / "rehearsals")
    assert not (tmp_path / "rehearsals").exists()
