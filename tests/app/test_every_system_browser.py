"""For every system by clicking alone: run, doubt, correct, compare, take away.

Systems, their questions and their rendered examples come from the registry, so that a new system
is here as soon as it has a question. Each is corrected in the form that its page offers: outlines
on the image, cells of a lineage, else a decision on findings or on its files alone.
"""

import io
import re
import time
import zipfile

import pytest

pytest.importorskip("playwright")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.app.browsing import answered_first, done, drawn, expect, needs_chromium
from tests.app.test_every_command_browser import own_labels, pairs
from tests.docs.test_pages import ROOT

from fatescope.systems.registry import FOLDERS, descriptions, examples, questions

pytestmark = [needs_chromium, pytest.mark.slow]

BY_KIND = {"pairs": pairs, "labels": own_labels, "image": own_labels}
"""Files for a question that has no rendered example, by a kind that it takes."""
MOST_CLICKS = 6
BY_FOLDER = dict(zip(FOLDERS, descriptions(), strict=True))
ELSEWHERE = {
    "training": (
        "tests/app/test_review_browser.py",
        "test_two_cells_are_corrected_and_a_model_learns_from_it",
    )
}
"""A training lasts minutes, and goes all this way there."""
SYSTEMS = [folder for folder, told in BY_FOLDER.items() if told.questions]


def first_question(folder):
    """Return a question of a system, with its settings: one that has an example, if any has."""
    known = {q.name: q for q in questions()}
    mine = [known[q.name] for q in BY_FOLDER[folder].questions]
    return next((q for q in mine if q.examples), mine[0])


class Clicks:
    """Counts what a person presses."""

    def __init__(self):
        self.n = 0

    def __call__(self, locator):
        self.n += 1
        locator.click()


def to_the_files(page, question, click, tmp_path):
    """Come to the page of files by a rendered example, or else by a folder of one's own."""
    if question.examples:
        title = next(e.title for e in examples() if e.name == question.examples[0])
        click(page.get_by_role("button", name=re.compile(f"^{re.escape(title)}")))
    else:
        write = next(w for kind, w in BY_KIND.items() if kind in question.takes)
        write(tmp_path / "my files")
        page.locator("#folder").set_input_files(str(tmp_path / "my files"))
    page.get_by_role("heading", name="What was read").wait_for()


def ask(page, question, click):
    click(page.locator(f"a.card[href$='/ask/{question.name}']"))
    page.locator("#run").wait_for()
    for field in page.locator("#ask select").all():
        words = field.evaluate("f => f.selectedOptions[0]?.text")
        if words == "choose":
            click.n += 1
            values = field.locator("option").evaluate_all("all => all.map(o => o.value)")
            field.select_option(values[-1])
    click(page.locator("#run"))
    done(page)


def doubt(page):
    """Return what says how far the answer can be believed: findings, or the report of doubts."""
    if page.locator("#findings tbody tr").count():
        return page.locator("#findings tbody tr .why").first.inner_text()
    fold = page.locator("details.fold > summary", has_text="Report")
    if fold.count():
        fold.first.click()
    return page.frame_locator("iframe.report").first.locator("body").inner_text()


def correct(page, question):
    """Correct in the form that the page has for it, and return that form."""
    if page.locator("#correct").count():
        outline(page)
        return "outlines"
    if page.locator("section[aria-labelledby=h-lineages] a").count():
        page.locator("section[aria-labelledby=h-lineages] a").first.click()
        page.locator("#cells tbody tr").first.click()
        page.locator("#edit[aria-busy=false]").wait_for()
        page.locator("#what").select_option("remove")
        page.get_by_role("button", name="Do it").click()
        page.locator("#said").filter(has_text="Saved: ").wait_for()
        page.go_back()
        return "cells"
    if page.locator("#findings tbody tr").count():
        first = page.locator("#findings tbody tr").first
        first.get_by_role("button", name="Accept").click()
        expect(first.locator("[data-word]")).to_have_text("✓ accepted")
        return "findings"
    return "nothing"


def outline(page):
    """Remove the first object, or draw one where there is none."""
    drawn(page)
    rows = page.locator("#rows tbody tr")
    if rows.count():
        rows.first.click()
        page.locator(".pick path").wait_for()
        page.get_by_role("button", name="Remove", exact=True).click()
    else:
        page.get_by_role("button", name="New outline", exact=True).click()
        page.locator("#stage").scroll_into_view_if_needed()
        box = page.locator("#stage").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        for dx, dy in ((30, 0), (30, 30), (0, 30), (0, 0)):
            page.mouse.move(x + dx, y + dy, steps=4)
        page.mouse.up()
    page.locator("#edit-said").filter(has_text="Saved: ").wait_for()


def compare(page, question, click):
    """Compare with the corrections, else with a second answer to the same question."""
    result = page.url
    if not page.locator("#with").count():
        page.locator(".where a").click()
        ask(page, question, click)
    page.get_by_role("button", name="Compare", exact=True).click()
    said = page.locator("#compared")
    said.wait_for()
    words = said.inner_text()
    page.goto(result)
    return words


FORMS = {"labels": "outlines", "tree": "cells"}
"""What a result is corrected by, from what its page shows; else by findings, if there are any."""


@pytest.mark.parametrize("folder", [f for f in SYSTEMS if f not in ELSEWHERE])
def test_it_is_run_doubted_corrected_compared_and_taken_away(
    folder, person, tmp_path, record_property
):
    question, click, page = first_question(folder), Clicks(), person()
    begun = time.monotonic()
    to_the_files(page, question, click, tmp_path)
    ask(page, question, click)
    answer = answered_first(page)
    record_property("seconds to the answer", round(time.monotonic() - begun, 1))
    print(f"{folder}: {click.n} clicks, {time.monotonic() - begun:.1f} s: {answer}")
    assert click.n <= MOST_CLICKS
    assert len(doubt(page)) > 20
    expected = next((form for view, form in FORMS.items() if view in question.views), None)
    form = correct(page, question)
    assert form == expected or (expected is None and form in ("findings", "nothing"))
    words = compare(page, question, click)
    assert re.search(r"^(Of [\d,]+ objects as corrected|Same: |Different: )", words), words
    assert "/" not in words, "no folder of the machine"
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download everything").click()
    names = zipfile.ZipFile(io.BytesIO(taken.value.path().read_bytes())).namelist()
    assert any(name.endswith((".csv", ".json")) for name in names)
    if page.get_by_role("link", name="Open the report").count():
        assert any(name.endswith("report.html") for name in names)
    if form == "outlines":
        with page.expect_download() as labels:
            page.get_by_role("link", name="Labels (TIFF)").click()
        assert "_corrected" in labels.value.suggested_filename


def test_what_is_left_to_another_test_stands_there():
    for folder, (path, name) in ELSEWHERE.items():
        assert folder in SYSTEMS
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")
