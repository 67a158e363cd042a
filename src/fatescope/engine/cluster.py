"""Units over a Dask cluster: Dask schedules, retries and moves; we say what a unit is.

Workers read inputs and write results on a file system that they share with the driver, and the
driver alone writes the ledger (docs/scale.md).
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fatescope._version import __version__
from fatescope.base import RunError, escape, imported
from fatescope.engine import ClusterSettings, read_cluster_file
from fatescope.engine.portable import portable, tried

Unit = TypeVar("Unit")
Result = TypeVar("Result")

WINDOW = 4096
"""Units that the scheduler knows at a time; a night of 10^7 units never stands in its memory."""
RETRIES = 1
"""How often a unit is tried again whose worker was lost, on clusters that we start."""
_CONNECT_SECONDS = 10  # until a scheduler is called unreachable; a guess
_QUIET = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL}
_ONE_AT_A_TIME = threading.Lock()


def in_cluster(
    function: Callable[[Unit], Result], units: Sequence[Unit], where: str
) -> Generator[tuple[Unit, Result | Exception], None, None]:
    """Work through the units on a Dask cluster.

    Parameters
    ----------
    function, units
        As for `map_units`, with absolute paths.
    where : str
        Address of a running scheduler (``tcp://host:8786``), or a TOML file (`ClusterSettings`).

    Yields
    ------
    unit, outcome
        In the order of completion.

    Raises
    ------
    RunError
        If Dask is missing, the scheduler cannot be reached, no worker comes, or the connection
        is lost.
    SettingsError
        If the file is wrong.
    """
    if not units:
        return
    distributed = imported("distributed")
    with _connected(distributed, where) as client:
        yield from _mapped(distributed, client, function, units)


def _mapped(
    distributed: Any, client: Any, function: Callable[[Any], Any], units: Sequence[Any]
) -> Iterator[tuple[Any, Any]]:
    """Keep a window of units at the scheduler and pass outcomes as they come."""
    run = uuid.uuid4().hex[:12]
    waiting = iter(range(len(units)))
    at: dict[str, int] = {}
    running = distributed.as_completed(loop=client.loop)

    def submit() -> None:
        index = next(waiting, None)
        if index is not None:
            key = f"fatescope-{run}-{index}"
            at[key] = index
            task = (_in_worker, function, units[index], __version__)
            running.add(client.submit(*task, key=key, pure=False))

    for _ in range(WINDOW):
        submit()
    try:
        for future in running:
            unit = units[at.pop(future.key)]
            outcome = _outcome(distributed, future, unit)
            future.release()
            submit()
            yield unit, outcome
    finally:
        with contextlib.suppress(Exception):  # a lost scheduler has nothing to cancel
            client.cancel(list(running.futures))


def _outcome(distributed: Any, future: Any, unit: Any) -> Any:
    answer = tried(future.result)
    if isinstance(answer, distributed.KilledWorker):
        return RunError(
            f"{escape(str(unit))}: the workers that tried it were lost one after the other; most "
            "often memory ran out. Give workers more memory, and run the command again."
        )
    if isinstance(answer, distributed.CancelledError | distributed.comm.CommClosedError):
        raise RunError(
            f"the connection to the Dask scheduler was lost ({escape(str(answer))[:200]}). Run the "
            "command again; it continues."
        ) from answer
    return portable(answer) if isinstance(answer, Exception) else answer


def _in_worker(function: Callable[[Any], Any], unit: Any, version: str) -> Any:
    """Do a unit in a worker; its errors travel as values, so that Dask does not retry them."""
    if version != __version__:
        return RunError(
            f"a worker of the cluster has fatescope {__version__}, and this is {version}. Install "
            "the same version on all machines."
        )
    with _ONE_AT_A_TIME:  # workers may have several threads; a network serves one
        answer = tried(function, unit)
        return portable(answer) if isinstance(answer, Exception) else answer


@contextlib.contextmanager
def _connected(distributed: Any, where: str) -> Iterator[Any]:
    """Give a client of a running or new cluster that has a worker; a new one ends with it."""
    with contextlib.ExitStack() as stack:
        if where.endswith(".toml") or Path(where).is_file():
            said = read_cluster_file(Path(where))
            target: Any = stack.enter_context(_started(distributed, said, where))
            wait_s = said.wait_min * 60
        else:
            _knock(where)
            target, wait_s = where, 60.0
        client = stack.enter_context(_client(distributed, target, where))
        try:
            client.wait_for_workers(1, timeout=wait_s)
        except TimeoutError as error:
            raise RunError(
                f"{escape(where)}: no worker came within {wait_s / 60:g} min. Start workers "
                "(dask worker ADDRESS --nthreads 1), or give more wait_min."
            ) from error
        yield client


def _client(distributed: Any, target: Any, where: str) -> Any:
    try:
        return distributed.Client(target, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise _unreachable(where, str(error)) from error


def _knock(address: str) -> None:
    """Raise where nobody listens, before Dask tries and tries again."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def _unreachable(where: str, reason: str) -> RunError:
    return RunError(
        f"{escape(where)}: no Dask scheduler answers there ({escape(reason)}). Give an address "
        "such as tcp://host:8786 of one that runs (dask scheduler), or a TOML file."
    )


def _started(distributed: Any, said: ClusterSettings, where: str) -> Any:
    """Start the cluster that a file describes."""
    import dask

    settings = {
        "distributed.scheduler.allowed-failures": RETRIES,
        "distributed.scheduler.worker-saturation": 1.0,  # none waits where another may die
    }
    try:
        with dask.config.set(settings):
            if said.kind == "slurm":
                cluster = imported("dask_jobqueue").SLURMCluster(**said.options)
                cluster.scale(said.workers)
                return cluster
            if said.kind == "ssh":
                return _over_ssh(distributed, said)
            return distributed.LocalCluster(
                n_workers=said.workers,
                threads_per_worker=1,
                **{**_QUIET, **said.options},
            )
    except (OSError, TypeError, ValueError, RuntimeError, TimeoutError) as error:
        raise RunError(
            f"{escape(where)}: the cluster cannot be started ({escape(str(error))[:300]}). Check "
            "the options in the file."
        ) from error


def _over_ssh(distributed: Any, said: ClusterSettings) -> Any:
    n_hosts = len(said.hosts) - 1
    worker = {"nthreads": 1, "n_workers": -(-said.workers // n_hosts)}
    options = dict(said.options)
    worker |= options.pop("worker_options", {})
    return distributed.SSHCluster(list(said.hosts), worker_options=worker, **options)
