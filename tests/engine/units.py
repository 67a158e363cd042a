"""What workers do in the tests; a module of its own, so that they start quickly."""

import os
import signal
import time

from fatescope.base.errors import FileFormatError
from fatescope.engine.cluster import _in_worker  # as it is before a test replaces it


def square(number):
    return number * number


def slow_square(number):
    time.sleep(0.05)
    return number * number


def tasks_of(dask_scheduler):
    return len(dask_scheduler.tasks)


def as_for_another_version(function, unit, version):
    return _in_worker(function, unit, "0.0.0.other")


def fussy(number):
    if number == 3:
        raise FileFormatError("three.tif: is cut off. Copy it again.")
    if number == 4:
        raise KeyError("four")
    return number


def deadly(number, *, by):
    if number == 2:
        if by == "signal":
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(7)
    return number


def threads(_):
    return os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]


def unsendable(number):
    return (lambda: number) if number == 1 else number


def slowly(number):
    time.sleep(0.2)
    return number


def at_once_or_for_minutes(unit: int) -> int:
    if unit:
        time.sleep(300)
    return unit
