"""A lineage corrected on its movie in a real browser: clicks, keys, undo, opened again."""

import re

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("playwright.sync_api")
from tests.app.browsing import (
    SIZES,
    asked,
    drawn,
    eventually,
    expect,
    fits,
    keeps_the_rules,
    needs_chromium,
)
from tests.app.test_lineages import table
from tests.app.test_movie_lineages import movie

pytestmark = [needs_chromium, pytest.mark.slow]


def to_movie(page, tmp_path):
    """From the first page to a table on its movie; P0 is in the middle, the others around it."""
    (tmp_path / "embryo.csv").write_bytes(table(tmp_path))
    (tmp_path / "movie.tif").write_bytes(movie(frames=50, side=101))
    asked(page, [tmp_path / "embryo.csv", tmp_path / "movie.tif"], "Check lineages")
    page.get_by_role("link", name="on its movie").click()
    opened(page)


def opened(page):
    page.locator("#movie[aria-busy=false]").wait_for()
    page.locator("#brightest").check()
    drawn(page)


def press(page, keys, words):
    """Press a key on the movie and wait until what it did was saved and is shown."""
    page.locator("#stage").press(keys)
    said(page, words)


def said(page, words):
    page.locator("#said").filter(has_text=words).wait_for()


def click_middle(page):
    box = page.locator("#stage").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def frame(page, t):
    while int(page.locator("#t").input_value()) < t:
        page.locator("#stage").press("m")


def test_a_person_cuts_links_adds_and_renames_on_the_movie_and_comes_back(person, tmp_path):
    page = person()
    to_movie(page, tmp_path)
    expect(page.locator("#n-cells")).to_have_text("15 cells")
    frame(page, 4)
    click_middle(page)
    expect(page.locator("#h-chosen")).to_have_text("P0")
    expect(page.locator("#about-chosen")).to_contain_text("Frame 4 of 0–10")
    press(page, "x", "Saved: split #4")
    expect(page.locator("#n-cells")).to_have_text("16 cells")
    press(page, "l", "click the nucleus")  # the mother, one frame earlier
    page.locator("#stage").press("n")
    click_middle(page)
    said(page, "Saved: relink #4 #3")
    expect(page.locator("#n-cells")).to_have_text("15 cells")
    page.locator("#name").fill("Nuc 1")
    page.locator("#name").press("Enter")
    said(page, "Saved: rename #0- 'Nuc 1'")
    frame(page, 6)
    press(page, "d", "Saved: remove #4")  # of what is chosen, wherever one looks
    page.reload()  # all of it is there
    opened(page)
    press(page, "Control+z", "Took back: remove #4")
    press(page, "Control+z", "Took back: rename #0- 'Nuc 1'")
    press(page, "Control+y", "Again: rename #0- 'Nuc 1'")
    frame(page, 3)
    click_middle(page)
    expect(page.locator("#h-chosen")).to_have_text("Nuc 1")
    assert int(page.locator("#movie").get_attribute("data-milliseconds")) > 0


def test_a_nucleus_that_was_missed_stands_between_those_around_it(person, tmp_path):
    page = person()
    to_movie(page, tmp_path)
    frame(page, 4)
    click_middle(page)
    press(page, "d", "Saved: remove #4")
    frame(page, 5)
    page.locator("#stage").press("n")
    page.locator("#tree").click(position={"x": 5, "y": 5})  # nothing is there
    expect(page.locator("#h-chosen")).to_have_text("No nucleus is chosen")
    page.locator("#stage").press("n")
    click_middle(page)
    page.locator("#stage").press("m")
    press(page, "a", "Click where the nucleus of frame 4 is; it will follow P0")
    click_middle(page)
    said(page, "Saved: add P0@4")
    said(page, "from #3; relink #4 #178")
    expect(page.locator("#about-chosen")).to_contain_text("Frame 4 of 0–10")


def test_branches_are_chosen_by_clicks_and_arrows_and_named_sisters_swap(person, tmp_path):
    page = person()
    to_movie(page, tmp_path)
    frame(page, 4)
    click_middle(page)
    tree = page.locator("#tree")
    tree.press("ArrowDown")
    expect(page.locator("#h-chosen")).to_have_text("AB")
    tree.press("ArrowDown")
    expect(page.locator("#h-chosen")).to_have_text("ABa")
    tree.press("ArrowRight")
    expect(page.locator("#h-chosen")).to_have_text("ABp")
    expect(page.locator("#t")).to_have_value("24")
    press(page, "s", "Saved: swap ABp ABa")
    expect(page.locator("#h-chosen")).to_have_text("ABa")
    tree.press("ArrowUp")
    expect(page.locator("#h-chosen")).to_have_text("AB")


def test_doubts_are_a_queue_and_names_follow_a_cut(person, tmp_path):
    page = person()
    to_movie(page, tmp_path)
    expect(page.locator("#n-doubts")).not_to_have_text("")
    n = int(page.locator("#n-doubts").inner_text())
    frame(page, 4)
    click_middle(page)
    press(page, "x", "Saved: split #4")  # one track ends and another begins
    expect(page.locator("#n-doubts")).to_have_text(str(n + 2))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#doubt")).to_contain_text(f"of {n + 2}:")
    page.locator("#named", has_text=re.compile("Named again|No other name")).wait_for()


@pytest.mark.parametrize(("size", "text"), SIZES)
def test_it_fits_a_telephone_and_large_letters(person, tmp_path, size, text):
    page = person(**size)
    to_movie(page, tmp_path)
    fits(page, text=text)


def test_it_keeps_the_rules_of_accessibility(person, tmp_path):
    page = person(bypass_csp=True)
    to_movie(page, tmp_path)
    click_middle(page)
    keeps_the_rules(page)


def test_a_movie_shows_planes_again(person, tmp_path):
    page = person()
    to_movie(page, tmp_path)
    nuclei = page.locator("#over")
    eventually(page, lambda: nuclei.get_attribute("data-nuclei") == "1")
    page.locator("#brightest").uncheck()  # its three planes are far from plane 50
    eventually(page, lambda: nuclei.get_attribute("data-nuclei") == "0")
    expect(page.locator("#z")).to_be_enabled()
