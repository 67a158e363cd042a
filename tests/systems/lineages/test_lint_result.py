"""Errors come first, on the terminal and on the page; scripts can ask for an exit code."""

import csv

import numpy as np
import pytest
from tests.acquire.lineage_cases import lineage_of
from tests.lineage.embryo_cases import embryo, only
from tests.lineage.lint.test_exchanged import rendered

from fatescope.acquire import read_exclusions, read_table
from fatescope.acquire.lineages import LineageReading, find_lineages, write_lineage
from fatescope.base import Execution, RunError
from fatescope.base.finding import RULES
from fatescope.systems.lineages.convert import convert_lineages
from fatescope.systems.lineages.lint import lint_lineages
from fatescope.systems.lineages.lint_report import _MEANING
from fatescope.systems.lineages.name import name_lineages
from fatescope.systems.lineages.reading import read_to_scale

ONE = Execution(workers=1)
SCALE = LineageReading(spacing_um=(1.0, 1.0, 1.0), interval_min=1.5)


@pytest.fixture
def tables(tmp_path):
    """One embryo with a cliff (an error) and an orphan (a warning), and one without either."""
    whole = embryo(generations=5)
    frame = int(whole.frame.max()) - 6
    keep = ~(np.array([n.startswith("ABa") for n in whole.name]) & (whole.frame > frame))
    keep &= whole.name != "EMS"
    write_lineage(only(whole, keep), tmp_path / "faulty.csv")
    write_lineage(whole, tmp_path / "good.csv")
    return tmp_path


def lint(inputs, out, **asked):
    return lint_lineages(inputs, out=out, reading=SCALE, execution=ONE, **asked)


def test_errors_stand_before_warnings_on_the_terminal_and_on_the_page(tables):
    done = lint([tables / "good.csv", tables / "faulty.csv"], tables / "out")
    lines = done.as_lines()
    assert lines[0].endswith(str(tables / "out" / "report.html"))
    assert lines[1].endswith("in 1 of 2 tables:")
    assert lines[2].startswith("  faulty, frame ")
    assert lines[2].endswith("[cliff]")
    (warnings,) = [i for i, line in enumerate(lines) if line.startswith("warnings: ")]
    assert warnings > 2
    assert "orphan" in lines[warnings]
    page = (tables / "out" / "report.html").read_text(encoding="utf-8")
    assert page.index(">Errors (") < page.index(">Warnings (") < page.index(">Lineages</h2>")
    assert "2 lineages checked: 1 error (in 1)" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_a_table_without_faults_says_so(tables):
    done = lint([tables / "good.csv"], tables / "out", fail_on="warning")
    assert done.exit_code == 0
    page = (tables / "out" / "report.html").read_text(encoding="utf-8")
    assert "no errors and no warnings" in page


def test_findings_change_the_exit_code_only_where_a_script_asks(tables):
    files = [tables / "faulty.csv"]
    codes = [lint(files, tables / "o", fail_on=on).exit_code for on in (None, "warning", "error")]
    assert codes == [0, 1, 1]
    warned = lineage_of([("ABd", 0, -1, 0, 0, 0), ("Nuc1", 1, 0, 0, 9, 0)])
    write_lineage(warned, tables / "warned.csv")
    for on, code in (("error", 0), ("warning", 1)):
        assert lint([tables / "warned.csv"], tables / on, fail_on=on).exit_code == code


def accept_all(tables):
    """Check the faulty table, accept every finding, and check it again with these decisions."""
    out, decided = tables / "out", tables / "decided.csv"
    lint([tables / "faulty.csv"], out)
    with (out / "findings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with decided.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows([{**r, "status": "accepted"} for r in rows])
    return lint([tables / "faulty.csv"], tables / "again", decisions=decided, fail_on="warning")


def test_other_commands_obey_what_was_taken_out(tables):
    accept_all(tables)
    taken = tables / "again" / "exclusion.csv"
    (cliff,) = [e for e in read_exclusions(taken) if e.rule == "cliff"]
    whole = read_to_scale(*find_lineages([tables / "faulty.csv"]), SCALE).lineage
    obeying = SCALE.model_copy(update={"exclude": taken})
    left = read_to_scale(*find_lineages([tables / "faulty.csv"]), obeying).lineage
    clean = read_to_scale(*find_lineages([tables / "again" / "clean" / "faulty.csv"]), SCALE)
    assert left.frame.max() == cliff.first_frame - 1 < whole.frame.max()
    assert left.name.tolist() == clean.lineage.name.tolist()
    assert left.frame.tolist() == clean.lineage.frame.tolist()
    other = read_to_scale(*find_lineages([tables / "good.csv"]), obeying).lineage
    assert other.frame.max() > cliff.first_frame


def test_naming_keeps_excluded_rows_and_gives_them_no_name(tables):
    taken = tables / "taken.csv"
    taken.write_text("file,first_frame\nfaulty,60\n")
    reading = SCALE.model_copy(update={"exclude": taken})
    name_lineages([tables / "faulty.csv"], out=tables / "n", reading=reading, execution=ONE)
    named = read_table(tables / "n" / "named" / "faulty.csv")
    given = read_table(tables / "faulty.csv")
    assert len(named) == len(given)
    late = named["frame"] >= 60
    assert (named["abstained"][late] == 1).all()
    assert (named["abstained"][~late] == 0).mean() > 0.5


def test_another_list_under_the_same_name_is_another_run(tables):
    taken = tables / "taken.csv"
    reading = SCALE.model_copy(update={"exclude": taken})
    for frame in (60, 61):
        taken.write_text(f"file,first_frame\nfaulty,{frame}\n")
        how = {"out": tables / "c", "reading": reading, "execution": ONE}
        if frame == 60:
            convert_lineages([tables / "faulty.csv"], to="csv", **how)
        else:
            with pytest.raises(RunError, match="settings"):
                convert_lineages([tables / "faulty.csv"], to="csv", **how)


def test_findings_that_were_decided_do_not_fail_a_script(tables):
    again = accept_all(tables)
    assert again.exit_code == 0
    page = (tables / "again" / "report.html").read_text(encoding="utf-8")
    assert "<td>accepted</td>" in page


def test_every_rule_of_lineages_is_explained_on_the_page():
    assert RULES["lineages"] <= _MEANING.keys()


@pytest.mark.slow
def test_checking_and_naming_find_the_same_steps_between_planes(tmp_path):
    """Tables of this kind state no scale: 0.5 µm between planes is not the usual 1.0."""
    lineage = rendered(3)
    turned = lineage.position - lineage.position.min(axis=0)
    # The shortest axis of the embryo lies along z, as under a cover slip.
    _, _, axes = np.linalg.svd(turned - turned.mean(axis=0), full_matrices=False)
    place = (turned - turned.mean(axis=0)) @ axes[::-1].T + 40
    rows = zip(lineage.name, lineage.frame, place / [0.5, 0.087, 0.087], strict=True)
    with (tmp_path / "CDembryo.csv").open("w") as file:
        file.write("cellTime,cell,time,none,global,local,blot,cross,z,x,y,size,gweight\n")
        for name, frame, (z, y, x) in rows:
            t = frame + 1
            file.write(f"{name}:{t},{name},{t},0,0,0,0,0,{z:.1f},{x:.0f},{y:.0f},40,0\n")
    (file,) = find_lineages([tmp_path / "CDembryo.csv"])
    steps = read_to_scale(file, LineageReading()).lineage.spacing
    assert steps.um("ZYX") == (0.5, 0.087, 0.087)
    assert steps.steps["Z"].source == "estimated"
    lint_lineages([file.path], out=tmp_path / "lint", execution=ONE)
    name_lineages([file.path], out=tmp_path / "name", execution=ONE)
    for table in ("lint/lineages.csv", "name/embryos.csv"):
        with (tmp_path / table).open(newline="") as text:
            (row,) = csv.DictReader(text)
        assert row["spacing_um"] == "0.5,0.087,0.087"


@pytest.mark.data
def test_a_table_of_another_laboratory_gets_its_own_scale(data_dir):
    tables = [data_dir / "acetree_samples" / "CD20241108_JIM767_25_L5.csv.gz"]
    tables += [data_dir / "epic_tables" / "CD20080728_egl-5_7E3_3_L1.csv.gz"]
    steps = [
        read_to_scale(f, LineageReading()).lineage.spacing.um("ZYX") for f in find_lineages(tables)
    ]
    assert steps == [(0.5, 0.087, 0.087), (1.0, 0.09, 0.09)]
