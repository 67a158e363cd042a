"""A reproduction is data and a few functions: here one of two units, one of which fails."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from fatescope.acquire import read_table
from fatescope.base import InputError, Settings, Table, WorkUnit, setting
from fatescope.engine.driver import Outcome
from fatescope.pages.page import Section, Text
from fatescope.systems.reproduction.engine import FITS, Reproduction, Work, data_folder
from fatescope.systems.reproduction.origin import NUCLEI
from fatescope.systems.reproduction.settings import changes


class Recipe(Settings):
    epochs: int = setting(50, "epochs", ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(WorkUnit):
    key: str
    paths: tuple[Path, ...] = ()


def find(request):
    if request.data is None and not request.quick:
        raise InputError("nothing to learn from.")
    return Work(units=[Part(key="published"), Part(key="corrected")], material="rendered")


def train(unit, *, out, recipe, progress):
    (out / FITS / unit.key).mkdir(parents=True)
    if unit.key == "corrected" and recipe.epochs == 3:
        raise InputError("it did not fit.")
    table = {"arm": np.array([unit.key], dtype=object), "epochs": np.array([recipe.epochs])}
    return Outcome(tables={"arms": Table(table)})


def page(request, material):
    n = len(read_table(request.out / "arms.parquet"))
    words = f"{n} arms, {material}"
    return words, [Section(title="Arms", blocks=(Text(paragraphs=(words,)),))]


TINY = Reproduction(
    name="tiny-2020",
    origin=NUCLEI,
    needs=("numpy",),
    quick={"epochs": 2},
    quick_words="Quick.",
    what="arms",
    find=find,
    do=train,
    costs=lambda recipe, data, quick: [recipe.epochs, 2 * recipe.epochs],
    page=page,
)


def test_a_quick_run_changes_the_recipe_and_says_so_on_the_page(tmp_path):
    summary = TINY.run(out=tmp_path, recipe=Recipe(), quick=True, workers=1)
    assert (summary.units_done, summary.exit_code) == (2, 0)
    assert read_table(tmp_path / "arms.csv")["epochs"].tolist() == [2, 2]
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Quick. 2 arms, rendered" in text
    assert "Whose work it is" in text
    assert not (tmp_path / FITS).exists()


def test_a_unit_that_fails_keeps_its_checkpoints_and_the_next_call_does_it_alone(tmp_path):
    summary = TINY.run(out=tmp_path, recipe=Recipe(epochs=3), data=tmp_path, workers=1)
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (1, 1, 1)
    assert (tmp_path / FITS / "corrected").is_dir()
    asked = []

    def mended(unit, **how):
        asked.append(unit.key)
        return Outcome()

    again = replace(TINY, do=mended)
    assert (
        again.run(out=tmp_path, recipe=Recipe(epochs=3), data=tmp_path, workers=1).units_done == 2
    )
    assert asked == ["corrected"]
    assert not (tmp_path / FITS).exists()


def test_without_data_nothing_is_begun(tmp_path):
    with pytest.raises(InputError, match="nothing to learn from"):
        TINY.run(out=tmp_path / "out", recipe=Recipe())
    assert not (tmp_path / "out").exists()


def test_the_plan_is_of_the_units_and_of_the_workers_that_are_given():
    one, two = (TINY.plan(recipe=Recipe(), workers=n) for n in (1, 2))
    assert (one.units, one.cpu_seconds, one.wall_seconds) == (2, 150, 150)
    assert two.wall_seconds == 100
    assert TINY.plan(recipe=Recipe(), quick=True).cpu_seconds == 6


def test_data_are_what_was_given_or_what_it_holds(tmp_path, monkeypatch):
    monkeypatch.delenv("FATESCOPE_DATA", raising=False)
    assert data_folder(None, "tables") is None
    assert data_folder(tmp_path, "tables") == tmp_path
    (tmp_path / "tables").mkdir()
    monkeypatch.setenv("FATESCOPE_DATA", str(tmp_path))
    assert data_folder(None, "tables") == tmp_path / "tables"


def test_what_was_changed_is_said_beside_the_published_value():
    words = {"epochs": "{} epochs instead of {}"}
    assert changes(Recipe(epochs=5), words) == ["5 epochs instead of 50"]
    assert changes(Recipe(), words) == []
