"""Killed at any moment, a run continues: same bytes, nothing lost, nothing done twice."""

import sys

import pytest
from benchmarks.kill_test import kill_often
from benchmarks.kill_workload import draw


def command(images, *, workers, slow):
    options = ["--workers", str(workers), "--slow", str(slow)]
    return [sys.executable, "-m", "benchmarks.kill_workload", str(images), "{out}", *options]


@pytest.mark.slow
def test_five_kills_change_nothing(tmp_path):
    draw(tmp_path / "images", 9)
    outcome = kill_often(
        command(tmp_path / "images", workers=1, slow=0.02),
        tmp_path / "work",
        kills=5,
        seed=2,
        stride=4,
    )
    assert outcome.kills == 5
    assert outcome.folders >= 1
    assert any(0 < n < 9 for n in outcome.done_at_kill), "a kill must fall into the work"
    assert outcome.files_compared >= 9 + 3, "labels, two tables, findings"


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "kills"), [(1, 100), (2, 30)])
def test_a_hundred_kills_change_nothing(tmp_path, workers, kills):
    draw(tmp_path / "images", 200)
    outcome = kill_often(
        command(tmp_path / "images", workers=workers, slow=0.0),
        tmp_path / "work",
        kills=kills,
        seed=workers,
    )
    partly = [n for n in outcome.done_at_kill if 0 < n < 200]
    assert len(partly) > kills / 2, "most kills must fall into the work"
