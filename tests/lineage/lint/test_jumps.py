"""Leaps are found from a known size on; what a good recording does is none."""

from dataclasses import replace

import numpy as np
import pytest
from tests.lineage.embryo_cases import embryo
from tests.lineage.lint.test_exchanged import rendered

from fatescope.acquire.lineages import read_lineage
from fatescope.base.spacing import Spacing
from fatescope.lineage.lint import LintSettings, lint_one_lineage
from fatescope.systems.lineages.reading import open_atlas


def jumps(lineage):
    findings = lint_one_lineage(lineage, file="t", settings=LintSettings(), atlas=open_atlas())
    return [f for f in findings if f.rule == "jump"]


def moved(lineage, rows, by_um):
    """The lineage with some rows displaced by µm along z, y, x."""
    position = lineage.position.astype(float).copy()
    position[rows] += np.asarray(by_um) / lineage.spacing.um("ZYX")
    return replace(lineage, position=position)


def within_lives(lineage, rng, *, count, from_cells=100):
    """Rows with two frames of the same life on each side, when cells are many."""
    alive = np.bincount(lineage.frame - lineage.frame.min())[lineage.frame - lineage.frame.min()]
    row = {(n, f): r for r, (n, f) in enumerate(zip(lineage.name, lineage.frame, strict=True))}
    fit = [
        r
        for (n, f), r in row.items()
        if alive[r] >= from_cells and all((n, f + k) in row for k in (-2, -1, 1, 2))
    ]
    return rng.choice(fit, size=count, replace=False)


def test_a_leap_and_the_way_back_are_one_finding():
    lineage = rendered(1)
    row = int(within_lives(lineage, np.random.default_rng(1), count=1)[0])
    (jump,) = jumps(moved(lineage, [row], (0, 9, 0)))
    assert (jump.frame, jump.object) == (lineage.frame[row], lineage.name[row])
    assert "and back in the next" in jump.reason
    assert jump.value == pytest.approx(9, abs=2.5)


def test_a_nucleus_that_goes_elsewhere_for_good_is_found_in_that_frame():
    lineage = rendered(2)
    row = int(within_lives(lineage, np.random.default_rng(2), count=1)[0])
    name, frame = lineage.name[row], lineage.frame[row]
    below = np.array([n.startswith(name) for n in lineage.name]) & (lineage.frame >= frame)
    (jump,) = jumps(moved(lineage, below, (0, 0, 11)))
    assert (jump.frame, jump.object) == (frame, name)
    assert "back" not in jump.reason


def test_a_daughter_that_begins_elsewhere_is_found_and_a_wide_division_is_not():
    lineage = rendered(3)
    first = {n: int(lineage.frame[lineage.name == n].min()) for n in ("ABalaaa", "ABalaap")}
    born = {n: (lineage.name == n) & (lineage.frame >= f) for n, f in first.items()}
    wide = moved(moved(lineage, born["ABalaaa"], (0, 4, 0)), born["ABalaap"], (0, -4, 0))
    assert jumps(wide) == []
    below = np.array([n.startswith("ABalaaa") for n in lineage.name])
    (jump,) = jumps(moved(lineage, below, (0, 0, 22)))
    assert (jump.frame, jump.object) == (first["ABalaaa"], "ABalaaa")


def test_an_embryo_that_turns_and_a_nucleus_that_migrates_leap_nowhere():
    lineage = rendered(4)
    late = lineage.frame > np.median(lineage.frame)
    turn = np.array([[1, 0, 0], [0, np.cos(0.35), -np.sin(0.35)], [0, np.sin(0.35), np.cos(0.35)]])
    centre = lineage.position.mean(axis=0)
    turned = np.where(late[:, None], (lineage.position - centre) @ turn + centre, lineage.position)
    assert jumps(replace(lineage, position=turned)) == []
    row = int(within_lives(lineage, np.random.default_rng(4), count=1)[0])
    name, frame = lineage.name[row], int(lineage.frame[row])
    mine = np.flatnonzero(lineage.name == name)
    way = np.clip(lineage.frame[mine] - frame, 0, None)[:, None] * np.array([0.0, 5.5, 0.0])
    assert len(jumps(moved(lineage, mine, way))) <= 1  # where it sets out


def test_the_limit_grows_with_how_far_this_embryo_steps():
    restless = embryo(generations=6)
    shaken = np.random.default_rng(5).normal(0, 2.2, restless.position.shape)
    assert jumps(replace(restless, position=restless.position + shaken)) == []


@pytest.mark.data
def test_a_good_table_of_another_laboratory_has_no_leaps_at_any_scale(data_dir):
    path = data_dir / "acetree_samples" / "CD20241108_JIM767_25_L5.csv.gz"
    for step_um in (0.5, 1.0):
        spacing = Spacing.of(source="user", T=1.25, Z=step_um, Y=0.087, X=0.087)
        assert len(jumps(replace(read_lineage(path), spacing=spacing))) <= 1


@pytest.mark.data
@pytest.mark.parametrize("table", ["CD20070308_eft3", "CD20081016_alr-1_10A2_3_L1"])
def test_leaps_of_8_um_are_found_in_real_tables(data_dir, table):
    lineage = read_lineage(data_dir / "epic_tables" / f"{table}.csv.gz")
    rng = np.random.default_rng(6)
    rows = within_lives(lineage, rng, count=30)
    way = rng.normal(0, 1, (30, 3))
    way *= 8.0 / np.linalg.norm(way, axis=1, keepdims=True)
    seen = {(f.object, f.frame) for f in jumps(moved(lineage, rows, way))}
    put = {(str(lineage.name[r]), int(lineage.frame[r])) for r in rows}
    assert len(put & seen) >= 29
