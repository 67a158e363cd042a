"""The page with sliders: its schedule is the one that training follows."""

from __future__ import annotations

import html
import json
import tomllib

import numpy as np
import pytest
from pydantic import TypeAdapter
from tests.systems.nuclei.page.test_browser import CHROMIUM, browser

from fatescope.acquire import write_table
from fatescope.base import Table
from fatescope.pages.page import KicksBoard
from fatescope.systems.viability.reproduce.kicks_page import write_board, write_kicks
from fatescope.train.schedule_settings import Kicks

__all__ = ["browser"]

SCORE = [0.3, 0.4, 0.45, 0.45, 0.44, 0.43, 0.45, 0.5, 0.52, *[0.51] * 16, 0.53, *[0.5] * 9]
SETTINGS = {"rate": 0.05, "percent": 50.0, "patience": 3, "floor_ratio": 0.5, "period": 4}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    board = KicksBoard(title="Move the sliders", measured=SCORE, steps_per_epoch=17, **SETTINGS)
    return write_kicks(tmp_path_factory.mktemp("page") / "kicks.html", board)


def trained_rates(**changes):
    torch = pytest.importorskip("torch")
    from fatescope.train.kicks import KickedCosine

    given = SETTINGS | changes
    settings = {k: given[k] for k in ("percent", "patience", "floor_ratio", "period")}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=given["rate"])
    schedule, rates = KickedCosine(optimizer, **settings), []
    for value in SCORE:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
        schedule.measure(value)
        optimizer.param_groups[0]["lr"] = schedule.get_lr()[0]
    return rates


def test_the_page_is_one_file_with_its_numbers_and_sliders(path):
    page = path.read_text("utf-8")
    for name in ("patience", "percent", "floor_ratio", "period"):
        assert f'name="{name}"' in page
    assert "0.52" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_schedule_on_the_page_is_a_file_that_runs_alone(path):
    pytest.importorskip("torch")
    page = html.unescape(path.read_text("utf-8"))
    shown = page.partition('"""Cosine annealing with kicks')[2].partition("</pre>")[0]
    alone: dict = {}
    exec(compile('"""' + shown, "kicks.py", "exec"), alone)  # what a reader copies
    assert alone["KickedCosine"].__mro__[1].__name__ == "LRScheduler"
    assert "fatescope" not in shown


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_moving_a_slider_draws_the_schedule_that_training_would_follow(browser, path):
    page = browser.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(path.as_uri())
    root = page.locator(".kicks")
    drawn = json.loads(root.get_attribute("data-rates"))
    assert drawn == pytest.approx(trained_rates(), rel=1e-6)
    slider = page.locator('input[name="percent"]')
    slider.fill("100")
    moved = json.loads(root.get_attribute("data-rates"))
    assert moved != drawn
    recipe = tomllib.loads(root.locator("pre").inner_text())
    asked = TypeAdapter(Kicks).validate_python(recipe["fit"].pop("schedule"))
    assert (asked.percent, asked.period) == (100.0, 4 * 17)
    assert recipe["fit"] == {"learning_rate": 0.05, "steps_per_epoch": 17}
    assert moved == pytest.approx(trained_rates(percent=100.0), rel=1e-6)
    page.locator('input[name="patience"]').fill("30")
    assert "No kick" in root.locator(".now").inner_text()
    assert root.locator("svg path").count() == 2
    page.close()
    assert problems == []


def test_the_reproduction_writes_the_page_on_its_own_score_if_it_is_long_enough(tmp_path):
    def course(n):
        arms = np.array(["sgd_kicks"] * n + ["adam_warm"] * n, dtype=object)
        score = np.concatenate([np.linspace(0.1, 0.3, n), np.full(n, 0.9)])
        step = np.tile(np.arange(1, n + 1) * 5, 2)
        table = Table({"arm": arms, "step": step, "auprc_mean": score})
        write_table(table, tmp_path / "course.parquet")

    course(2)
    assert write_board(tmp_path) == []
    course(20)
    assert write_board(tmp_path) == ["kicks.html"]
    page = (tmp_path / "kicks.html").read_text("utf-8")
    assert "0.3" in page
    assert "0.9," not in page.partition('class="data">')[2].partition("</script>")[0]
