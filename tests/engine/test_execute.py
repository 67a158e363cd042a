import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest
from tests.engine.units import deadly, fussy, square, threads, unsendable

from fatescope.base import FileFormatError, RunError
from fatescope.engine.execute import available_workers, map_units


def outcomes(function, units, workers):
    return dict(map_units(function, units, workers=workers))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_unit_gives_its_result_for_any_number_of_workers(workers):
    assert outcomes(square, list(range(7)), workers) == {i: i * i for i in range(7)}


def test_no_units_are_no_work():
    assert outcomes(square, [], None) == {}


@pytest.mark.slow
def test_a_slow_unit_holds_nobody_up():
    order = [unit for unit, _ in map_units(time.sleep, [6.0, *[0.01] * 5], workers=2)]
    assert order[-1] == 6.0


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_costs_its_unit_alone(workers):
    got = outcomes(fussy, [1, 2, 3, 4, 5], workers)
    assert [got[i] for i in (1, 2, 5)] == [1, 2, 5]
    assert isinstance(got[3], FileFormatError)
    assert str(got[3]) == "three.tif: is cut off. Copy it again."
    assert isinstance(got[4], KeyError)


def test_the_traceback_of_a_worker_travels_as_a_note():
    error = outcomes(fussy, [4, 5], 2)[4]
    assert "in fussy" in "".join(error.__notes__)


@pytest.mark.parametrize(
    ("by", "how"), [("signal", r"was killed \(signal 9\)"), ("exit", "ended with code 7")]
)
def test_a_worker_that_dies_costs_its_unit_alone(by, how):
    got = outcomes(partial(deadly, by=by), list(range(6)), 2)
    assert [got[i] for i in (0, 1, 3, 4, 5)] == [0, 1, 3, 4, 5]
    assert isinstance(got[2], RunError)
    with pytest.raises(RunError, match=f"2: the process that worked on it {how}.*memory ran out"):
        raise got[2]


def test_a_result_that_cannot_travel_is_a_fault_of_its_unit():
    got = outcomes(unsendable, [0, 1, 2], 2)
    assert (got[0], got[2]) == (0, 2)
    assert isinstance(got[1], Exception)


def test_workers_compute_with_one_thread_and_the_caller_is_left_alone(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert outcomes(threads, [1, 2], 2) == {1: ("1", "1"), 2: ("1", "1")}
    assert os.environ["OMP_NUM_THREADS"] == "5"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_is_reported_after_each_unit(workers):
    said = []
    list(map_units(square, [1, 2, 3], workers=workers, progress=lambda *p: said.append(p)))
    assert list(dict.fromkeys(p[:2] for p in said if p[0])) == [(1, 3), (2, 3), (3, 3)]
    assert {p[2] for p in said} - {""} == {"1", "2", "3"}


def test_progress_is_reported_while_units_take_long_and_can_cancel_them():
    begun = time.monotonic()

    def cancel_after_a_second(*_):
        if time.monotonic() - begun > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(map_units(time.sleep, [900, 900], workers=2, progress=cancel_after_a_second))
    assert time.monotonic() - begun < 600
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_notebook_gets_a_bar(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    lines = """
        import time
        from fatescope.engine.execute import map_units
        _ = list(map_units(time.sleep, [1.5, 1.0, 0.5], workers=1))
    """
    cell = nbformat.v4.new_code_cell(textwrap.dedent(lines))
    book = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    shown = [o["data"]["text/html"] for o in book.cells[0].outputs if "data" in o]
    assert "3/3 0.5" in "".join(shown)


def test_a_name_of_two_lines_stays_one_line_of_progress():
    told = []
    list(map_units(len, ["a\nb"], workers=1, progress=lambda *p: told.append(p)))
    assert told == [(1, 1, "a\\nb")]


def test_the_number_of_workers_follows_cores_and_units():
    assert available_workers(None, 1) == 1
    assert available_workers(8, 3) == 3
    assert available_workers(None, 10_000) >= 1
    assert available_workers(4, 0) == 1


def test_results_pass_as_they_come_and_an_early_end_ends_the_workers():
    mapped = map_units(partial(time.sleep), [0.01, 900.0], workers=2)
    begun = time.monotonic()
    assert next(mapped) == (0.01, None)
    mapped.close()
    assert time.monotonic() - begun < 600


SCRIPT = """
import sys
from fatescope.engine.execute import map_units
from tests.engine.units import slowly
if __name__ == "__main__":
    try:
        for unit, result in map_units(slowly, list(range(50)), workers=2):
            print(unit, flush=True)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def started(tmp_path, script=SCRIPT):
    (tmp_path / "script.py").write_text(script)
    root = str(Path.cwd())
    environment = {**os.environ, "PYTHONPATH": os.environ["PYTHONPATH"] + os.pathsep + root}
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def members_of_session(session):
    listing = subprocess.run(["ps", "-eo", "sid=,pid="], capture_output=True, text=True, check=True)
    pairs = [line.split() for line in listing.stdout.splitlines()]
    return [int(pid) for sid, pid in pairs if int(sid) == session]


def assert_nobody_is_left(session):
    deadline = time.monotonic() + 200
    while members_of_session(session) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert members_of_session(session) == []


@pytest.mark.skipif(os.name == "nt", reason="signals as on Unix")
def test_an_interrupt_ends_cleanly(tmp_path):
    process = started(tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everyone gets it
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors == ""
    assert_nobody_is_left(process.pid)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals as on Unix")
def test_workers_end_when_the_caller_is_killed(tmp_path):
    process = started(tmp_path)
    process.kill()
    process.communicate()
    assert_nobody_is_left(process.pid)


@pytest.mark.skipif(os.name == "nt", reason="signals as on Unix")
def test_workers_end_in_the_middle_of_a_long_unit_when_the_caller_is_killed(tmp_path):
    process = started(tmp_path, SCRIPT.replace("slowly", "at_once_or_for_minutes"))
    process.kill()
    process.communicate()
    assert_nobody_is_left(process.pid)


def test_a_script_without_a_guard_is_told_what_to_do(tmp_path):
    (tmp_path / "script.py").write_text(
        "from fatescope.engine.execute import map_units\n"
        "print(list(map_units(abs, [1, 2], workers=2)))\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1
    assert 'if __name__ == "__main__":' in done.stderr.splitlines()[-1]
