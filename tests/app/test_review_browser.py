"""Correcting in a real browser: by mouse, by keys alone, and on to a model trained on it."""

import re

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("playwright.sync_api")
from tests.app.browsing import (
    SIZES,
    done,
    drawn,
    expect,
    fits,
    keeps_the_rules,
    needs_chromium,
    run,
)
from tests.app.test_review import outlined

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture
def result(app, person, tmp_path):
    """The page of three images that were outlined by a threshold."""
    address = outlined(app.client(), tmp_path, n=3, size=160)
    page = person()
    page.goto(f"http://127.0.0.1:{app.port}{address}")
    page.locator("#rows tbody tr").first.wait_for()
    drawn(page)
    return page


def saved(page, words):
    page.locator("#edit-said").filter(has_text=re.compile(f"Saved: .*{words}")).wait_for()
    drawn(page)


def labels_in(page):
    return page.locator("#rows tbody tr").evaluate_all("rows => rows.map(r => +r.dataset.label)")


def picked_box(page):
    """Return the box of the picked object within the stage: x, y, width, height."""
    page.locator(".pick path").wait_for()
    box, stage = (page.locator(s).bounding_box() for s in (".pick", "#stage"))
    return box["x"] - stage["x"], box["y"] - stage["y"], box["width"], box["height"]


def stroke(page, points):
    """Draw through points of the stage with the mouse."""
    page.locator("#stage").scroll_into_view_if_needed()
    stage = page.locator("#stage").bounding_box()
    for n, (x, y) in enumerate(points):
        page.mouse.move(stage["x"] + x, stage["y"] + y, steps=4)
        if n == 0:
            page.mouse.down()
    page.mouse.up()


def pick(page, n):
    """Pick the object of a row, and return its label and where it is on the screen."""
    row = page.locator("#rows tbody tr").nth(n)
    label = int(row.get_attribute("data-label"))
    row.click()
    page.locator("#picked b").filter(has_text=re.compile(f"Object {label}$")).wait_for()
    return label, picked_box(page)


def test_objects_are_removed_merged_cut_painted_and_drawn_by_mouse(result):
    page = result
    before = labels_in(page)
    gone, place = pick(page, 0)
    page.get_by_role("button", name="Remove", exact=True).click()
    saved(page, f"remove {gone}")
    assert labels_in(page) == before[1:]  # the table comes before the word that it is saved
    one, _ = pick(page, 0)
    page.get_by_role("button", name="Merge", exact=True).click()
    other = int(page.locator("#rows tbody tr").nth(1).get_attribute("data-label"))
    page.locator("#rows tbody tr").nth(1).click()
    saved(page, f"merge {other} into {one}")
    page.get_by_role("button", name="Pick", exact=True).click()
    label, (x, y, width, height) = pick(page, 2)
    page.get_by_role("button", name="Cut", exact=True).click()
    middle = x + width / 2
    stroke(page, [(middle, y - 6), (middle + 1, y + height / 2), (middle, y + height + 6)])
    saved(page, f"cut {label} into {label} and")
    page.get_by_role("button", name="New outline", exact=True).click()
    x, y = place[0] + place[2] / 2, place[1] + place[3] / 2
    stroke(page, [(x - 8, y - 8), (x + 8, y - 8), (x + 8, y + 8), (x - 8, y + 8)])
    saved(page, "new")
    count = len(labels_in(page))
    page.locator("#stage").focus()
    page.keyboard.press("p")
    stroke(page, [(x, y), (x + 30, y)])
    saved(page, "paint")
    assert len(labels_in(page)) == count
    page.get_by_text("What was done").click()
    expect(page.locator("#steps li")).to_have_count(5)
    page.reload()
    page.locator("#rows tbody tr").first.wait_for()
    for _ in range(5):
        page.keyboard.press("Control+z")
        saved(page, "took back")
    expect(page.locator("#undo")).to_be_disabled()
    assert labels_in(page) == before
    page.keyboard.press("Control+y")
    saved(page, f"again: remove {gone}")


def test_ctrl_z_while_a_line_is_drawn_drops_the_line_and_takes_nothing_back(result):
    page = result
    before = labels_in(page)
    gone, (x, y, width, height) = pick(page, 0)
    page.get_by_role("button", name="Remove", exact=True).click()
    saved(page, f"remove {gone}")
    page.get_by_role("button", name="New outline", exact=True).click()
    stage = page.locator("#stage").bounding_box()
    page.mouse.move(stage["x"] + x, stage["y"] + y)
    page.mouse.down()
    page.mouse.move(stage["x"] + x + width, stage["y"] + y + height, steps=4)
    page.keyboard.press("Control+z")
    page.locator("#edit-said").filter(has_text="nothing else was changed").wait_for()
    page.mouse.up()
    page.locator("#stage").focus()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Control+z")  # with keys, too
    page.keyboard.press("Enter")
    page.reload()
    page.locator("#rows tbody tr").first.wait_for()
    assert labels_in(page) == before[1:]
    page.get_by_text("What was done").click()
    expect(page.locator("#steps li")).to_have_count(1)


def tab_to(page, selector):
    for _ in range(80):
        if page.evaluate("s => document.activeElement?.matches(s)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached with Tab")


def test_the_whole_of_correcting_by_keyboard(result):
    page = result
    before = labels_in(page)
    tab_to(page, "#rows tbody tr")
    page.keyboard.press("Enter")
    page.locator(".pick path").wait_for()
    page.keyboard.press("Delete")
    saved(page, f"remove {before[0]}")
    page.locator("body").evaluate("() => document.activeElement.blur()")
    tab_to(page, "#stage")
    page.keyboard.press("p")
    page.keyboard.press("Shift+ArrowRight")
    for _ in range(3):
        page.keyboard.press("]")
    for _ in range(6):  # away from what may be in the middle
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    saved(page, "paint")
    page.keyboard.press("e")
    page.keyboard.press("Space")
    saved(page, "erase")
    page.keyboard.press("n")
    for key in ("Space", "Shift+ArrowRight", "Space", "Shift+ArrowDown", "Space", "Enter"):
        page.keyboard.press(key)
    page.locator("#edit-said").filter(has_text=re.compile("Saved: draw|nothing would")).wait_for()
    page.keyboard.press("Control+z")
    saved(page, "took back")
    tab_to(page, "#right")
    page.keyboard.press("Space")
    page.locator("#edit-said").filter(has_text="Noted").wait_for()


def test_findings_are_decided_with_keys(person, tmp_path):
    import numpy as np
    from tifffile import imwrite

    imwrite(tmp_path / "dark.tif", np.zeros((64, 64), np.uint8))
    page = person()
    page.locator("#files").set_input_files(str(tmp_path / "dark.tif"))
    page.locator("a.card", has_text="Outline nuclei").first.click()
    run(page)
    done(page)
    first = page.locator("#findings tbody tr").first
    first.focus()
    page.keyboard.press("a")
    page.locator("#findings-said").filter(has_text="accepted").wait_for()
    expect(first.locator("[data-word]")).to_have_text("✓ accepted")
    page.reload()
    expect(first).to_have_attribute("data-status", "accepted")
    first.get_by_role("button", name="Accept").click()
    page.locator("#findings-said").filter(has_text="open").wait_for()


@pytest.mark.parametrize(("screen", "text"), SIZES)
def test_the_tools_fit_the_screen_and_keep_the_rules_of_accessibility(person, result, screen, text):
    page = person(bypass_csp=True, **screen)
    page.goto(result.url)
    page.locator("#rows tbody tr").first.wait_for()
    page.get_by_role("button", name="Paint", exact=True).click()
    fits(page, text=text)
    keeps_the_rules(page)


@pytest.mark.slow  # a training
def test_two_cells_are_corrected_and_a_model_learns_from_it(result):
    pytest.importorskip("torch")
    pytest.importorskip("nncf")
    page = result
    files = page.locator(".where a").evaluate("link => link.href")
    for n in range(3):
        if n:
            page.locator("#image").select_option(str(n))
        drawn(page)
        if n < 2:
            label, _ = pick(page, 0)
            page.get_by_role("button", name="Remove", exact=True).click()
            saved(page, f"remove {label}")
        else:
            page.locator("#right").check()
            page.locator("#edit-said").filter(has_text="Noted").wait_for()
    page.set_default_timeout(900_000)
    page.get_by_role("button", name="Adapt the model to my corrections").click()
    page.locator("#estimate").filter(has_text="1 training").wait_for()
    run(page)
    done(page)
    said = page.locator("#answer")
    expect(said).to_contain_text(re.compile(r"mean AP 0\.50-0\.90 \d\.\d+ -> \d\.\d+"))
    expect(said).to_contain_text("is kept")
    page.goto(files)
    page.locator("a.card", has_text="Outline nuclei").first.click()
    own = page.get_by_label("Model", exact=True)
    own.select_option(own.locator("option", has_text="adapted to").first.get_attribute("value"))
    run(page)
    done(page)
    page.locator("#rows tbody tr").first.wait_for()
