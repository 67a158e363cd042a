"""The figures of the published exploration, by one command."""

import csv
import re

import numpy as np
import pytest

from fatescope.acquire.lineages import LineageReading, write_lineage
from fatescope.base import Execution
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.systems.lineages.draw import draw_lineages
from fatescope.systems.lineages.settings import DrawSettings

SCALE = LineageReading(spacing_um=(1.0, 0.09, 0.09), interval_min=1.5)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "one.csv"
    write_lineage(simulate_lineage(LineagePlan(minutes=100), seed=3), path, format="epic")
    return path


def draw(table, out, **settings):
    summary = draw_lineages(
        [table],
        out=out,
        settings=DrawSettings(deals=1, **settings),
        reading=SCALE,
        execution=Execution(workers=1),
    )
    assert summary.exit_code == 0
    return {p.name: p.read_text(encoding="utf-8") for p in (out / "embryos" / "one").iterdir()}


def marks(svg):
    """Return (x, y, cell, time) of each mark, in pixels of the figure."""
    points = re.findall(r'<path d="M([\d.]+),([\d.]+)h0"><title>(\w+), [^\d]*([\d.]+)</title>', svg)
    return [(float(x), float(y), cell, float(t)) for x, y, cell, t in points]


def test_raw_movement_shows_the_chosen_cells_alone_as_they_stand_in_the_table(table, tmp_path):
    svg = draw(table, tmp_path, cells="ABp,MS", coordinates="raw")["movement.svg"]
    with table.open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["cell"] == "ABp"]
    drawn = [m for m in marks(svg) if m[2] == "ABp"]
    assert [m[3] for m in drawn] == [float(r["time"]) for r in rows]
    for k, column in ((0, "x"), (1, "y")):
        pixels = np.array([m[k] for m in drawn])
        values = np.array([float(r[column]) for r in rows])
        slope, _ = np.polyfit(values, pixels, 1)
        assert (slope > 0) == (column == "x")  # y counts upwards, as published
        assert np.abs(pixels - np.poly1d(np.polyfit(values, pixels, 1))(values)).max() < 0.2
    said = set(re.findall(r"<title>(\w+), frame", svg))
    assert said == {"ABp", "MS"}  # not ABpl or MSa
    assert "x (px, counted from 1)" in svg


def test_movement_in_body_axes_counts_minutes_and_paths_have_a_colour_for_each_cell(
    table, tmp_path
):
    pages = draw(table, tmp_path, cells="ABp, MS,E,MSxyz")
    assert "Not in this table: MSxyz" in pages["movement.svg"]
    assert "anterior → posterior (µm)" in pages["movement.svg"]
    assert "Numbers: time (min)" in pages["movement.svg"]
    colours = set(re.findall(r'stroke="(#\w+)" stroke-width="0.9"', pages["paths.svg"]))
    assert len(colours) == 3
    assert "ABp, MS, E and their descendants" in pages["paths.svg"]
    assert "movement.svg" in pages["index.html"]


def test_without_chosen_cells_there_is_no_movement_figure(table, tmp_path):
    assert "movement.svg" not in draw(table, tmp_path)


def test_a_tree_without_places_has_no_movement(tmp_path):
    table = tmp_path / "one.nwk"
    table.write_text("(ABpl:12,ABpr:14)ABp:10;", encoding="utf-8")
    pages = draw(table, tmp_path / "o", cells="ABp")
    assert "movement.svg" not in pages
    assert "tree.html" in pages


@pytest.mark.parametrize("suffix", ["csv", "nwk"])
def test_a_cell_that_is_not_there_is_named(table, tmp_path, suffix):
    if suffix == "nwk":
        table = tmp_path / "one.nwk"
        table.write_text("(ABpl:12,ABpr:14)ABp:10;", encoding="utf-8")
    summary = draw_lineages(
        [table],
        out=tmp_path / "o",
        settings=DrawSettings(deals=1, cells="ABxyz"),
        reading=SCALE,
        execution=Execution(workers=1),
    )
    assert summary.exit_code == 2
    assert "has none of the cells ABxyz" in (tmp_path / "o" / "findings.csv").read_text(
        encoding="utf-8"
    )


def test_compact_names_are_explained_and_each_has_a_panel_of_components(table, tmp_path):
    pages = draw(table, tmp_path)
    with table.open(encoding="utf-8") as file:
        names = {r["cell"] for r in csv.DictReader(file)}
    compact = {n[:3] for n in names}
    explained = pages["compact-names.svg"]
    assert f"{len(names)} names become {len(compact)}" in explained
    assert '<tspan style="font-weight:700">ABp</tspan><tspan fill="#777">la</tspan>' in explained
    assert pages["components.svg"].count('<use href="#all"/>') == len(compact)
    assert "% of the variance" in pages["components.svg"]


def test_longer_compact_names_list_the_most_frequent_ones(tmp_path):
    table = tmp_path / "one.csv"
    write_lineage(simulate_lineage(LineagePlan(minutes=130), seed=3), table, format="epic")
    pages = draw(table, tmp_path / "o", compact_length=7)
    assert "The 64 most frequent are shown." in pages["compact-names.svg"]
    assert pages["components.svg"].count('<use href="#all"/>') == 64


def test_nuclei_without_names_in_one_frame_get_a_page_without_empty_figures(tmp_path):
    table = tmp_path / "one.csv"
    lines = [f"0,{7 * i % 50},{3 * i},{i % 9}" for i in range(40)]
    table.write_text("\n".join(["frame,x,y,z", *lines]), encoding="utf-8")
    pages = draw(table, tmp_path / "o")
    assert set(pages) == {"tree.svg", "tree.html", "paths.svg", "space.html", "index.html"}
    assert "Names" not in pages["index.html"]
    assert not re.search(r"\bnan\b", "".join(pages.values()))


def test_every_curve_of_the_populations_has_a_colour_of_its_own(table, tmp_path):
    svg = draw(table, tmp_path)["populations.svg"]
    colours = re.findall(r'<path class="line" d="[^"]+" stroke="(#\w+)"', svg)
    assert len(colours) == len(set(colours)) == 8  # total, six founders, early


def test_the_report_shows_the_founders_and_their_fates(table, tmp_path):
    draw(table, tmp_path)
    svg = (tmp_path / "founders.svg").read_text(encoding="utf-8")
    for words in ("germ line", "E: gut", "MS: neurons (few cells)", ">389<", ">P3<"):
        assert words in svg
    assert "their fates" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["CD20081016_alr-1_10A2_3_L1"])
def test_the_published_table_gives_the_published_32_names(data_dir, tmp_path, name):
    table = data_dir / "epic_tables" / f"{name}.csv.gz"
    out = tmp_path / "o"
    draw_lineages(
        [table],
        out=out,
        settings=DrawSettings(deals=1, cells="Z2,Z3", coordinates="raw"),
        execution=Execution(workers=1),
    )
    page = out / "embryos" / name
    assert "726 names become 32" in (page / "compact-names.svg").read_text(encoding="utf-8")
    assert (page / "components.svg").read_text(encoding="utf-8").count('href="#all"') == 32
    assert (page / "movement.svg").read_text(encoding="utf-8").count("<title>Z3, frame") == 82
