"""Charts and trees of a result, linked with the rest of its page, in a real browser."""

import re
import shutil

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("playwright.sync_api")
from tests.app.browsing import (
    SIZES,
    asked,
    done,
    drawn,
    eventually,
    expect,
    fits,
    keeps_the_rules,
    needs_chromium,
    run,
)
from tests.populations_cases import SMALL, scene, write_pair

from fatescope.acquire import write_labels, write_lineage
from fatescope.base import Spacing
from fatescope.simulate import (
    LineagePlan,
    NucleiMovieSettings,
    simulate_lineage,
    simulate_nuclei,
)
from fatescope.simulate.plate.settings import PlateSettings
from fatescope.systems.simulation.plates import simulate_plate

pytestmark = [needs_chromium, pytest.mark.slow]


def answered(app, browser, paths, question):
    """Return the address of an answer, for those that look at it in several ways."""
    page = browser.new_page()
    page.set_default_timeout(90_000)
    page.goto(f"http://127.0.0.1:{app.port}/?token={app.store.make_link('owner')}")
    asked(page, [str(p) for p in paths], question)
    address = page.url
    page.close()
    return address


@pytest.fixture(scope="module")
def movie(app, browser, tmp_path_factory):
    embryo = scene(11, minutes=100, interval_min=4.0, settings=SMALL.replace(neighbour=0.0))
    path = write_pair(tmp_path_factory.mktemp("movie"), "a", embryo, frames=24)
    return answered(app, browser, [path], "Count over time")


def line_of(chart):
    """Return how far along a chart its line stands, as a share of its width."""
    place = "p => p.querySelector('.now').getBBox().x / p.querySelector('svg').clientWidth"
    return chart.locator(".paper").first.evaluate(place)


def test_a_movie_and_its_populations_move_together(person, movie):
    page = person()
    page.goto(movie)
    drawn(page)
    chart = page.frame_locator("iframe[data-linked=counts]")
    chart.locator(".now").first.wait_for(state="attached")
    before, shown = line_of(chart), page.locator("#stage").screenshot()
    # a click on a curve shows its frame of the movie
    paper = chart.locator(".paper").first
    width = paper.bounding_box()["width"]
    with page.expect_request(lambda r: "/colour/" in r.url):
        paper.click(position={"x": width * 0.6, "y": 120})
    expect(page.locator("#t")).not_to_have_value("0")
    drawn(page)
    assert page.locator("#stage").screenshot() != shown
    eventually(page, lambda: before < line_of(chart) == pytest.approx(0.6, abs=0.05))
    # the slider moves the line
    there = line_of(chart)
    page.locator("#t").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    eventually(page, lambda: line_of(chart) > there)
    # keys along the curve step through the movie, too
    at = int(page.locator("#t").input_value())
    chart.locator(".paper").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#t")).to_have_value(str(at + 1))


@pytest.fixture(scope="module")
def table(app, browser, tmp_path_factory):
    """An EPIC table whose MS cells live too long, checked."""
    lineage = simulate_lineage(LineagePlan(slowed={"MS": 1.6}), seed=3)
    path = write_lineage(lineage, tmp_path_factory.mktemp("table") / "CD1.csv", format="csv")
    return answered(app, browser, [path], "Check lineages")


def open_tree(page, address):
    page.goto(address)
    tree = page.frame_locator("iframe[data-linked=tree]")
    tree.locator("g.cell").first.wait_for(state="attached")
    page.locator("#cells tbody tr").first.wait_for()
    return tree


def test_a_tree_its_cells_and_the_rows_of_a_table_are_linked(person, table):
    page = person()
    tree = open_tree(page, table)
    # from the tree to the rows
    tree.locator("#find").fill("ABpla")
    expect(page.locator("#cell-name")).to_have_text("ABpla")
    chosen = page.locator("#cells tr[aria-current=true]")
    expect(chosen.locator("td").first).to_have_text("ABpla")
    born, lives = (float(chosen.locator("td").nth(n).inner_text()) for n in (2, 3))
    frames = [int(n) for n in page.locator("#cell-rows tbody td:first-child").all_inner_texts()]
    assert frames == list(range(frames[0], frames[-1] + 1))
    head = page.locator("#cells th").all_inner_texts()
    assert head[:4] == ["cell", "mother", "born (min)", "lives (min)"]
    assert lives / len(frames) == pytest.approx(born / frames[0])  # one interval
    expect(page.locator("#cells-said")).to_have_text(re.compile(r"^\d+ of \d+ cells named"))
    # from a row to the tree, by keyboard
    page.locator("#cells tbody tr").nth(1).focus()
    page.keyboard.press("Enter")
    expect(tree.locator(".cell.chosen text")).to_have_text("ABa")
    # along the tree by keyboard
    tree.locator("#tree").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#cell-name")).to_have_text("AB")
    page.keyboard.press("Escape")
    expect(page.locator("#cell")).to_be_hidden()


def test_a_finding_of_a_check_shows_its_cell_in_the_tree(person, table):
    page = person()
    tree = open_tree(page, table)
    finding = page.locator("#findings tbody tr", has_text="timing").first
    cell = finding.locator("[data-name=object]").inner_text()
    finding.focus()
    page.keyboard.press("Enter")
    expect(tree.locator(".cell.chosen text")).to_have_text(cell)
    expect(page.locator("#cell-name")).to_have_text(cell)
    chosen = page.locator("#cells tr[aria-current=true] td").last
    assert int(chosen.inner_text()) >= 1


def test_a_finding_of_a_faulty_movie_shows_its_frame(person, tmp_path):
    frames = simulate_nuclei(NucleiMovieSettings(frames=8, height=96, width=96), seed=2).pixels
    frames[5] = 0
    how = {"shape": frames.shape, "axes": "TYX", "dtype": frames.dtype, "spacing": Spacing()}
    write_labels(tmp_path / "faulty.tif", frames, **how)
    page = person()
    asked(page, tmp_path / "faulty.tif", "Clean a movie")
    drawn(page)
    finding = page.locator("#findings tbody tr", has_text="black").first
    finding.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#t")).to_have_value("5")


def test_a_table_that_was_cleaned_is_no_image(person, tmp_path):
    rows = "".join(f"a,{frame},total,{2 + frame}\n" for frame in range(20))
    (tmp_path / "counts.csv").write_text(f"movie,frame,founder,count\n{rows}")
    page = person()
    asked(page, tmp_path / "counts.csv", "Clean a movie")
    expect(page.locator("#look")).to_have_count(0)
    expect(page.frame_locator("iframe.report").locator("h1")).not_to_be_empty()


@pytest.fixture(scope="module")
def plate(app, browser, tmp_path_factory):
    """A rendered plate of six wells, followed; in A02 all cells are killed."""
    folder = tmp_path_factory.mktemp("plate")
    sizes = {"rows": 2, "columns": 3, "field_rows": 1, "field_columns": 1}
    small = {"frames": 4, "cells": 12, "height": 128, "width": 144, "stained": 1}
    simulate_plate(folder, settings=PlateSettings.from_values(sizes | small), seed=1)
    shutil.move(folder / "map.csv", folder / "images" / "map.csv")
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"http://127.0.0.1:{app.port}/?token={app.store.make_link('owner')}")
    page.locator("#folder").set_input_files(str(folder / "images"))
    page.locator("a.card", has_text="Follow the cells of a plate").click()
    page.get_by_label("Plate map").select_option("images/map.csv")
    run(page)
    done(page)
    address = page.url
    page.close()
    return address


def open_plate(page, address):
    page.goto(address)
    drawn(page)
    wells = page.frame_locator("iframe[data-linked=wells]")
    wells.locator(".now").wait_for(state="attached")
    return wells


def test_a_well_of_the_map_shows_its_curves_and_its_images(person, plate):
    page = person()
    wells = open_plate(page, plate)
    curves = page.frame_locator("iframe[data-linked=well]")
    expect(page.locator("#well")).to_have_value("0 A01")
    first = page.locator("#stage").screenshot()
    # a click on the map
    box = wells.locator(".plot image").bounding_box()
    paper = wells.locator(".paper").bounding_box()
    wells.locator(".paper").click(
        position={
            "x": box["x"] - paper["x"] + box["width"] * 0.9,
            "y": box["y"] - paper["y"] + box["height"] * 0.75,
        }
    )
    expect(curves.locator("h3")).to_have_text("Well B03")
    expect(page.locator("#well")).to_have_value("0 B03")
    expect(page.locator("#image option:checked")).to_have_text("B03, field 1")
    drawn(page)
    assert page.locator("#stage").screenshot() != first
    # the list, by keyboard
    page.locator("#well").select_option("0 A02")
    expect(curves.locator("h3")).to_have_text("Well A02")
    expect(curves.locator(".legend")).to_contain_text("survival of those followed")
    # a click on a curve shows its frame of the well
    drawn(page)
    width = curves.locator(".paper").bounding_box()["width"]
    curves.locator(".paper").click(position={"x": width * 0.95, "y": 60})
    expect(page.locator("#t")).to_have_value("3")


def look_at_movie(page, address):
    page.goto(address)
    page.frame_locator("iframe[data-linked=counts]").locator(".now").first.wait_for(
        state="attached"
    )


VIEWS = {"movie": look_at_movie, "table": open_tree, "plate": open_plate}


@pytest.mark.parametrize("name", VIEWS)
def test_a_linked_page_keeps_the_rules_of_accessibility(person, request, name):
    page = person(bypass_csp=True)
    VIEWS[name](page, request.getfixturevalue(name))
    keeps_the_rules(page)


@pytest.mark.parametrize("name", VIEWS)
def test_a_linked_page_fits_a_telephone_and_text_of_twice_the_size(person, request, name):
    for screen, text in SIZES:
        page = person(**screen)
        VIEWS[name](page, request.getfixturevalue(name))
        fits(page, text=text)


def test_a_page_in_a_frame_says_nothing_to_strangers_and_reaches_nothing(app, movie):
    client = app.client()
    page = client.get(f"{movie[movie.index('/results') :]}/linked/counts?n=0", Accept="text/html")
    assert page.status == 200
    assert page.headers["content-security-policy"].startswith("sandbox allow-scripts")
    assert "connect-src" not in page.headers["content-security-policy"]
