"""Every rule that is promised of movies, tables, lineages and plates is said by a command."""

import csv
from dataclasses import replace

import numpy as np
from tests.acquire.lineage_cases import TWO_DIVISIONS, lineage_of
from tests.clean.recording import recording, render
from tests.clean.test_annotations import MOVIE, table_of_an_embryo
from tests.clean.test_frames import LASTS
from tests.lineage.embryo_cases import embryo, only, renamed
from tests.lineage.lint.test_lint import with_life
from tests.systems.test_pixel_findings import run

from fatescope.acquire import write_table
from fatescope.acquire.lineages import write_lineage
from fatescope.acquire.movies import write_frames
from fatescope.base.finding import RULES
from fatescope.simulate.embryo.faults import PlannedFault, add_table_faults, faulty_frame


def said_by(*arguments, out):
    """Run a command and return the rules in its table of findings."""
    assert run(*arguments, "--out", out) in (0, 1)
    with (out / "findings.csv").open(encoding="utf-8", newline="") as stream:
        return {row["rule"] for row in csv.DictReader(stream)}


def test_clean_says_every_rule_of_frames(tmp_path):
    """Three films, so that faults lie apart."""
    for number in range(3):
        rules = list(LASTS)[number::3]
        faults = [
            PlannedFault(rule, 12 + 24 * i, 11 + 24 * i + LASTS[rule], 1.0, 1)
            for i, rule in enumerate(rules)
        ]
        frames = [faulty_frame(render, t, faults) for t in range(len(recording()))]
        how = {"frames_per_second": 7, "codec": "lossless", "kbit_s": 0}
        write_frames(tmp_path / "in" / f"{number}.mp4", frames, **how)
    assert said_by("clean", tmp_path / "in", out=tmp_path / "o") >= RULES["frames"]


def test_clean_says_every_rule_of_annotations(tmp_path):
    for rule in RULES["annotations"]:
        table, _ = add_table_faults(
            table_of_an_embryo(), [rule], frames=MOVIE, strength=1.0, seed=1
        )
        path = tmp_path / "in" / f"CD{rule}.csv"
        path.parent.mkdir(exist_ok=True)
        write_table(table, path)
    assert said_by("clean", tmp_path / "in", out=tmp_path / "o") >= RULES["annotations"]


WHOLE = embryo()
LATE = int(WHOLE.frame.max()) - 6


def without(lineage, lost, after):
    there = np.array([n.startswith(lost) for n in lineage.name]) & (lineage.frame > after)
    return only(lineage, ~there)


def moved(names, by):
    """Two nuclei in one place, or one that leaps: the cells of some rows are moved."""
    position = WHOLE.position.copy()
    rows = np.flatnonzero(np.isin(WHOLE.name.astype(str), names) & (WHOLE.frame >= LATE))
    position[rows[:4]] = by(position[rows[:4]])
    return replace(WHOLE, position=position)


def traded(one, other, first, last):
    pair = {one: other, other: one}
    return renamed(WHOLE, lambda n, t: pair.get(n, n) if first <= t < last else n)


def swapped(name, frame):
    for a, b in (("MSa", "MSp"), ("MSp", "MSa")):
        if name.startswith(a):
            return b + name[len(a) :]
    return name


BORN = int(WHOLE.frame[WHOLE.name == "ABala"].min())
LINEAGES = {
    "nonpositive-time": lambda: replace(TWO_DIVISIONS, frame=TWO_DIVISIONS.frame - 2),
    "hole": lambda: replace(TWO_DIVISIONS, frame=np.array([0, 1, 4, 7, 7, 1, 2, 3])),
    "orphan": lambda: only(WHOLE, WHOLE.name != "EMS"),
    "cliff": lambda: without(WHOLE, ("ABal", "ABpr", "C"), LATE),
    "partial": lambda: only(TWO_DIVISIONS, TWO_DIVISIONS.name != "ABp"),
    "duplicate-position": lambda: moved(["ABalaaa"], lambda p: np.repeat(p[:1], len(p), 0)),
    "outside-tree": lambda: lineage_of([("Nuc1", 0, -1, 0, 0, 0), ("ABd", 0, -1, 0, 9, 0)]),
    "oversplit": lambda: lineage_of(
        [("Nuc1", 0, -1, 0, 0, 0), *((f"Nuc{i}", 1, 0, 0, 9 * i, 0) for i in (2, 3, 4))]
    ),
    "jump": lambda: moved(
        ["ABalaaa"], lambda p: p + [[0, 14, 0]] * (np.arange(len(p)) == 2)[:, None]
    ),
    "swap": lambda: renamed(WHOLE, swapped),
    "exchanged": lambda: traded("ABala", "ABarp", BORN + 3, BORN + 9),
    "timing": lambda: with_life(WHOLE, {"ABplap": 1.5}),
    "species": lambda: embryo(generations=6, life=24),
    "atypical": lambda: replace(
        WHOLE,
        position=WHOLE.position + np.random.default_rng(3).normal(0, 30, WHOLE.position.shape),
    ),
    "mirrored": lambda: replace(WHOLE, position=WHOLE.position * [-1, 1, 1]),
}
TABLES = {
    "duplicate-id": "1,0,1,5,5,,AB\n1,1,1,5,6,1,AB\n",
    "unknown-parent": "1,0,1,5,5,,AB\n2,1,1,5,6,77,AB\n",
    "links-not-read": "a,0,1,5,5,b/c,AB\nb,1,1,5,6,x y,AB\n",
}


def test_lint_says_every_rule_of_lineages(tmp_path):
    for rule, made in LINEAGES.items():
        write_lineage(made(), tmp_path / f"{rule}.csv")
    for rule, rows in TABLES.items():
        (tmp_path / f"{rule}.csv").write_text("id,frame,z,y,x,parent,name\n" + rows)
    assert set(LINEAGES) | set(TABLES) == RULES["lineages"]
    asked = ("--spacing-um", "1,1,1", "--interval-min", "1.5")
    unsaid = {
        rule
        for rule in RULES["lineages"]
        if rule
        not in said_by("lineage", "lint", tmp_path / f"{rule}.csv", *asked, out=tmp_path / rule)
    }
    assert not unsaid
