"""What was found in a movie becomes a lineage: from a table or a results folder, in any format."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import fatescope as fs
from fatescope.base import Spacing, Table
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.systems.lineages.link import link_lineages, linked_in_words, what_to_know


@pytest.fixture(scope="module")
def embryo():
    return simulate_lineage(LineagePlan(minutes=70.0), seed=2)


def objects_table(lineage, images):
    """Rows as a predicting command writes them, the truth's links left out."""
    rows = ["image,label,frame,z,y,x,area_px"]
    for image in images:
        at = zip(lineage.frame, lineage.position, strict=True)
        for label, (f, (z, y, x)) in enumerate(at, start=1):
            rows.append(f"{image},{label},{f},{z:.4f},{y:.4f},{x:.4f},{np.pi * 25:.4f}")
    return "\n".join(rows) + "\n"


def test_nuclei_of_an_embryo_are_linked_as_they_were(embryo):
    known = embryo.parent >= 0
    linked = fs.link_lineage(embryo)
    assert (linked.parent[known] == embryo.parent[known]).mean() > 0.98
    assert linked.frame is embryo.frame


def test_a_results_folder_gives_one_lineage_for_each_image_with_its_spacing(embryo, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    (results / "objects.csv").write_text(objects_table(embryo, ["a", "sub/b"]))
    steps = {a: {"value": v} for a, v in zip("ZYX", (1.0, 0.09, 0.09), strict=True)}
    record = {"inputs": [{"image": name, "spacing": steps} for name in ("a", "sub/b")]}
    (results / "run.json").write_text(json.dumps(record))
    summary = link_lineages([results], out=tmp_path / "out")
    assert (summary.units_done, summary.exit_code) == (1, 0)
    with (tmp_path / "out" / "spots.csv").open() as file:
        rows = list(csv.DictReader(file))
    front = ["id", "frame", "z", "y", "x", "radius_um", "parent"]
    assert list(rows[0])[: len(front)] == front
    assert {r["movie"] for r in rows} == {"a", "sub/b"}
    assert float(rows[0]["radius_um"]) == pytest.approx(5 * 0.09)
    for name in ("a", "sub/b"):
        again = fs.read_lineage(tmp_path / "out" / "links" / f"{name}.csv")
        mine = [r for r in rows if r["movie"] == name]
        assert len(again) == len(mine) == len(embryo)
        assert again.parent.tolist() == [int(r["parent"] or -1) for r in mine]


def test_the_answer_counts_cells_divisions_and_doubtful_links():
    #  a a a ┬ b     movie 1, and two frames of one cell in movie 2
    #        └ c
    spots = Table(
        {
            "movie": np.array(["1"] * 5 + ["2"] * 2, dtype=object),
            "parent": np.array([None, 0, 1, 2, 2, None, 0], dtype=object),
            "link_score": np.array([np.nan, 0.9, 0.4, 0.8, 0.8, np.nan, 1.0]),
        }
    )
    assert linked_in_words(spots) == (
        "7 nuclei linked to 4 cells with 1 division; 1 of 5 links has a chance below 0.5 to be "
        "right."
    )
    none = spots.rows(np.array([0]))
    assert linked_in_words(none) == "1 nucleus linked to 1 cell with 0 divisions."


def test_the_answer_is_that_of_the_command(embryo, tmp_path):
    (tmp_path / "nuclei.csv").write_text(objects_table(embryo, ["m"]))
    summary = link_lineages([tmp_path / "nuclei.csv"], out=tmp_path / "out")
    assert summary.answer == summary.as_lines()[-1] == summary.as_json()["answer"]
    assert summary.answer.startswith(f"{len(embryo)} nuclei linked to ")


@pytest.mark.parametrize(("to", "ending"), [("acetree", ".zip"), ("csv", ".csv")])
def test_links_are_written_in_the_format_asked_for(embryo, tmp_path, to, ending):
    (tmp_path / "nuclei.csv").write_text(objects_table(embryo, ["m"]))
    out = tmp_path / "out"
    link_lineages([tmp_path / "nuclei.csv"], out=out, to=to)
    assert len(fs.read_lineage(out / "links" / f"m{ending}")) == len(embryo)


def test_a_movie_with_too_few_frames_is_said_to_be_one(embryo, tmp_path):
    kept = np.flatnonzero(embryo.frame % 14 == 0)
    lines = ["frame,z,y,x"]
    lines += [
        f"{embryo.frame[i] // 14},{','.join(f'{v:.3f}' for v in embryo.position[i])}" for i in kept
    ]
    (tmp_path / "sparse.csv").write_text("\n".join(lines) + "\n")
    link_lineages([tmp_path / "sparse.csv"], out=tmp_path / "out")
    rules = (tmp_path / "out" / "findings.csv").read_text()
    assert "too-few-frames" in rules


def test_divisions_that_follow_each_other_too_fast_for_any_nucleus_are_said(embryo):
    rules = [f.rule for f in what_to_know(embryo, file="a")]
    assert "oversplit" not in rules
    # the same links, with frames a tenth as far apart
    minutes = embryo.spacing.interval_min
    fast = replace(
        embryo, spacing=embryo.spacing.replaced_by(Spacing.of(source="user", T=minutes / 10))
    )
    (said,) = [f for f in what_to_know(fast, file="a") if f.rule == "oversplit"]
    assert said.value > said.limit
    assert "faster than any animal nucleus" in said.reason
    unknown = replace(embryo, spacing=embryo.spacing.only("ZYX"))
    assert "oversplit" not in [f.rule for f in what_to_know(unknown, file="a")]


def test_a_table_that_is_no_lineage_costs_a_finding_and_not_the_others(embryo, tmp_path):
    (tmp_path / "good.csv").write_text(objects_table(embryo, ["m"]))
    (tmp_path / "bad.csv").write_text("frame,x,y\nnot,a,number\n")
    summary = link_lineages([tmp_path / "good.csv", tmp_path / "bad.csv"], out=tmp_path / "out")
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (1, 1, 1)
