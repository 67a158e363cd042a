"""A lineage edited in a real browser: table, cell, edit, undo, opened again, exported."""

import csv
import re

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("playwright.sync_api")
from tests.app.browsing import SIZES, asked, expect, fits, keeps_the_rules, needs_chromium
from tests.app.test_lineages import table

from fatescope.acquire.lineages import read_lineage
from fatescope.systems.lineages.edit import edit_lineage

pytestmark = [needs_chromium, pytest.mark.slow]


def to_cells(page, tmp_path):
    """From the first page to the cells of a table."""
    (tmp_path / "embryo.csv").write_bytes(table(tmp_path))
    asked(page, tmp_path / "embryo.csv", "Check lineages")
    page.get_by_role("region", name="Edit the lineage").get_by_role("link").click()
    page.locator("#cells tbody tr").first.wait_for()


def pick(page, name):
    page.locator(f"#cells tr[data-name='{name}']").click()
    page.locator("#h-cell", has_text=re.compile(f"^{name}$")).wait_for()
    form_of_the_cell(page)


def form_of_the_cell(page):
    """Wait until the form is of the cell that was chosen last."""
    page.locator("#edit[aria-busy=false]").wait_for()


def saved(page, words):
    page.locator("#said").filter(has_text=re.compile(f"Saved: .*{re.escape(words)}")).wait_for()


def checked(page):
    page.locator("#checked").filter(has_text="Checked as it is now").wait_for()


def test_a_person_edits_a_lineage_undoes_comes_back_and_takes_the_table(person, tmp_path):
    page = person()
    to_cells(page, tmp_path)
    checked(page)
    pick(page, "ABa")
    page.locator("#what").select_option("swap")
    expect(page.locator("#line")).to_have_value("swap ABa ABp")
    page.locator("#why").fill("seen in plane 12")
    page.get_by_role("button", name="Do it").click()
    saved(page, "swap ABa ABp")
    pick(page, "P2")
    first = int(page.locator("#cells tr[aria-current=true] td").first.inner_text().split("–")[0])
    page.locator("#what").select_option("remove")
    page.locator("#p-from").fill(str(first + 3))
    page.locator("#p-to").fill(str(first + 3))
    page.get_by_role("button", name="Do it").click()
    saved(page, f"remove P2@{first + 3}")
    page.locator("#of-cell", has_text="hole").wait_for()  # checked again, beside the cell
    expect(page.locator("#cells tr[aria-current=true] td").last).to_contain_text("1")
    page.get_by_role("button", name="Undo").click()
    saved(page, "took back: remove P2")
    expect(page.locator("#of-cell li")).to_have_count(0)
    pick(page, "EMS")
    page.locator("#what").select_option("unlink")
    page.get_by_role("button", name="Do it").click()
    saved(page, "none")
    page.locator("#about-cell", has_text="no cell that is known").wait_for()
    page.reload()  # all of it is there
    page.locator("#cells tbody tr").first.wait_for()
    page.get_by_text("What was done").click()
    expect(page.locator("#steps li")).to_have_count(4)
    expect(page.locator("#steps li").nth(3)).to_contain_text("seen in plane 12")
    page.keyboard.press("Control+z")
    saved(page, "took back: relink")
    page.keyboard.press("Control+y")
    saved(page, "again: relink")
    with page.expect_download() as download:
        page.get_by_role("link", name="Edited table").click()
    download.value.save_as(tmp_path / "edited.csv")
    with page.expect_download() as download:
        page.get_by_role("link", name="Edits as a script").click()
    download.value.save_as(tmp_path / "edits.txt")
    ours = edit_lineage(
        tmp_path / "embryo.csv", out=tmp_path / "out", script=tmp_path / "edits.txt"
    )
    assert (tmp_path / "edited.csv").read_bytes() == ours.table.read_bytes()
    before, after = (read_lineage(tmp_path / f"{n}.csv") for n in ("embryo", "edited"))
    assert len(before) == len(after)
    assert sum(before.name != after.name) > 20
    with (tmp_path / "out" / "history.csv").open() as file:
        assert [row["action"][:4] for row in csv.DictReader(file)] == ["swap", "reli"]


def test_each_action_of_the_form_is_a_line_that_can_be_done(person, tmp_path):
    page = person()
    to_cells(page, tmp_path)
    done = []
    for what, fill in (
        ("rename", {"name": "ABx y", "from": ""}),
        ("split", {}),
        ("move", {"x": "12.5"}),
        ("add", {"name": "new one", "frame": "1"}),
        ("exchange", {"frame": None}),
        ("relink", {}),
        ("join", {"other": "#0", "frame": "0"}),
        ("remove", {}),
    ):
        pick(page, "ABa")
        page.locator("#what").select_option(what)
        for name, value in fill.items():
            if value is not None:
                page.locator(f"#p-{name}").fill(value)
        if what == "join":  # a track that begins with nothing before it: cut one off first
            continue
        line = page.locator("#line").input_value()
        page.get_by_role("button", name="Do it").click()
        saved(page, line)
        done.append(line.split()[0])
        page.get_by_role("button", name="Undo").click()
        saved(page, "took back")
    assert done == ["rename", "split", "move", "add", "exchange", "relink", "remove"]
    pick(page, "ABa")
    page.locator("#what").select_option("unlink")
    expect(page.locator("#line")).to_have_value(re.compile("none"))
    page.get_by_role("button", name="Do it").click()
    saved(page, "none")
    first = page.locator("#cells tr[aria-current=true] td").first.inner_text().split("–")[0]
    pick(page, "AB")
    page.locator("#what").select_option("join")
    page.locator("#p-other").fill("ABa")
    page.locator("#p-frame").fill(first)
    page.get_by_role("button", name="Do it").click()
    saved(page, "join AB@")
    page.locator("#about-cell", has_text="ABp").wait_for()  # a daughter again, beside its sister
    expect(page.locator("#cells tr[aria-current=true] td").nth(2)).to_have_text("divides")


def tab_to(page, selector):
    for _ in range(80):
        if page.evaluate("s => document.activeElement?.matches(s)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached with Tab")


def test_a_cell_is_renamed_with_keys_alone(person, tmp_path):
    page = person()
    to_cells(page, tmp_path)
    checked(page)
    tab_to(page, "#cells tbody tr")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    form_of_the_cell(page)
    expect(page.locator("#h-cell")).to_be_focused()
    tab_to(page, "#p-name")
    page.keyboard.type("Xx")
    page.keyboard.press("Enter")
    saved(page, "Xx")
    page.locator("#cells th", has_text="Xx").wait_for()


def test_the_second_of_two_windows_is_told_and_sees_what_the_first_did(person, tmp_path):
    one = person()
    to_cells(one, tmp_path)
    two = one.context.new_page()
    two.goto(one.url)
    two.locator("#cells tbody tr").first.wait_for()
    for page, name in ((one, "ABa"), (two, "ABp")):
        pick(page, name)
        page.locator("#what").select_option("unlink")
    one.get_by_role("button", name="Do it").click()
    saved(one, "none")
    two.get_by_role("button", name="Do it").click()
    two.locator("#said.problem", has_text="in the meantime").wait_for()
    pick(two, "ABa")
    two.locator("#about-cell", has_text="no cell that is known").wait_for()
    pick(two, "ABp")
    two.locator("#what").select_option("unlink")
    two.get_by_role("button", name="Do it").click()
    saved(two, "none")


@pytest.mark.parametrize(("screen", "text"), SIZES)
def test_the_page_fits_the_screen_and_keeps_the_rules_of_accessibility(
    person, tmp_path, screen, text
):
    page = person(bypass_csp=True, **screen)
    to_cells(page, tmp_path)
    checked(page)
    pick(page, "ABa")
    fits(page, text=text)
    keeps_the_rules(page)
