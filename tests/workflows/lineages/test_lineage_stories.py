import csv
import json

import numpy as np
import pytest

from fatescope.acquire.lineages import read_lineage, write_lineage
from fatescope.base import Execution, FileFormatError, InputError, RunError
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.workflows.lineages.compare import compare_lineages
from fatescope.workflows.lineages.draw import draw_lineages
from fatescope.workflows.lineages.edit import edit_lineage
from fatescope.workflows.lineages.settings import CompareSettings, DrawSettings
from fatescope.workflows.lineages.tables import find_tables

ONE = Execution(workers=1)


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
        spacing_um="1,0.09,0.09",
        interval_min=1.5,
        colour="blot",
        reference=str(folder / "wild"),
        deals=2,
        cells="ABp",
    )
    out = tmp_path / "out"
    summary = draw_lineages(inputs, out=out, settings=settings, execution=ONE)
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
    again = draw_lineages(inputs[:2], out=out, settings=settings, execution=ONE)
    assert again.units_done == 2
    fresh = tmp_path / "fresh"
    draw_lineages(inputs[:1], out=fresh, settings=settings, execution=ONE)
    assert (fresh / "embryos" / "wild0" / "tree.svg").read_bytes() == before


def test_a_column_that_is_not_there_is_named_with_those_that_are(folder, tmp_path):
    settings = DrawSettings(colour="red", spacing_um="1,0.09,0.09", interval_min=1.5)
    summary = draw_lineages(
        [folder / "wild" / "wild0.csv"], out=tmp_path / "o", settings=settings, execution=ONE
    )
    assert summary.exit_code == 2
    assert "called 'red' to colour by; it has" in rows(tmp_path / "o" / "findings.csv")[0]["reason"]


def test_comparing_finds_the_slow_lineage_and_says_so_first(folder, tmp_path):
    settings = CompareSettings(
        reference=str(folder / "wild"),
        spacing_um="1,0.09,0.09",
        interval_min=1.5,
        expression="blot",
        test_name="slow E",
    )
    out = tmp_path / "out"
    summary = compare_lineages([folder / "slow", folder / "broken.csv"], out=out, settings=settings)
    assert (summary.units_done, summary.units_failed) == (7, 1)
    found = [r for r in rows(out / "differences.csv") if r["found"] == "1"]
    cycles = {r["cell"] for r in found if r["trait"] == "cycle_min"}
    assert "E" in cycles
    e = next(r for r in found if r["cell"] == "E" and r["trait"] == "cycle_min")
    assert 0 < float(e["low"]) < float(e["difference"]) < float(e["high"])
    assert {r["table"] for r in rows(out / "embryos.csv")} >= {"wild0", "slow0"}
    assert {r["role"] for r in rows(out / "zscores.csv")} == {"reference", "test"}
    assert {"AB 2"} <= {r["group"] for r in rows(out / "synchrony.csv")}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "3 embryos (slow E) against 4 (reference). Cells that differ:" in page


def test_comparing_needs_a_reference(folder, tmp_path):
    with pytest.raises(InputError, match="no reference to compare with"):
        compare_lineages([folder / "slow"], out=tmp_path / "o", settings=CompareSettings())


def test_edits_outlive_the_program_and_can_be_undone_tomorrow(folder, tmp_path):
    table, out = folder / "wild" / "wild0.csv", tmp_path / "out"
    original = edit_lineage(table, out=out).table.read_bytes()
    first = edit_lineage(
        table, out=out, do=["swap ABala ABalp", "remove ABar@20"], who="ann", why="seen in z"
    )
    assert first.done == 2
    edited = first.table.read_bytes()
    assert edited != original
    assert len(read_lineage(first.table)) == len(read_lineage(table)) - 1

    back = edit_lineage(table, out=out, undo=2)
    assert back.table.read_bytes() == original
    assert edit_lineage(table, out=out, redo=2).table.read_bytes() == edited

    history = rows(out / "history.csv")
    assert [r["kind"] for r in history] == ["do", "do", "undo", "undo", "redo", "redo"]
    assert history[0]["who"] == "ann"
    assert history[0]["why"] == "seen in z"
    assert [r["holds"] for r in history] == ["1", "1", "0", "0", "0", "0"]


def test_a_call_that_cannot_be_done_whole_is_not_done_at_all(folder, tmp_path):
    table, out = folder / "wild" / "wild0.csv", tmp_path / "out"
    with pytest.raises(InputError, match="'paint' is no action"):
        edit_lineage(table, out=out, do=["rename AB ABx", "paint it"])
    with pytest.raises(InputError, match="nothing to undo"):
        edit_lineage(table, out=out, undo=1)
    assert edit_lineage(table, out=out).done == 0


def test_a_script_is_one_edit_a_line(folder, tmp_path):
    script = tmp_path / "edits.txt"
    script.write_text("# two edits\nrename AB@2- 'a b'\n\nsplit ABa@12\n", encoding="utf-8")
    done = edit_lineage(folder / "wild" / "wild0.csv", out=tmp_path / "o", script=script)
    assert done.steps == ("1: rename AB@2- 'a b'", "2: split ABa@12")
    with pytest.raises(FileFormatError, match="cannot be read"):
        edit_lineage(folder / "wild" / "wild0.csv", out=tmp_path / "o", script=tmp_path / "none")


def test_a_journal_of_another_table_is_refused(folder, tmp_path):
    edit_lineage(folder / "wild" / "wild0.csv", out=tmp_path / "o", do=["rename AB x"])
    with pytest.raises(RunError, match=r"this journal is about table wild0\.csv"):
        edit_lineage(folder / "wild" / "wild1.csv", out=tmp_path / "o")


def test_tables_are_found_in_folders_and_equal_names_get_numbers(folder, tmp_path):
    (tmp_path / "a").mkdir()
    for place in (tmp_path, tmp_path / "a"):
        (place / "CD1.csv").write_text("x")
    (tmp_path / "notes.pdf").write_text("x")
    assert list(find_tables([tmp_path])) == ["CD1", "CD1-2"]
    with pytest.raises(FileFormatError, match="does not exist"):
        find_tables([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no lineage table is there"):
        find_tables([tmp_path / "empty"])


@pytest.mark.data
def test_a_real_table_edited_and_undone_is_the_same_file(data_dir, tmp_path):
    import gzip

    table = data_dir / "epic_tables" / "CD20080828_F38C2_7_12_L2.csv.gz"
    edit_lineage(table, out=tmp_path, do=["swap ABala ABalp", "remove MSa", "rename E@20- x"])
    back = edit_lineage(table, out=tmp_path, undo=3)
    assert back.table.read_bytes() == gzip.decompress(table.read_bytes())
    assert np.isfinite(read_lineage(back.table).position).all()


@pytest.mark.data
def test_the_network_names_a_real_embryo_that_it_has_not_seen(data_dir, tmp_path):
    from fatescope.lineage.naming import NameSettings
    from fatescope.workflows.lineages.name import name_lineages

    table = data_dir / "epic_tables" / "CD20080828_F38C2_7_12_L2.csv.gz"
    name_lineages([table], out=tmp_path, settings=NameSettings(method="network"), execution=ONE)
    named = rows(next((tmp_path / "named").rglob("*.csv")))
    right = [r["compact"] == r["cell"][:3] for r in named]
    assert np.mean(right) > 0.8
    assert {r["name"] for r in named} == {""}
