"""Processes that answer questions: started, asked, followed line by line, ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from fatescope.storage import remove

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Process = subprocess.Popen[str]

PATIENCE = 8.0
"""Seconds in which a stopped job may end in order, before its processes are ended."""
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def ask(
    process: Process, asked: Mapping[str, Any], said: Callable[[Mapping[str, Any]], None]
) -> dict[str, Any]:
    """Hand a question over and follow what is said, to the last line of its answer.

    Returns
    -------
    dict
        The line with the key ``ended``; empty if the process ended without a word.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            heard = json.loads(line)
            if "ended" in heard:
                return dict(heard)
            said(heard)
    return {}


def clear(folder: Path) -> None:
    """Remove a folder in which a process works or worked.

    One that outlived its app by a moment may still write there, or tidy up itself: what cannot be
    removed now goes at the next start.
    """
    with contextlib.suppress(OSError):
        remove(folder)


def start(rehearsals: Path, *more: str) -> Process:
    """Start a process that rehearses, then waits for a question."""
    environment = {**os.environ, **{n: os.environ.get(n, "1") for n in _ONE_THREAD}}
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    return subprocess.Popen(
        [sys.executable, "-m", "fatescope.app.worker", str(rehearsals), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
        start_new_session=os.name != "nt",
    )


def end(process: Process) -> None:
    """Ask a process to stop by closing its input; end it if it does not listen."""
    with contextlib.suppress(OSError, ValueError):
        if process.stdin is not None:
            process.stdin.close()
    timer = threading.Timer(PATIENCE, kill, [process])
    timer.daemon = True
    timer.start()


def kill(process: Process) -> None:
    """End a process and those that it started, and close what led to it."""
    with contextlib.suppress(OSError):
        if process.returncode is not None:
            pass  # its number may belong to another process by now
        elif os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.close()
