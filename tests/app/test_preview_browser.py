"""A preview in a real browser: of what is in view, followed by settings, with keys alone."""

import re

import numpy as np
import pytest
import tifffile

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("playwright.sync_api")
from tests.app.browsing import SIZES, done, eventually, fits, keeps_the_rules, needs_chromium, run
from tests.app.test_preview import discs

pytestmark = [needs_chromium, pytest.mark.slow]


def to_form(page, tmp_path):
    page.locator("#files").set_input_files(str(discs(tmp_path / "discs.tif")))
    page.locator("a.card", has_text="Outline nuclei").first.click()
    page.locator("#stage[data-ready]").wait_for()
    page.locator("#f-diameter_px").fill("28")


def said(page, words):
    page.locator("#preview-said").filter(has_text=re.compile(words)).wait_for()


def test_the_preview_follows_view_and_settings(person, tmp_path):
    page = person()
    to_form(page, tmp_path)
    page.get_by_role("button", name="Preview what I see").click()
    said(page, r"^8 objects in 900 × 900 pixels, after")
    page.locator("#stage[data-preview=shown]").wait_for()
    page.locator("#f-min_area_um2").fill("900")  # larger than any of them
    said(page, "^0 objects")
    page.locator("#f-min_area_um2").fill("")
    said(page, "^8 objects")
    run(page)  # and the question can be asked as ever
    done(page)
    page.get_by_text("8 objects").first.wait_for()


def test_the_preview_by_keyboard_and_what_is_wrong_in_words(person, tmp_path):
    page = person()
    to_form(page, tmp_path)
    page.locator("#stage").focus()
    for _ in range(3):
        page.keyboard.press("+")
    page.keyboard.press("p")
    said(page, r"^\d objects? in \d\d\d × \d\d\d pixels|^0 objects in")
    page.keyboard.press("0")
    said(page, "^8 objects in 900 × 900")
    page.locator("#f-diameter_px").fill("1")
    page.locator("#preview-said.problem").wait_for()


def test_a_large_image_is_seen_roughly_while_its_tiles_are_made(person, tmp_path):
    y, x = np.indices((7168, 7168), dtype=np.float32) / 7168
    how = {"tile": (512, 512), "compression": "zlib", "photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "large.tif", (200 * y * x).astype(np.uint8), **how)
    page = person()
    held, free = [], []
    page.route(re.compile("/grey/"), lambda r: r.continue_() if free else held.append(r))
    page.locator("#files").set_input_files(str(tmp_path / "large.tif"))
    page.locator("a.card", has_text="Outline nuclei").first.click()
    page.locator("#stage[data-rough=shown]").wait_for()
    eventually(page, lambda: held)  # no tile is there, and the image is
    rough = page.locator("#stage").screenshot()
    free.append(True)
    for route in held:
        route.continue_()
    page.locator("#stage:not([data-rough])").wait_for()
    assert page.locator("#stage").screenshot() != rough


WATCH = """
const places = (window.places = []);
const watch = () => {
  const y = document.getElementById("run")?.getBoundingClientRect().y + scrollY;
  if (y && y !== places.at(-1)) places.push(y);
  requestAnimationFrame(watch);
};
watch();
"""


@pytest.mark.parametrize(("axes", "shape"), [("YX", ()), ("TYX", (3,)), ("ZCYX", (3, 2))])
def test_the_button_stays_where_it_is_while_the_form_fills(person, tmp_path, axes, shape):
    """What moves under a mouse between press and release has not been clicked."""
    pixels = np.broadcast_to(
        tifffile.imread(discs(tmp_path / "a.tif", size=720)), (*shape, 720, 720)
    )
    tifffile.imwrite(tmp_path / "film.ome.tif", pixels, metadata={"axes": axes}, ome=True)
    page = person()
    page.add_init_script(WATCH)
    page.locator("#files").set_input_files(str(tmp_path / "film.ome.tif"))
    page.locator("a.card", has_text="Outline nuclei").first.click()
    page.locator("#stage[data-ready]").wait_for()
    page.locator("#estimate", has_text="on this machine").wait_for()
    page.wait_for_timeout(100)  # a frame or more of the screen
    assert len(page.evaluate("places")) == 1, page.evaluate("places")
    page.locator("#run").click()
    page.wait_for_url("**/results/*")


@pytest.mark.parametrize(("screen", "text"), SIZES)
def test_a_form_with_a_preview_fits_the_screen_and_keeps_the_rules(person, tmp_path, screen, text):
    page = person(bypass_csp=True, **screen)
    to_form(page, tmp_path)
    page.get_by_role("button", name="Preview what I see").click()
    said(page, "^8 objects")
    fits(page, text=text)
    keeps_the_rules(page)
