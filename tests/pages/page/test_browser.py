"""The gallery in a real browser: what hands can do with it. Skipped where there is no Chromium."""

import numpy as np
import pytest
from tests.pages.page.gallery import gallery
from tests.systems.nuclei.page.test_browser import CHROMIUM, browser

from fatescope.pages.page import (
    Frame,
    ImageViewer,
    Page,
    Pane,
    Section,
    View,
    outlines_of,
    write_page,
)

__all__ = ["browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page") / "gallery.html", gallery()).as_uri()


@pytest.fixture
def page(browser, address):
    """The gallery; afterwards there must have been no error."""
    problems = []
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: "GL Driver" in m.text or problems.append(m.text))
    page.goto(address)
    yield page
    page.close()
    assert problems == []


def chart(page, title):
    return page.locator(f"figure.plotted:has(h3:text-is('{title}'))")


def ticks(figure):
    return figure.locator(".axes text:not(.axis)").all_inner_texts()


def test_a_button_zooms_a_chart_the_ticks_follow_and_whole_goes_back(page):
    figure = chart(page, "Dose and response")
    before = ticks(figure)
    figure.locator(".in").click()
    figure.locator(".in").click()
    width = float(figure.locator(".plot").get_attribute("viewBox").split()[2])
    assert ticks(figure) != before
    figure.locator(".fit").click()
    assert ticks(figure) == before
    assert float(figure.locator(".plot").get_attribute("viewBox").split()[2]) > 2 * width


def test_dragging_along_a_chart_chooses_a_stretch_of_time(page):
    figure = chart(page, "Survival by treatment")
    figure.scroll_into_view_if_needed()
    box = figure.locator(".paper").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y + 2, steps=5)
    page.mouse.up()
    _, _, width, height = (
        float(v) for v in figure.locator(".plot").get_attribute("viewBox").split()
    )
    whole = figure.locator(".plot").evaluate("n => n.height.baseVal.value")
    assert height == pytest.approx(whole, rel=0.01)  # y stays as it is
    assert width < 200


def test_the_legend_hides_a_series_with_its_band(page):
    figure = chart(page, "Cells of each founder")
    button = figure.locator(".legend button", has_text="AB")
    marks = figure.locator('.plot g[data-name="AB"]')
    assert marks.count() == 2
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert [marks.nth(i).is_visible() for i in range(2)] == [False, False]
    button.press("Enter")
    assert marks.nth(1).is_visible()


def test_keys_read_one_value_after_another(page):
    figure = chart(page, "Dose and response")
    figure.locator(".paper").focus()
    page.keyboard.press("ArrowRight")
    assert figure.locator(".reads").inner_text() == (
        "wells · dose (µM) 0.1 · alive 0.97 · low 0.9 · high 1"
    )
    page.keyboard.press("ArrowRight")
    assert "dose (µM) 1 ·" in figure.locator(".reads").inner_text()


def test_the_mouse_reads_the_value_below_it_also_of_a_heat_map(page):
    figure = chart(page, "Viability of each well after 48 h")
    figure.scroll_into_view_if_needed()
    box = figure.locator(".plot").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 12, box["y"] + box["height"] / 8)
    assert figure.locator(".reads").inner_text().startswith("viability · column 1 · row A")


def test_the_numbers_are_saved_as_csv(page):
    with page.expect_download() as got:
        chart(page, "Survival by treatment").locator(".csv").click()
    assert got.value.suggested_filename == "survival-by-treatment.csv"
    lines = got.value.path().read_text("utf-8").splitlines()
    assert lines[0] == "series,time (h),alive,low,high"
    assert len(lines) == 1 + 3 * 2 * 25 + 1


def test_slices_side_by_side_move_together(page):
    viewer = page.locator(".look").first
    viewer.locator(".stage").focus()
    page.keyboard.press("+")
    boxes = viewer.locator(".stage svg").evaluate_all(
        "all => all.map(n => n.viewBox.baseVal.width)"
    )
    wholes = (80, 80, 60)
    assert all(b == pytest.approx(w / 1.5, rel=0.01) for b, w in zip(boxes, wholes, strict=True))
    page.keyboard.press("ArrowRight")
    assert viewer.locator(".walk output").inner_text() == "plane 7 of 0–19"


def test_a_film_says_its_time_and_its_layers_can_be_switched_off(page):
    viewer = page.locator(".look").nth(1)
    viewer.locator(".walk input").fill("3")
    assert viewer.locator(".walk output").inner_text() == "frame 30 of 0–59 · 45 min · n = 7"
    drawn = viewer.locator(".stage path")
    before = drawn.count()
    viewer.locator(".legend button", has_text="wrong").click()
    assert drawn.count() == before - 2


def test_space_is_turned_and_a_group_hidden(page):
    room = page.locator(".room:not(.solid)")
    assert room.locator(".picked").inner_text() == "900 points"
    room.locator(".legend button").first.click()
    assert room.locator(".picked").inner_text() != "900 points"
    before = room.locator("canvas").evaluate("n => n.toDataURL()")
    room.locator("canvas").press("ArrowLeft")
    assert room.locator("canvas").evaluate("n => n.toDataURL()") != before


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_nothing_runs_out_of_the_page_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    excess = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(excess) <= 1
    charts = page.locator(".paper .chart")
    for i in range(charts.count()):
        assert charts.nth(i).bounding_box()["width"] <= width
    assert (
        page.locator(".axes .axis").first.evaluate("n => parseFloat(getComputedStyle(n).fontSize)")
        >= 12
    )


def test_on_a_telephone_charts_of_one_row_stay_beside_each_other(page):
    row = page.locator(".beside").first
    page.set_viewport_size({"width": 390, "height": 844})
    left, right = (row.locator("> div").nth(i).bounding_box() for i in (0, 1))
    assert left["y"] == right["y"]
    assert right["x"] < 390, "the next chart peeps out"
    row.evaluate("n => n.scrollLeft = n.scrollWidth")
    assert row.locator("> div").nth(1).bounding_box()["x"] < 100


def test_what_is_not_outlined_has_no_buttons_for_outlines(browser, tmp_path):
    drawn = outlines_of(np.kron(np.eye(2, dtype=int), np.ones((4, 4), int)))
    for name, outlines in (("plain", ()), ("outlined", drawn)):
        pane = Pane(image="", width=8, height=8, outlines=outlines)
        view = View(title="v", frames=(Frame(panes=(pane,)),))
        section = Section(title="s", blocks=[ImageViewer(title="i", views=(view,))])
        path = write_page(tmp_path / f"{name}.html", Page(title="p", sections=[section]))
        page = browser.new_page()
        page.goto(path.as_uri())
        problems = []
        page.on("pageerror", lambda error, told=problems: told.append(str(error)))
        page.locator(".stage").press("x")
        assert page.locator("[data-toggle]").count() == (3 if outlines else 0)
        assert page.locator(".stage path").count() == 0
        page.close()
        assert problems == []


def test_charts_are_seen_without_the_script(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator(".paper .chart").count() == 9
    assert page.locator(".paper .chart .plot path").count() > 20
    assert page.locator(".stage image").count() == 4
    context.close()


def test_a_cell_is_chosen_by_a_click_or_by_its_name_and_cells_can_be_pulled_apart(page):
    room = page.locator(".room.solid")
    canvas, about = room.locator("canvas"), room.locator(".picked")
    canvas.scroll_into_view_if_needed()
    if "WebGL" in about.inner_text():
        pytest.skip("this browser draws no solids")
    assert about.inner_text() == "5 cells"
    whole = canvas.screenshot()
    canvas.click(position={"x": 2, "y": 2})
    assert about.inner_text() == "5 cells"
    canvas.click()
    chosen = room.locator(".find").input_value()
    assert about.inner_text().startswith(f"cell {chosen} · ")
    assert chosen in "12345"
    other = "1" if chosen != "1" else "2"
    room.locator(".find").fill(other)
    page.mouse.move(2, 2)
    assert about.inner_text().startswith(f"cell {other} · ")
    canvas.press("Escape")
    assert about.inner_text() == "5 cells"
    room.locator(".apart input").fill("1")
    assert canvas.screenshot() != whole


def test_a_stack_opens_at_its_plane_and_walks_from_there(browser, tmp_path):
    cells = np.kron(np.arange(1, 10).reshape(3, 3), np.ones((4, 4), int))
    frames = [
        Frame(panes=(Pane(image="", width=12, height=12, outlines=outlines_of(c)),), index=n)
        for n in (1, 9, 4)
        for c in [np.where(cells <= n, cells, 0)]
    ]
    views = [View(title=t, frames=frames, walk="plane", length=20, opens_at=1) for t in "ab"]
    section = Section(title="s", blocks=[ImageViewer(title="i", views=views)])
    page = browser.new_page()
    page.goto(write_page(tmp_path / "p.html", Page(title="t", sections=[section])).as_uri())
    place, paths = page.locator(".walk output"), page.locator(".stage path")
    assert place.inner_text().startswith("plane 9 of 0")
    assert paths.count() == 9
    page.locator(".stage").focus()
    page.keyboard.press("ArrowLeft")
    assert place.inner_text().startswith("plane 1 of 0")
    assert paths.count() == 1
    page.locator(".choose").select_option("1")
    assert place.inner_text().startswith("plane 9 of 0")
    page.close()
