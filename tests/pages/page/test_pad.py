"""The pad of a notebook in a real browser: cells outlined by hand, by mouse and by keys."""

import json
import re

import numpy as np
import pytest
from tests.systems.nuclei.page.test_browser import CHROMIUM, browser

from fatescope.base import InputError
from fatescope.pages.page import drawing_pad
from fatescope.prepare import fill_outlines

__all__ = ["browser"]
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
IMAGE = np.add.outer(np.arange(60), np.arange(80))


@pytest.fixture
def pad(browser):
    """The pad in the frame that a notebook shows; nothing must be asked of a network."""
    problems = []
    page = browser.new_page(viewport={"width": 900, "height": 1000})
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.on("request", lambda r: r.url.startswith("http") and problems.append(r.url))
    page.set_content(drawing_pad(IMAGE)._repr_html_())
    frame = page.frame_locator("iframe")
    frame.locator("#stage").wait_for()
    yield page, frame
    page.close()
    assert problems == []


def drawn(frame):
    return json.loads(frame.locator("#text").input_value())


def at(frame, y, x):
    """The place on the screen of a pixel's centre."""
    box = frame.locator("#stage").bounding_box()
    size = min(box["width"] / 80, box["height"] / 60)
    left = box["x"] + (box["width"] - 80 * size) / 2
    top = box["y"] + (box["height"] - 60 * size) / 2
    return left + (x + 0.5) * size, top + (y + 0.5) * size


@in_chromium
def test_clicks_from_corner_to_corner_become_the_labels_that_were_meant(pad):
    page, frame = pad
    for corner in ((10, 10), (10, 30), (25, 30), (25, 10)):
        page.mouse.click(*at(frame, *corner))
    page.keyboard.press("Enter")
    (outline,) = drawn(frame)
    np.testing.assert_allclose(outline, [(10, 10), (10, 30), (25, 30), (25, 10)], atol=0.1)
    assert frame.locator("#count").inner_text() == "1 outlined"
    labels = fill_outlines(np.rint(drawn(frame)).tolist(), IMAGE.shape)
    assert (labels == 1).sum() == 16 * 21


@in_chromium
def test_a_cell_is_drawn_in_one_go_and_closes_itself(pad):
    page, frame = pad
    around = np.linspace(0, 2 * np.pi, 40)
    places = [(30 + 12 * np.sin(a), 40 + 12 * np.cos(a)) for a in around]
    page.mouse.move(*at(frame, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*at(frame, *place))
    page.mouse.up()
    labels = fill_outlines(drawn(frame), IMAGE.shape)
    assert labels.max() == 1
    assert (labels == 1).sum() == pytest.approx(np.pi * 12**2, rel=0.05)


@in_chromium
def test_keys_alone_draw_and_take_back(pad):
    page, frame = pad
    frame.locator("#stage").focus()
    for keys in (("ArrowRight", 5), ("ArrowDown", 5), ("ArrowLeft", 5)):
        page.keyboard.press(" ")
        for _ in range(keys[1]):
            page.keyboard.press(keys[0])
    page.keyboard.press("Enter")
    assert drawn(frame) == [[[30, 40], [30, 45], [35, 45]]]
    page.keyboard.press(" ")
    page.keyboard.press("Backspace")
    assert len(drawn(frame)) == 1
    page.keyboard.press("Backspace")
    assert drawn(frame) == []


@in_chromium
def test_what_was_drawn_is_saved_as_a_file(pad):
    page, frame = pad
    for corner in ((5, 5), (5, 20), (20, 5)):
        page.mouse.click(*at(frame, *corner))
    frame.locator("#close").click()
    with page.expect_download() as waiting:
        frame.locator("#save").click()
    assert waiting.value.suggested_filename == "outlines.json"
    assert json.loads(waiting.value.path().read_text()) == drawn(frame)


def test_where_scripts_do_not_run_there_is_the_image_with_its_outlines():
    svg = drawing_pad(IMAGE, [[(1, 1), (1, 9), (9, 1)]], title="A & B")._repr_svg_()
    assert svg.count("<path") == 1
    assert "A &amp; B" in svg
    assert 'd="M1 1L9 1L1 9Z"' in svg


def test_the_pad_loads_nothing_and_text_stays_text():
    page = drawing_pad(IMAGE, title="</title><script>alert(1)</script>").page()
    assert "<script>alert" not in page
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 4), (2049, 4)])
def test_what_cannot_be_drawn_on_is_refused(shape):
    with pytest.raises(InputError, match="image: "):
        drawing_pad(np.zeros(shape))
