"""The queue: jobs one after the other, each in a process of its own, continued after a restart."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

from fatescope.app.process import PATIENCE, ask, clear, end, kill, start
from fatescope.base import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.app.store import Job, Store

_log = logging.getLogger(__name__)
_AGAIN = 2.0
"""Seconds after which the queue looks again for what it was not woken for."""


class Queue:
    """Do the jobs of a store, until it is closed.

    One process is always ready, with everything imported and the network of nuclei compiled, so
    that an answer waits for neither. A job that is killed with the app is done again at the next
    start, and its ledger knows what is left. ``trouble`` says why nothing goes on, such as a full
    disk.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wake = threading.Event()
        self._closing = False
        self.trouble = ""
        self._current: tuple[str, subprocess.Popen[str]] | None = None
        self._lock = threading.Lock()
        self._rehearsals = store.folder / "rehearsals"
        clear(self._rehearsals)
        self._ready = self._start()
        store.wait_again()
        self._thread = threading.Thread(target=self._work, name="queue", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that there is a new job."""
        self._wake.set()

    def stop(self, job: Job) -> None:
        """Stop a job: take it out of the queue, or end its process; what was done stays."""
        if self._store.move_job(job.id, before=("waiting",), now="stopped"):
            return
        with self._lock:
            if self._current is not None and self._current[0] == job.id:
                end(self._current[1])

    def close(self) -> None:
        """Stop all; the job that runs is continued at the next start."""
        self._closing = True
        self._wake.set()
        with self._lock:
            if self._current is not None:
                end(self._current[1])
        self._thread.join(PATIENCE + 5)
        kill(self._ready)

    def _start(self) -> subprocess.Popen[str]:
        return start(self._rehearsals)

    def _work(self) -> None:
        while not self._closing:
            job = None
            try:
                job = self._store.next_job()
                if job is not None:
                    self._do(job)
                    continue
            except RunError as error:  # the disk is full: nothing was begun
                self.trouble = str(error)
            except Exception as error:  # one job that fails must not end the queue
                _log.exception("the queue failed")
                if job is not None:
                    self._note(job, state="failed", message=str(error))
            self._wake.wait(_AGAIN)
            self._wake.clear()

    def _note(self, job: Job, **values: Any) -> None:
        """Store what became of a job; while the disk is full, try again and again."""
        while True:
            try:
                self._store.change_job(job.id, **values)
                self.trouble = ""
                return
            except RunError as error:
                self.trouble = str(error)
                if self._closing:  # it is done again at the next start
                    return
                time.sleep(_AGAIN)

    def _do(self, job: Job) -> None:
        anew = {"begun": time.time(), "ended": None, "message": ""}
        if not self._store.move_job(job.id, before=("waiting",), now="running", **anew):
            return
        self.trouble = ""
        with self._lock:
            if self._ready.poll() is not None:
                kill(self._ready)  # it ended by itself: what led to it is closed
                self._ready = self._start()
            process = self._ready
            self._current = (job.id, process)
        try:
            last = self._listen(job, process)
        finally:
            kill(process)
            with self._lock:
                self._current = None
                if not self._closing:
                    self._ready = self._start()
        state = last.get("ended")
        if state is None or (state == "stopped" and self._closing):
            if self._closing:
                self._store.move_job(job.id, before=("running",), now="waiting")
                return
            state = "stopped" if process.returncode in (-signal.SIGTERM, -9) else "failed"
        if state == "done" and not last["summary"]["units_done"]:
            state = "failed"
        message = last.get("message") or (
            "The process of this job ended without a word; the memory of the machine may be used "
            "up. Run it again: what was done is kept."
            if state == "failed" and "summary" not in last
            else ""
        )
        self._note(
            job,
            state=state,
            message=message,
            summary=json.dumps(last.get("summary", {})),
            ended=time.time(),
        )

    def _listen(self, job: Job, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Hand the question over and follow what is said, to the last line."""
        asked = {
            "question": job.question,
            "inputs": [str(p) for p in job.inputs],
            "out": str(self._store.folder_of(job.person, "results", job.id)),
            "settings": job.settings,
        }

        def said(what: Mapping[str, Any]) -> None:
            with contextlib.suppress(RunError):  # how far it is, is said again
                self._store.change_job(job.id, **what)

        last = ask(process, asked, said)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        return last
