"""Units of work over the caller's process, worker processes or a cluster; the same result in all.

A unit is independent, named and idempotent, and only the caller writes the ledger. An engine is a
function like `in_caller` and `in_processes`: units in, pairs of unit and outcome out.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from fatescope.base import PROCESS_MB, Progress, RunError, escape
from fatescope.engine.notebook import notebook_progress
from fatescope.engine.portable import portable, tried

Unit = TypeVar("Unit")
Result = TypeVar("Result")

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""Workers compute with one thread each: more would fight over the cores that workers fill."""


_WAIT_SECONDS = 0.5  # without an answer, then `on_wait` is called


def available_workers(asked: int | None, n_units: int, memory_bytes: int | None = None) -> int:
    """Return how many processes to use: what was asked, or one a core.

    Never more than there are units, or than a limit of memory holds empty processes.
    """
    if asked is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        asked = cores or 1
    if memory_bytes is not None:
        asked = min(asked, int(memory_bytes / 1e6 // PROCESS_MB))
    return max(1, min(asked, n_units))


def map_units(
    function: Callable[[Unit], Result],
    units: Sequence[Unit],
    *,
    workers: int | None,
    progress: Progress | None = None,
    cluster: str | None = None,
    done_before: int = 0,
) -> Iterator[tuple[Unit, Result | Exception]]:
    """Apply a function to every unit and pass the outcomes as they come.

    Parameters
    ----------
    function : callable
        Of one unit. With several workers it must be importable (defined in a module, or a
        `functools.partial` of such), and unit and result must be plain values.
    units : sequence
    workers : int or None
        1 works in the caller's process; more start that many processes; ``None`` takes one for
        each core.
    progress : callable, optional
        Called with (done, total, unit as text) after each unit, and twice a second while worker
        processes are busy. What it raises ends the work at once: so a caller cancels. In a notebook
        the default is a bar.
    cluster : str, optional
        Address of a Dask scheduler, or a TOML file that describes a cluster; ``workers`` then
        says nothing.
    done_before : int
        Units that an earlier call did: progress goes on from there.

    Yields
    ------
    unit, outcome
        In the order of completion. The outcome is the result, or the exception that the
        function raised. A worker that dies costs its unit a `RunError`, and nothing else.

    Raises
    ------
    RunError
        If workers cannot be started at all, or the cluster cannot be reached.
    KeyboardInterrupt
        When the user interrupts; the workers are ended first.
    """
    n = available_workers(workers, len(units))
    bar = _Counter(progress or notebook_progress(), len(units), done_before)
    if cluster is not None:
        from fatescope.engine.cluster import in_cluster

        outcomes = in_cluster(function, units, cluster)
    else:
        outcomes = (
            in_caller(function, units) if n == 1 else in_processes(function, units, n, bar.draw)
        )
    with contextlib.closing(outcomes):
        for unit, outcome in outcomes:
            bar.count(unit)
            yield unit, outcome


class _Counter:
    """How many units are done, and the last one."""

    def __init__(self, progress: Progress | None, n: int, done_before: int) -> None:
        self._progress, self._total = progress, done_before + n
        self._done, self._last = done_before, ""

    def count(self, unit: object) -> None:
        """Count a unit that came to its end."""
        self._done, self._last = self._done + 1, escape(str(unit))
        self.draw()

    def draw(self) -> None:
        """Say how far the work is."""
        if self._progress is not None:
            self._progress(self._done, self._total, self._last)


def in_caller(
    function: Callable[[Unit], Result], units: Sequence[Unit]
) -> Generator[tuple[Unit, Result | Exception], None, None]:
    """Work through the units here, one after the other."""
    for unit in units:
        yield unit, tried(function, unit)


def in_processes(
    function: Callable[[Unit], Result],
    units: Sequence[Unit],
    workers: int,
    on_wait: Callable[[], None] = lambda: None,
) -> Generator[tuple[Unit, Result | Exception], None, None]:
    """Work through the units in processes that are started afresh (never forked).

    A pool of our own, because the standard one gives up all units when one worker dies, and
    leaves workers behind when the caller is killed (decision record 0013). Here each worker has a
    pipe of its own: its end tells the caller that the worker died, and the worker that the
    caller did.
    """
    waiting = deque(range(len(units)))
    team = [_Worker(function) for _ in range(workers)]
    try:
        for worker in team:
            worker.give(waiting, units)
        while busy := [w for w in team if w.at is not None]:
            answered = wait([w.pipe for w in busy], timeout=_WAIT_SECONDS)
            if not answered:
                on_wait()
            for pipe in answered:
                worker = next(w for w in busy if w.pipe is pipe)
                index = worker.at
                assert index is not None
                outcome = worker.take(units[index])
                if isinstance(outcome, str) and outcome == _READY:  # it has begun, and now works
                    continue
                if not worker.alive:
                    team.remove(worker)
                    if waiting:
                        worker = _Worker(function)
                        team.append(worker)
                worker.give(waiting, units)
                yield units[index], outcome
    finally:
        for worker in team:
            worker.end()


class _Worker:
    """One process and the pipe to it; ``at`` is the number of the unit it works on."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.at: int | None = None
        self.alive = True
        self.has_begun = False
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, function), daemon=True
        )
        with _quiet_start():
            self._process.start()
        theirs.close()

    def give(self, waiting: deque[int], units: Sequence[Any]) -> None:
        """Send the next unit, if there is one and the worker can take it."""
        self.at = None
        if not waiting or not self.alive:
            return
        self.at = waiting.popleft()
        with contextlib.suppress(OSError):  # a dead worker is noticed when its answer is taken
            self.pipe.send(units[self.at])

    def take(self, unit: object) -> Any:
        """Return what the worker says, or the error of one that died instead of answering."""
        try:
            answer = self.pipe.recv()
            self.has_begun = True
            return answer
        except (EOFError, OSError):
            return self._died(unit)

    def _died(self, unit: object) -> RunError:
        self.alive = False
        self._process.join()
        self.pipe.close()
        code = self._process.exitcode or 0
        if not self.has_begun:
            raise RunError(
                f"worker processes cannot be started (exit code {code}). In a script, call "
                'fatescope below `if __name__ == "__main__":`, or use --workers 1.'
            )
        how = f"was killed (signal {-code})" if code < 0 else f"ended with code {code}"
        return RunError(
            f"{escape(str(unit))}: the process that worked on it {how}; most often memory ran out. "
            "Use fewer --workers or a smaller --memory, and run the command again."
        )

    def end(self) -> None:
        """End the process: at once if it works, otherwise by closing its pipe."""
        self.pipe.close()
        if self.at is not None:
            self._process.terminate()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


_READY = "\0ready"


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Let a child begin with one thread for each library, and deaf to Ctrl-C, which is ours."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
    try:
        yield
    finally:
        if in_main:
            signal.signal(signal.SIGINT, handler or signal.default_int_handler)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe: Connection, function: Callable[[Any], Any]) -> None:
    """Answer units until the pipe ends; the life of a worker."""
    threading.Thread(target=_end_with_caller, daemon=True).start()
    pipe.send(_READY)
    while True:
        try:
            unit = pipe.recv()
        except (EOFError, OSError):
            return
        answer = tried(function, unit)
        sent = tried(pipe.send, portable(answer) if isinstance(answer, Exception) else answer)
        if isinstance(sent, EOFError | BrokenPipeError):
            return
        if isinstance(sent, Exception):  # an answer that cannot travel is a fault of its unit
            pipe.send(portable(sent))


def _end_with_caller() -> None:
    """End this worker at once when its caller is gone, also in the middle of a long unit."""
    caller = multiprocessing.parent_process()
    assert caller is not None
    wait([caller.sentinel])
    os._exit(1)
