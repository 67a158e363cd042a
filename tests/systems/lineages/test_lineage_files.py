"""Lint and convert, from files to an output folder."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from tests.acquire.lineage_cases import TWO_DIVISIONS, same_tree, tree_set
from tests.lineage.embryo_cases import embryo, only
from tests.lineage.embryos import render_embryo

from fatescope.acquire.lineages import (
    LineageReading,
    find_lineages,
    read_lineage,
    write_lineage,
)
from fatescope.acquire.lineages.atlas_file import read_arrays
from fatescope.base import Execution, FatescopeError, InputError, Lineage, Spacing
from fatescope.lineage.atlas import atlas_from_arrays
from fatescope.systems.lineages.convert import convert_lineages
from fatescope.systems.lineages.lint import lint_lineages
from fatescope.systems.lineages.name import name_lineages

ONE = Execution(workers=1)


@pytest.fixture
def folder(tmp_path):
    """Two embryos, one with a cliff, beside a table that is no lineage and a damaged one."""
    inputs = tmp_path / "in"
    (inputs / "sub").mkdir(parents=True)
    whole = embryo(generations=5)
    write_lineage(whole, inputs / "CDwhole.csv.gz")
    frame = int(whole.frame.max()) - 6
    keep = [
        not (n.startswith("ABa") and f > frame)
        for n, f in zip(whole.name, whole.frame, strict=True)
    ]
    write_lineage(only(whole, keep), inputs / "sub" / "CDcliff.csv")
    (inputs / "index.csv").write_text("file,rows\nCDwhole.csv.gz,9\n")
    return inputs


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_gives_its_lineages_and_passes_other_tables_by(folder):
    assert [f.key for f in find_lineages([folder])] == ["CDwhole", "sub/CDcliff"]
    assert [f.key for f in find_lineages([folder / "CDwhole.csv.gz"] * 2)] == ["CDwhole"]
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="no lineage was found"):
        find_lineages([folder / "empty"])


def test_findings_are_accepted_taken_back_and_recorded(folder, tmp_path):
    out = tmp_path / "out"
    summary = lint_lineages([folder], out=out, execution=ONE)
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (2, 0, 0)
    findings = rows_of(out / "findings.csv")
    (cliff,) = [f for f in findings if f["rule"] == "cliff"]
    assert cliff["file"] == "sub/CDcliff"
    assert cliff["status"] == "open"
    assert not (out / "clean").exists()
    lineages = rows_of(out / "lineages.csv")
    assert [r["table"] for r in lineages] == ["CDwhole", "sub/CDcliff"]
    assert {r["species"] for r in lineages} <= {"C. elegans", ""}

    for f in findings:
        f["status"] = "accepted" if f["rule"] == "cliff" else f["status"]
    decided = tmp_path / "decided.csv"
    with decided.open("w", newline="") as file:
        writer = csv.DictWriter(file, findings[0])
        writer.writeheader()
        writer.writerows(findings)
    cleaned = tmp_path / "cleaned"
    lint_lineages([folder], out=cleaned, decisions=decided, execution=ONE)
    again = rows_of(cleaned / "findings.csv")
    assert [f["status"] for f in again if f["rule"] == "cliff"] == ["accepted"]
    assert [p.name for p in (cleaned / "clean").rglob("*.csv")] == ["CDcliff.csv"]
    left = read_lineage(cleaned / "clean" / "sub" / "CDcliff.csv")
    assert left.frame.max() == int(cliff["frame"]) - 1
    before = read_lineage(folder / "sub" / "CDcliff.csv")
    assert before.frame.max() > left.frame.max()

    decided.write_text(decided.read_text().replace("accepted", "maybe"))
    with pytest.raises(InputError, match="'maybe'"):
        lint_lineages([folder], out=tmp_path / "x", decisions=decided, execution=ONE)


@pytest.mark.slow
def test_the_same_result_for_any_workers(folder, tmp_path):
    names = ("findings.csv", "lineages.csv")
    outs = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        lint_lineages([folder], out=out, execution=Execution(workers=workers))
        outs.append([(out / n).read_bytes() for n in names])
    assert outs[0] == outs[1]


@pytest.mark.parametrize("to", ["csv", "acetree", "geff", "trackmate", "newick", "ctc"])
def test_lineages_are_converted_and_losses_are_said(tmp_path, to):
    write_lineage(TWO_DIVISIONS, tmp_path / "CDtwo.csv")
    out = tmp_path / "out"
    summary = convert_lineages([tmp_path / "CDtwo.csv"], out=out, to=to, execution=ONE)
    assert summary.exit_code == 0
    made, *beside = sorted(out.glob("CDtwo*"), key=lambda p: p.suffix == ".xml" and to == "acetree")
    assert [p.suffix for p in beside] == ([".xml"] if to == "acetree" else [])
    back = read_lineage(made)
    assert tree_set(back) == tree_set(TWO_DIVISIONS)
    said = [f["rule"] for f in rows_of(out / "findings.csv")]
    assert ("loss" in said) == (to not in ("geff", "trackmate", "acetree"))
    again = convert_lineages([tmp_path / "CDtwo.csv"], out=out, to=to, execution=ONE)
    assert again.units_done == 1
    with pytest.raises(FatescopeError, match="begun with"):
        convert_lineages([tmp_path / "CDtwo.csv"], out=out, to="epic", execution=ONE)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_mirrored_table_turns_one_axis_and_twice_is_as_before(tmp_path, axis):
    write_lineage(TWO_DIVISIONS, tmp_path / "CDtwo.csv")
    before = read_lineage(tmp_path / "CDtwo.csv")
    convert_lineages([tmp_path / "CDtwo.csv"], out=tmp_path / "a", to="csv", mirror=axis)
    turned = read_lineage(tmp_path / "a" / "CDtwo.csv")
    at = "zyx".index(axis)
    along, other = before.position[:, at], np.delete(before.position, at, axis=1)
    np.testing.assert_allclose(turned.position[:, at], along.min() + along.max() - along)
    np.testing.assert_allclose(np.delete(turned.position, at, axis=1), other)
    assert tree_set(turned) == tree_set(before)
    convert_lineages([tmp_path / "a" / "CDtwo.csv"], out=tmp_path / "b", to="csv", mirror=axis)
    np.testing.assert_allclose(read_lineage(tmp_path / "b" / "CDtwo.csv").position, before.position)


def test_a_mirrored_table_is_named_said_and_mended(tmp_path):
    embryo = render_embryo(atlas_from_arrays(*read_arrays()), seed=3)
    part = embryo.rows(embryo.frame < 30)
    spacing = Spacing.of(source="given", Z=1.0, Y=1.0, X=1.0, T=1.5)
    lineage = Lineage(
        frame=part.frame,
        position=part.xyz_um[:, ::-1] * [-1, 1, 1] + 100,
        parent=part.parent,
        name=np.full(len(part.frame), "", dtype=object),
        radius_px=np.full(len(part.frame), np.nan),
        spacing=spacing,
    )
    write_lineage(lineage, tmp_path / "turned.csv")
    reading = LineageReading(spacing_um=(1.0, 1.0, 1.0), interval_min=1.5)
    name_lineages([tmp_path / "turned.csv"], out=tmp_path / "n", reading=reading, execution=ONE)
    (said,) = [f for f in rows_of(tmp_path / "n" / "findings.csv") if f["rule"] == "mirrored"]
    assert "--mirror z" in said["reason"]
    assert "gpa-16" in said["reason"]
    convert_lineages([tmp_path / "turned.csv"], out=tmp_path / "c", to="csv", mirror="z")
    again = tmp_path / "m"
    name_lineages([tmp_path / "c" / "turned.csv"], out=again, reading=reading, execution=ONE)
    assert "mirrored" not in [f["rule"] for f in rows_of(again / "findings.csv")]
    names = [[r["name"] for r in rows_of(p)] for p in tmp_path.glob("[mn]/named/turned.csv")]
    assert np.mean([a == b for a, b in zip(*names, strict=True)]) > 0.98


@pytest.mark.slow
def test_the_commands_work_as_their_help_says(folder, tmp_path):
    base = [sys.executable, "-m", "fatescope", "lineage"]
    done = subprocess.run(
        [*base, "lint", str(folder), "--out", str(tmp_path / "o"), "--workers", "1", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["units_done"] == 2
    done = subprocess.run(
        [
            *(*base, "convert", str(folder), "--to", "csv", "--spacing-um", "0.5,0.1,0.1"),
            *("--out", str(tmp_path / "c"), "--workers", "1", "--quiet"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    same_tree(read_lineage(tmp_path / "c" / "CDwhole.csv"), embryo(generations=5))
    record = json.loads((tmp_path / "c" / "run.json").read_text())
    assert record["inputs"][0]["spacing"]["Z"] == {"value": 0.5, "unit": "µm", "source": "user"}


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("frame,count\n0,20\n1,20\n2,17\n3,18\n", ["2"]),
        ("time;cells\n1;20\n2;20\n3;20\n4;20\n", []),
        ("time,total\n5,100\n6,104\n7,95\n8,99\n", ["6"]),
        ("movie,frame,founder,count\nm,0,AB,9\nm,0,total,12\nm,1,AB,5\nm,1,total,8\n", ["1"]),
    ],
)
def test_a_table_of_counts_is_checked_for_drops(tmp_path, text, frames):
    (tmp_path / "counts.csv").write_text(text)
    lint_lineages([tmp_path / "counts.csv"], out=tmp_path / "out", execution=ONE)
    cliffs = [f for f in rows_of(tmp_path / "out" / "findings.csv") if f["rule"] == "cliff"]
    assert [f["frame"] for f in cliffs] == frames


def test_counts_that_are_none_cost_the_file(tmp_path):
    (tmp_path / "counts.csv").write_text("frame,count\n0,20\n1,-3\n")
    summary = lint_lineages([tmp_path / "counts.csv"], out=tmp_path / "out", execution=ONE)
    assert summary.exit_code == 2
