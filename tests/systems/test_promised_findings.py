"""Every rule that is promised of movies, tables, lineages and plates is said by a command."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import zarr
from tests.acquire import plate_cases
from tests.acquire.lineage_cases import TWO_DIVISIONS, lineage_of
from tests.acquire.test_plate_oddities import zarr_plate
from tests.acquire.test_positions import czi_file
from tests.clean.recording import recording, render
from tests.clean.test_annotations import MOVIE, table_of_an_embryo
from tests.clean.test_frames import LASTS
from tests.lineage.embryo_cases import embryo, only, renamed
from tests.lineage.lint.test_lint import with_life
from tests.offenders import for_each
from tests.prepare.test_movies import write_pair
from tests.systems.test_pixel_findings import discs, run

from fatescope.acquire import write_table
from fatescope.acquire.lineages import write_lineage
from fatescope.acquire.movies import write_frames
from fatescope.base.finding import RULES
from fatescope.simulate.embryo.faults import PlannedFault, add_table_faults, faulty_frame


def said_by(*arguments, out):
    """Run a command and return the rules in its table of findings, also where a unit failed."""
    assert run(*arguments, "--out", out) != 70
    with (out / "findings.csv").open(encoding="utf-8", newline="") as stream:
        return {row["rule"] for row in csv.DictReader(stream)}


@pytest.mark.slow
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


@pytest.mark.slow
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
PAIR = ("ABala", "ABarp")
LATE = int(WHOLE.frame.max()) - 6


def without(lineage, lost, after):
    there = np.array([n.startswith(lost) for n in lineage.name]) & (lineage.frame > after)
    return only(lineage, ~there)


def leaping():
    position = WHOLE.position.copy()
    position[np.flatnonzero((WHOLE.name == "ABalaaa") & (WHOLE.frame >= LATE))[2]] += [0, 14, 0]
    return replace(WHOLE, position=position)


def on_each_other():
    """One nucleus lies where another lies, for four frames."""
    position = WHOLE.position.copy()
    one, other = ({int(WHOLE.frame[r]): r for r in np.flatnonzero(WHOLE.name == n)} for n in PAIR)
    for frame in sorted(set(one) & set(other))[:4]:
        position[other[frame]] = position[one[frame]]
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
    "duplicate-position": on_each_other,
    "outside-tree": lambda: lineage_of([("Nuc1", 0, -1, 0, 0, 0), ("ABd", 0, -1, 0, 9, 0)]),
    "oversplit": lambda: lineage_of(
        [("Nuc1", 0, -1, 0, 0, 0), *((f"Nuc{i}", 1, 0, 0, 9 * i, 0) for i in (2, 3, 4))]
    ),
    "jump": leaping,
    "swap": lambda: renamed(WHOLE, swapped),
    "exchanged": lambda: traded(*PAIR, BORN + 3, BORN + 9),
    "timing": lambda: with_life(WHOLE, {"ABplap": 1.5}),
    "species": lambda: embryo(generations=6, life=24),
    "atypical": lambda: replace(
        WHOLE,
        position=WHOLE.position + np.random.default_rng(3).normal(0, 30, WHOLE.position.shape),
    ),
    "mirrored": lambda: replace(WHOLE, position=WHOLE.position * [-1, 1, 1]),
}
TABLES = {
    "duplicate-id": "parent\n1,0,1,5,5,\n2,1,1,5,6,1\n3,2,1,5,7,2\n3,2,1,9,7,2\n",
    "unknown-parent": "parent\n1,0,1,5,5,\n2,1,1,5,6,77\n",
    "links-not-read": "my_parent_ref\n1,0,1,5,5,\n2,1,1,5,6,1\n",
}


@pytest.mark.slow
def test_lint_says_every_rule_of_lineages(tmp_path):
    for rule, made in LINEAGES.items():
        write_lineage(made(), tmp_path / f"{rule}.csv")
    for rule, rows in TABLES.items():
        (tmp_path / f"{rule}.csv").write_text("id,frame,z,y,x," + rows)
    assert set(LINEAGES) | set(TABLES) == RULES["lineages"]
    asked = ("--spacing-um", "1,1,1", "--interval-min", "1.5")
    unsaid = {
        rule
        for rule in RULES["lineages"]
        if rule
        not in said_by("lineage", "lint", tmp_path / f"{rule}.csv", *asked, out=tmp_path / rule)
    }
    assert not unsaid


def unlisted(root):
    plate_cases.write_operetta(root)
    plate_cases.write_tiff(root / "Images" / "r02c02f01p01-ch1sk1fk1fl1.tiff")


def elsewhere(root):
    plate_cases.write_operetta(root)
    plate_cases.write_tiff(root.parent / "secret.tiff", 9)
    index = root / "Images" / "Index.idx.xml"
    text = index.read_text(encoding="utf-8")
    hostile = text.replace("r03c03f01p01-ch1sk1fk1fl1.tiff", "../../secret.tiff")
    index.write_text(hostile, encoding="utf-8")


def twice(root):
    zarr_plate(root, [(0.5, ("a", "b"))] * 2)
    well = zarr.open_group(root / "A" / "1", mode="a", zarr_format=2)
    images = [{"path": "0", "acquisition": 0}, {"path": "1", "acquisition": 1}]
    well.attrs["well"] = {"version": "0.4", "images": images}


PLATES = {
    "missing-images": plate_cases.write_operetta,
    "unlisted-images": unlisted,
    "outside-plate": elsewhere,
    "repeated-images": twice,
    "no-wells": czi_file,
    "mixed-scale": lambda root: zarr_plate(root, [(0.5, ("a", "b")), (0.25, ("a", "b"))]),
}
ENDINGS = {"repeated-images": ".zarr", "mixed-scale": ".zarr", "no-wells": ".czi"}


@pytest.mark.slow
@for_each(PLATES)
def test_stitch_says_what_is_odd_about_a_plate(rule, tmp_path):
    root = tmp_path / rule / f"plate{ENDINGS.get(rule, '')}"
    root.parent.mkdir()
    PLATES[rule](root)
    assert rule in said_by("plate", "stitch", root, out=tmp_path / rule / "o")


def test_survival_says_which_wells_have_no_treatment(tmp_path):
    rows = "A1,drug,1,uM,,,\nA2,,2,uM,,,\nA3,water,,,,,negative\n"
    (tmp_path / "map.csv").write_text("well,treatment,dose,dose_unit,stain,light,control\n" + rows)
    fates = "".join(f"A{w},{c},0,5,{2 + c},0\n" for w in (1, 2, 3) for c in range(3))
    (tmp_path / "f.csv").write_text(
        "well,cell,first_frame,last_frame,death_frame,censored\n" + fates
    )
    asked = ("--map", tmp_path / "map.csv", "--interval-min", 15)
    said = said_by("plate", "survival", tmp_path / "f.csv", *asked, out=tmp_path / "o")
    assert "no-treatment" in said


def test_predict_says_which_channel_it_chose_and_how_planes_became_nuclei(tmp_path):
    plane = discs()[0]
    pair = np.stack([np.full_like(plane, 7), plane])
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "pair.tif", pair, imagej=True, metadata={"axes": "CYX"})
    stack = np.stack([plane] * 4)
    tifffile.imwrite(tmp_path / "in" / "stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    said = said_by("predict", "nuclei", tmp_path / "in", "--diameter-px", 18, out=tmp_path / "o")
    assert said >= {"assumed-channel", "solid-nuclei"}


def test_pairs_say_what_has_no_partner(tmp_path):
    for name in "ab":
        write_pair(tmp_path, name)
    (tmp_path / "movies" / "b.mp4").rename(tmp_path / "movies" / "c.mp4")
    asked = ("--movies", tmp_path / "movies", "--tables", tmp_path / "tables")
    assert said_by("prepare", "pairs", *asked, out=tmp_path / "o") >= {"no-movie", "no-table"}


def test_cells_that_are_not_there_are_said(tmp_path):
    noise = np.random.default_rng(0).normal(120, 6, (200, 300)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "noise.tif", noise)
    said = said_by("predict", "live-dead", tmp_path / "noise.tif", out=tmp_path / "o")
    assert "no-cells" in said
