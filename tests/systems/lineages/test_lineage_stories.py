import csv
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.lineage.embryo_cases import embryo

from fatescope.acquire.lineages import LineageReading, read_lineage, write_lineage
from fatescope.acquire.lineages.atlas_file import read_arrays, write_arrays
from fatescope.acquire.lineages.links import links_by_name
from fatescope.base import Execution, FileFormatError, InputError, RunError
from fatescope.lineage.comparing import TRAITS
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.systems.lineages import compare
from fatescope.systems.lineages.atlas import make_atlas
from fatescope.systems.lineages.compare import compare_lineages
from fatescope.systems.lineages.draw import draw_lineages
from fatescope.systems.lineages.edit import edit_lineage
from fatescope.systems.lineages.reading import open_atlas
from fatescope.systems.lineages.settings import DrawSettings, EditSettings, LineageCompareSettings

ONE = Execution(workers=1)
SCALE = LineageReading(spacing_um=(1.0, 0.09, 0.09), interval_min=1.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four wild types, three with slow E cells, and a broken file."""
    place = tmp_path_factory.mktemp("tables")
    for group, n, changes in (("wild", 4, {}), ("slow", 3, {"slowed": {"E": 1.4}})):
        (place / group).mkdir()
        for i in range(n):
            plan = LineagePlan(minutes=100, pose=i, **changes)
            lineage = simulate_lineage(plan, seed=10 * n + i)
            write_lineage(lineage, place / group / f"{group}{i}.csv")
    (place / "broken.csv").write_text("cell,time\nABa")
    return place


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_drawing_gives_each_embryo_its_page_and_names_the_broken_one(folder, tmp_path):
    inputs = [folder / "wild" / "wild0.csv", folder / "wild" / "wild1.csv", folder / "broken.csv"]
    settings = DrawSettings(
        colour="blot",
        reference=str(folder / "wild"),
        deals=2,
        cells="ABp",
    )
    out = tmp_path / "out"
    summary = draw_lineages(inputs, out=out, settings=settings, reading=SCALE, execution=ONE)
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (2, 1, 1)
    page = out / "embryos" / "wild0"
    names = {p.name for p in page.iterdir()}
    assert {"tree.svg", "tree.html", "paths.svg", "space.html", "timing.svg"} <= names
    assert {"populations.svg", "names.svg", "names-pie.svg", "index.html"} <= names
    assert (out / "territories.svg").exists()
    found = rows(out / "territories.csv")
    assert {r["table"] for r in found} == {"wild0", "wild1"}
    assert all(float(r["overlap"]) < float(r["chance"]) for r in found if r["group"] == "C")
    assert rows(out / "findings.csv")[0]["rule"] == "unreadable"
    record = json.loads((out / "run.json").read_text())
    assert record["settings"]["colour"] == "blot"

    before = (page / "tree.svg").read_bytes()
    again = draw_lineages(inputs[:2], out=out, settings=settings, reading=SCALE, execution=ONE)
    assert again.units_done == 2
    fresh = tmp_path / "fresh"
    draw_lineages(inputs[:1], out=fresh, settings=settings, reading=SCALE, execution=ONE)
    assert (fresh / "embryos" / "wild0" / "tree.svg").read_bytes() == before


def test_without_a_reference_divisions_are_drawn_against_the_atlas(tmp_path):
    write_lineage(embryo(), tmp_path / "named.csv")
    draw_lineages(
        [tmp_path / "named.csv"],
        out=tmp_path / "o",
        settings=DrawSettings(deals=1),
        reading=LineageReading(spacing_um=(1.0, 1.0, 1.0), interval_min=1.5),
        execution=ONE,
    )
    drawn = (tmp_path / "o" / "embryos" / "named" / "timing.svg").read_text(encoding="utf-8")
    assert "divisions against the atlas" in drawn


@pytest.mark.parametrize(("groups", "expected"), [("lineage", "ABpl"), ("compact", "ABp")])
def test_territories_of_finer_groups_and_one_embryo_in_the_singular(
    folder, tmp_path, groups, expected
):
    settings = DrawSettings(deals=1, groups=groups)
    table = folder / "wild" / "wild0.csv"
    draw_lineages([table], out=tmp_path, settings=settings, reading=SCALE, execution=ONE)
    assert expected in {r["group"] for r in rows(tmp_path / "territories.csv")}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1 embryo" in page
    assert "1 embryos" not in page


def test_a_column_that_is_not_there_is_named_with_those_that_are(folder, tmp_path):
    settings = DrawSettings(colour="red")
    summary = draw_lineages(
        [folder / "wild" / "wild0.csv"], out=tmp_path / "o", settings=settings, execution=ONE
    )
    assert summary.exit_code == 2
    assert "called 'red' to colour by; it has" in rows(tmp_path / "o" / "findings.csv")[0]["reason"]


def test_comparing_finds_the_slow_lineage_and_says_so_first(folder, tmp_path):
    settings = LineageCompareSettings(
        reference=str(folder / "wild"),
        expression="blot",
        test_name="slow E",
    )
    out = tmp_path / "out"
    inputs = [folder / "slow", folder / "broken.csv"]
    summary = compare_lineages(inputs, out=out, settings=settings, reading=SCALE, execution=ONE)
    assert (summary.units_done, summary.units_failed, summary.exit_code) == (7, 1, 1)
    found = [r for r in rows(out / "differences.csv") if r["found"] == "1"]
    cycles = {r["cell"] for r in found if r["trait"] == "cycle_min"}
    assert "E" in cycles
    e = next(r for r in found if r["cell"] == "E" and r["trait"] == "cycle_min")
    assert 0 < float(e["low"]) < float(e["difference"]) < float(e["high"])
    assert {r["table"] for r in rows(out / "embryos.csv")} >= {"wild0", "slow0"}
    assert {r["role"] for r in rows(out / "zscores.csv")} == {"reference", "test"}
    assert {"AB 2"} <= {r["group"] for r in rows(out / "synchrony.csv")}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "3 embryos (slow E) against 4 (reference), after" in page


def test_two_embryos_a_group_are_compared_with_a_warning_and_shown_one_by_one(folder, tmp_path):
    for group in ("wild", "slow"):
        (tmp_path / group).mkdir()
        for i in range(2):
            name = f"{group}{i}.csv"
            (tmp_path / group / name).write_bytes((folder / group / name).read_bytes())
    out = tmp_path / "out"
    settings = LineageCompareSettings(reference=str(tmp_path / "wild"), test_name="slow")
    summary = compare_lineages(
        [tmp_path / "slow"], out=out, settings=settings, reading=SCALE, execution=ONE
    )
    assert [g.rule for g in summary.groups if g.severity == "warning"] == ["few-embryos"]
    (few,) = [r for r in rows(out / "findings.csv") if r["rule"] == "few-embryos"]
    assert "(slow: 2, reference: 2)" in few["reason"]
    assert min(float(r["p"]) for r in rows(out / "differences.csv")) > 1e-15
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.index("Fewer than 3 embryos in a group") < page.index("In short</h2>")
    for name in ("wild0", "wild1", "slow0", "slow1"):
        assert f"<title>{name}, " in page


def test_a_killed_comparison_measures_no_embryo_twice(folder, tmp_path, monkeypatch):
    settings = LineageCompareSettings(reference=str(folder / "wild"))
    inputs, out = [folder / "slow"], tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(compare, "_against", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            compare_lineages(inputs, out=out, settings=settings, reading=SCALE, execution=ONE)
    with monkeypatch.context() as patch:
        patch.setattr(compare, "embryo_traits", lambda *_, **__: pytest.fail("measured again"))
        done = compare_lineages(inputs, out=out, settings=settings, reading=SCALE, execution=ONE)
    assert done.units_done == 7
    whole = tmp_path / "whole"
    compare_lineages(inputs, out=whole, settings=settings, reading=SCALE, execution=ONE)
    for name in ("differences.csv", "zscores.csv", "traits.csv"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_without_a_reference_embryos_are_held_against_the_atlas(tmp_path):
    usual, slow = embryo(seed=1), slowed(embryo(seed=2), "MSa", 6)
    for name, lineage in (("usual", usual), ("slow", slow)):
        write_lineage(lineage, tmp_path / f"{name}.csv")
    reading = LineageReading(spacing_um=(1.0, 1.0, 1.0), interval_min=1.5)
    found = {}
    for name in ("usual", "slow"):
        out = tmp_path / f"out-{name}"
        compare_lineages([tmp_path / f"{name}.csv"], out=out, reading=reading, execution=ONE)
        differences = rows(out / "differences.csv")
        found[name] = {
            r["cell"] for r in differences if r["found"] == "1" and r["trait"] == "cycle_min"
        }
        assert {r["trait"] for r in differences} == set(TRAITS)
        assert any(r["role"] == "test" for r in rows(out / "zscores.csv"))
    assert found == {"usual": set(), "slow": {"MSa"}}
    page = (tmp_path / "out-slow" / "report.html").read_text(encoding="utf-8")
    assert "1 embryo (test) against 201 (the atlas celegans-epic-1)" in page
    with pytest.raises(InputError, match="holds no expression"):
        compare_lineages(
            [tmp_path / "slow.csv"],
            out=tmp_path / "x",
            settings=LineageCompareSettings(expression="blot"),
        )


def slowed(lineage, cell, frames):
    """The lineage with one cell that lives longer, and all that comes of it later."""
    late = np.array([n.startswith(cell) and n != cell for n in lineage.name])
    last = np.flatnonzero(lineage.name == cell)[-1]
    at = np.concatenate([np.arange(len(lineage)), np.full(frames, last)])
    frame = np.where(late, lineage.frame + frames, lineage.frame)
    frame = np.concatenate([frame, lineage.frame[last] + 1 + np.arange(frames)])
    at, frame = at[frame <= lineage.frame.max()], frame[frame <= lineage.frame.max()]
    return replace(
        lineage,
        frame=frame,
        position=lineage.position[at],
        radius_px=lineage.radius_px[at],
        name=lineage.name[at],
        parent=links_by_name(frame, lineage.name[at]),
    )


def test_edits_outlive_the_program_and_can_be_undone_tomorrow(folder, tmp_path):
    table, out = folder / "wild" / "wild0.csv", tmp_path / "out"
    original = edit_lineage(table, out=out).table.read_bytes()
    first = edit_lineage(
        table,
        out=out,
        edits=EditSettings(do=["swap ABala ABalp", "remove ABar@20"], who="ann", why="seen in z"),
    )
    assert first.done == 2
    edited = first.table.read_bytes()
    assert edited != original
    assert len(read_lineage(first.table)) == len(read_lineage(table)) - 1

    back = edit_lineage(table, out=out, edits=EditSettings(undo=2))
    assert back.table.read_bytes() == original
    assert edit_lineage(table, out=out, edits=EditSettings(redo=2)).table.read_bytes() == edited

    history = rows(out / "history.csv")
    assert [r["kind"] for r in history] == ["do", "do", "undo", "undo", "redo", "redo"]
    assert history[0]["who"] == "ann"
    assert history[0]["why"] == "seen in z"
    assert [r["holds"] for r in history] == ["1", "1", "0", "0", "0", "0"]


def test_a_call_that_cannot_be_done_whole_is_not_done_at_all(folder, tmp_path):
    table, out = folder / "wild" / "wild0.csv", tmp_path / "out"
    with pytest.raises(InputError, match="'paint' is no action"):
        edit_lineage(table, out=out, edits=EditSettings(do=["rename AB ABx", "paint it"]))
    with pytest.raises(InputError, match="nothing to undo"):
        edit_lineage(table, out=out, edits=EditSettings(undo=1))
    assert edit_lineage(table, out=out).done == 0


def test_a_script_is_one_edit_a_line(folder, tmp_path):
    script = tmp_path / "edits.txt"
    script.write_text("# two edits\nrename AB@2- 'a b'\n\nsplit ABa@12\n", encoding="utf-8")
    done = edit_lineage(folder / "wild" / "wild0.csv", out=tmp_path / "o", script=script)
    assert done.steps == ("1: rename AB@2- 'a b'", "2: split ABa@12")
    with pytest.raises(FileFormatError, match="cannot be read"):
        edit_lineage(folder / "wild" / "wild0.csv", out=tmp_path / "o", script=tmp_path / "none")


def test_one_table_is_edited_at_a_time(folder, tmp_path):
    with pytest.raises(InputError, match=r"wild: holds 4 lineages\. Give one table\."):
        edit_lineage(folder / "wild", out=tmp_path / "o")


def test_a_journal_of_another_table_is_refused(folder, tmp_path):
    edit_lineage(
        folder / "wild" / "wild0.csv", out=tmp_path / "o", edits=EditSettings(do=["rename AB x"])
    )
    other, journal = folder / "wild" / "wild1.csv", tmp_path / "o" / "journal.jsonl"
    with pytest.raises(RunError, match="was begun with other settings: table = 'wild0'"):
        edit_lineage(other, out=tmp_path / "o")
    with pytest.raises(RunError, match=r"this journal is about table wild0\.csv"):
        edit_lineage(other, out=tmp_path / "p", journal=journal)


def test_editing_leaves_a_record_and_keeps_the_journal(folder, tmp_path):
    table, out = folder / "wild" / "wild0.csv", tmp_path / "out"
    done = edit_lineage(table, out=out, edits=EditSettings(do=["rename AB x"]), reading=SCALE)
    document = done.as_json()
    keys = ["command", "out", "units_done", "units_failed", "findings", "seconds", "peak_memory_mb"]
    assert list(document)[:7] == keys
    assert document["command"] == "lineage edit"
    record = json.loads((out / "run.json").read_text())
    assert record["units_done"] == 1
    assert record["inputs"][0]["sha256"]
    assert record["inputs"][0]["spacing"]["Z"]["source"] == "user"

    edited = done.table.read_bytes()
    done.table.unlink()  # as after a kill between the journal and the table
    assert edit_lineage(table, out=out, reading=SCALE).table.read_bytes() == edited
    with pytest.raises(RunError, match="interval_min"):
        edit_lineage(table, out=out, reading=SCALE.replace(interval_min=2.0))
    fresh = edit_lineage(table, out=out, reading=SCALE.replace(interval_min=2.0), fresh=True)
    assert fresh.table.read_bytes() == edited

    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "journal.jsonl").write_bytes((out / "journal.jsonl").read_bytes())
    assert edit_lineage(table, out=moved).table.read_bytes() == edited


def test_an_atlas_is_a_folder_with_its_tables(tmp_path):
    usual, rng = embryo(), np.random.default_rng(0)
    for i in range(5):
        shaken = usual.position + rng.normal(0, 0.3, usual.position.shape)
        write_lineage(replace(usual, position=shaken), tmp_path / f"CD{i}.csv")
    (tmp_path / "CDbroken.csv").write_text("cell,time,x,y,z\nABa,one,2,3,4\n")
    out = tmp_path / "out"
    reading = LineageReading(spacing_um=(1.0, 1.0, 1.0))
    done = make_atlas([tmp_path], out=out, reading=reading, leave_out=["CD4"])
    assert (done.n_embryos, done.units_failed, done.exit_code) == (4, 1, 1)
    assert "ABa" in {r["cell"] for r in rows(out / "cells.csv")}
    pairs = rows(out / "neighbours.csv")
    assert pairs
    assert all(0.25 <= float(r["share"]) <= 1 for r in pairs)
    assert json.loads((out / "run.json").read_text())["command"] == "lineage atlas"
    assert open_atlas(out).metadata["embryos"] == ["CD0", "CD1", "CD2", "CD3"]


def test_the_shipped_atlas_can_be_written_out(tmp_path):
    done = make_atlas([], out=tmp_path)
    assert done.n_embryos == 201
    beside = {r["neighbour"] for r in rows(tmp_path / "neighbours.csv") if r["cell"] == "ABa"}
    assert {"ABp", "EMS"} <= beside


@pytest.mark.slow
@pytest.mark.parametrize("command", ["lint", "draw", "name", "convert", "compare"])
def test_a_plan_says_what_it_would_cost_and_writes_nothing(folder, tmp_path, command):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "fatescope", "lineage", command, str(folder / "wild")),
            *("--out", str(tmp_path / "out"), "--plan", "--json", "--workers", "1"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["units"] == 4
    assert plan["cpu_seconds"] > 0
    assert {"wall_seconds", "peak_memory_mb", "output_mb"} <= set(plan)
    assert not (tmp_path / "out").exists()


@pytest.mark.data
def test_a_real_table_edited_and_undone_is_the_same_file(data_dir, tmp_path):
    import gzip

    table = data_dir / "epic_tables" / "CD20080828_F38C2_7_12_L2.csv.gz"
    edit_lineage(
        table,
        out=tmp_path,
        edits=EditSettings(do=["swap ABala ABalp", "remove MSa", "rename E@20- x"]),
    )
    back = edit_lineage(table, out=tmp_path, edits=EditSettings(undo=3))
    assert back.table.read_bytes() == gzip.decompress(table.read_bytes())
    assert np.isfinite(read_lineage(back.table).position).all()


@pytest.mark.data
def test_the_network_names_a_real_embryo_that_it_has_not_seen(data_dir, tmp_path):
    from fatescope.lineage.naming import NameSettings
    from fatescope.systems.lineages.name import name_lineages

    table = data_dir / "epic_tables" / "CD20080828_F38C2_7_12_L2.csv.gz"
    name_lineages([table], out=tmp_path, settings=NameSettings(method="network"), execution=ONE)
    named = rows(next((tmp_path / "named").rglob("*.csv")))
    right = [r["compact"] == r["cell"][:3] for r in named]
    assert np.mean(right) > 0.8
    assert {r["name"] for r in named} == {""}


def test_an_atlas_whose_file_changes_is_read_again(tmp_path):
    make_atlas([], out=tmp_path / "out")
    path = tmp_path / "out" / "atlas.npz"
    arrays, metadata = read_arrays(path)
    for asked in (tmp_path / "out", path):
        assert open_atlas(asked).metadata == metadata
    write_arrays(path, arrays, {**metadata, "title": "another"})
    for asked in (tmp_path / "out", path):
        assert open_atlas(asked).metadata["title"] == "another"
