"""Compare process pools: ours, Pebble and loky (record 0013).

python benchmarks/pools.py --small 20000

Asked of each pool that is installed: does a killed worker cost its own unit alone, does a killed
caller leave nobody behind, and what do many small units cost? Medians of three runs.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

POOLS = ("ours", "pebble", "loky")
WORKERS = 2


def small(unit: int) -> int:
    """A unit that costs nothing."""
    return unit


def deadly(unit: int) -> int:
    """Unit 7 kills its process, as a system without memory does."""
    if unit == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return unit


def endless(unit: int) -> int:
    time.sleep(600)
    return unit


def run_ours(function: Callable[[int], int], n: int) -> Iterator[object]:
    from fatescope.engine.execute import in_processes

    for _, outcome in in_processes(function, range(n), WORKERS):
        yield outcome


def run_pebble(function: Callable[[int], int], n: int) -> Iterator[object]:
    import multiprocessing

    from pebble import ProcessPool

    context = multiprocessing.get_context("spawn")
    with ProcessPool(max_workers=WORKERS, context=context) as pool:
        for future in [pool.schedule(function, args=(i,)) for i in range(n)]:
            try:
                yield future.result()
            except Exception as error:
                yield error


def run_loky(function: Callable[[int], int], n: int) -> Iterator[object]:
    from loky import get_reusable_executor

    pool = get_reusable_executor(max_workers=WORKERS)
    for future in [pool.submit(function, i) for i in range(n)]:
        try:
            yield future.result()
        except Exception as error:
            yield error


RUN = {"ours": run_ours, "pebble": run_pebble, "loky": run_loky}


def lost_to_a_killed_worker(pool: str) -> int:
    """Return how many of 40 units gave no result when one of them killed its worker."""
    return sum(isinstance(outcome, Exception) for outcome in RUN[pool](deadly, 40))


def left_by_a_killed_caller(pool: str) -> int:
    """Return how many processes are still there 5 s after the caller was killed."""
    import psutil

    code = f"import pools; list(pools.RUN[{pool!r}](pools.endless, 4))"
    folder = Path(__file__).resolve().parent
    caller = subprocess.Popen([sys.executable, "-c", code], cwd=folder)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        children = psutil.Process(caller.pid).children(recursive=True)
        if len(children) >= WORKERS:
            break
        time.sleep(0.1)
    time.sleep(1.5)
    children = psutil.Process(caller.pid).children(recursive=True)
    caller.kill()
    caller.wait()
    _, alive = psutil.wait_procs(children, timeout=5)
    for process in alive:
        process.kill()
    return len(alive)


def cost(pool: str, n: int) -> tuple[float, float]:
    """Return CPU and wall microseconds a unit, start included."""
    before, begun = os.times(), time.monotonic()
    done = sum(not isinstance(outcome, Exception) for outcome in RUN[pool](small, n))
    if pool == "loky":
        from loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)
    assert done == n
    wall, after = time.monotonic() - begun, os.times()
    return sum(after[i] - before[i] for i in range(4)) / n * 1e6, wall / n * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=20_000, help="small units")
    given = parser.parse_args()
    print(
        "| pool | units lost to one killed worker | left by a killed caller | µs CPU, wall a unit |"
    )
    print("|--|--|--|--|")
    for pool in POOLS:
        try:
            next(iter(RUN[pool](small, 1)))
        except ModuleNotFoundError:
            print(f"| {pool} | not installed | | |")
            continue
        lost, left = lost_to_a_killed_worker(pool), left_by_a_killed_caller(pool)
        costs = [cost(pool, given.small) for _ in range(3)]
        cpu, wall = map(statistics.median, zip(*costs, strict=True))
        print(f"| {pool} | {lost} of 40 | {left} | {cpu:.0f}, {wall:.0f} |")


if __name__ == "__main__":
    main()
