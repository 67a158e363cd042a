"""A process that answers one question: read it, do it, say how far it is.

``python -m fatescope.app.worker FOLDER`` rehearses on a small image in a folder of its own there,
unless a question waits already, so that everything is imported and the network compiled. Then it
takes one line of JSON from its standard input, and writes lines of JSON. When its standard input
ends, because the job was stopped or the app is gone, it stops as with Ctrl-C: what is done stays
in the ledger. With ``--again`` it takes one line after the other, for questions that take a moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from fatescope.base import FatescopeError, missing_extra
from fatescope.engine import wait_until_free
from fatescope.engine.portable import tried
from fatescope.systems.registry import question_named

_EVERY_SECONDS = 0.15  # progress is said: six times a second looks smooth
_UNTIL_FREE = 60.0  # seconds to wait for the folder; a guess
STOPPED, FAILED = "stopped", "failed"
AGAIN = "--again"


def work_for_app() -> None:
    """Answer the question that comes on standard input."""
    lines = _private_output()
    if not _is_asked():
        with contextlib.suppress(Exception):  # what is wrong is said when a question is asked
            rehearse(Path(sys.argv[1]))
    if AGAIN in sys.argv:
        for line in sys.stdin:
            _say(lines, **_outcome(json.loads(line), lines))
        return
    asked = json.loads(sys.stdin.readline() or "null")
    if asked is None:
        return
    try:
        threading.Thread(target=_watch, daemon=True).start()
        _say(lines, **_outcome(asked, lines))
    except KeyboardInterrupt:  # it was stopped before it began
        _say(lines, ended=STOPPED)
    finally:
        lines.flush()
        os._exit(0)  # the watching thread holds standard input


def _outcome(asked: dict[str, Any], lines: IO[str]) -> dict[str, Any]:
    try:
        summary = tried(run_question, asked, lines)
    except KeyboardInterrupt:
        return {"ended": STOPPED}
    if isinstance(summary, Exception):
        return {"ended": FAILED, "message": sentence(summary)}
    return {"ended": "done", "summary": summary}


def run_question(asked: dict[str, Any], lines: IO[str]) -> dict[str, Any]:
    """Run the workflow of a question, and report progress as it goes."""
    last = 0.0

    def progress(done: int, total: int, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_SECONDS or done >= total:
            last = now
            _say(lines, done=done, total=total, what=what)

    wait_until_free(Path(asked["out"]), seconds=_UNTIL_FREE)  # of an app that was killed
    summary = question_named(asked["question"]).answer(
        [Path(p) for p in asked["inputs"]],
        out=Path(asked["out"]),
        values=asked["settings"],
        progress=progress,
    )
    return {**summary.as_json(), "lines": list(summary.as_lines())}


def sentence(error: Exception) -> str:
    """Return what a person reads of an error; a fault of ours says so."""
    error = missing_extra(error) or error
    text = " ".join(str(error).split())
    if isinstance(error, FatescopeError | OSError | MemoryError):
        return text or "the memory of this machine is used up. Close other programs."
    return f"this is a bug of fatescope ({type(error).__name__}: {text}). Report it."


def _private_output() -> IO[str]:
    """Keep standard output for the lines; what libraries print goes to standard error."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return own


def rehearse(folder: Path) -> None:
    """Outline the nuclei of a small image: a first answer takes three times the work of a second.

    Parameters
    ----------
    folder : Path
        Gets a folder that is removed at the end.
    """
    import numpy as np

    from fatescope.acquire import write_image
    from fatescope.base import Spacing
    from fatescope.storage import remove

    own = folder / f"rehearsal-{os.getpid()}"
    y, x = np.indices((96, 96))
    disc = np.where(np.hypot(y - 40, x - 50) < 11, 200, 20).astype(np.uint8)
    try:
        how: dict[str, Any] = {
            "shape": disc.shape,
            "axes": "YX",
            "dtype": disc.dtype,
            "spacing": Spacing(),
        }
        write_image(own / "one.tif", [disc], **how)
        question_named("nuclei").answer(
            [own / "one.tif"], out=own / "out", values={"diameter_px": 22.0}
        )
    finally:
        remove(own)


def _is_asked() -> bool:
    """Say whether a question waits on standard input; on Windows nobody can tell."""
    return os.name != "nt" and bool(select.select([sys.stdin], [], [], 0)[0])


def _watch() -> None:
    sys.stdin.read()
    if os.name == "nt":
        import _thread

        _thread.interrupt_main()
    else:
        os.kill(os.getpid(), signal.SIGINT)


def _say(lines: IO[str], **what: Any) -> None:
    lines.write(json.dumps(what) + "\n")
    lines.flush()


if __name__ == "__main__":
    work_for_app()
