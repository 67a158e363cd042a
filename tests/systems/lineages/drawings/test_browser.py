"""The lineage pages in a real browser, in three windows. Skipped where there is no Chromium."""

import itertools

import pytest
from tests.systems.nuclei.page.test_browser import CHROMIUM, browser

from fatescope.acquire.lineages import LineageReading, write_lineage
from fatescope.base import Execution
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.systems.lineages.draw import draw_lineages
from fatescope.systems.lineages.settings import DrawSettings

__all__ = ["browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]
WINDOWS = [(1300, 800), (1920, 1080), (420, 800)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of one embryo of 170 minutes, time to the right and down."""
    place = tmp_path_factory.mktemp("drawn")
    write_lineage(simulate_lineage(LineagePlan(), seed=1), place / "embryo.csv")
    for direction in ("right", "down"):
        draw_lineages(
            [place / "embryo.csv"],
            out=place / direction,
            settings=DrawSettings(
                deals=1, direction=direction, colour="blot" if direction == "down" else None
            ),
            reading=LineageReading(spacing_um=(1.0, 0.09, 0.09), interval_min=1.5),
            execution=Execution(workers=1),
        )
    return {d: place / d / "embryos" / "embryo" for d in ("right", "down")}


@pytest.fixture
def open_page(browser):
    opened, problems = [], []

    def open_(path, window=(1300, 800)):
        page = browser.new_page(viewport={"width": window[0], "height": window[1]})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(path.as_uri())
        opened.append(page)
        return page

    yield open_
    for page in opened:
        page.close()
    assert problems == []


def visible(page, selector):
    """Return the boxes of the elements that are shown."""
    return page.eval_on_selector_all(
        selector,
        "nodes => nodes.map((n) => { const r = n.getBoundingClientRect();"
        " return [r.left, r.top, r.right, r.bottom, n.textContent]; })"
        ".filter((b) => b[2] > b[0] || b[3] > b[1])",
    )


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("direction", ["right", "down"])
def test_the_whole_tree_fills_the_window(pages, open_page, window, direction):
    page = open_page(pages[direction] / "tree.html", window)
    frame = visible(page, "#tree")[0]
    branches = visible(page, ".cell .b")
    reached = [f(b[i] for b in branches) for i, f in ((0, min), (1, min), (2, max), (3, max))]
    assert reached[2] - reached[0] > 0.85 * (frame[2] - frame[0])
    assert reached[3] - reached[1] > 0.85 * (frame[3] - frame[1])


@pytest.mark.parametrize("window", WINDOWS)
def test_names_can_be_read_at_any_zoom_and_none_lies_over_another(pages, open_page, window):
    page = open_page(pages["right"] / "tree.html", window)
    n_named = 0
    for button in ("#all", "#in", "#in", "#read"):
        page.click(button)
        shown = visible(page, ".cell text")
        assert len(shown) >= n_named
        n_named = len(shown)
        assert all(b[3] - b[1] >= 9 for b in shown)
        for a, b in itertools.combinations(shown, 2):
            apart = a[2] < b[0] + 1 or b[2] < a[0] + 1 or a[3] < b[1] + 4 or b[3] < a[1] + 4
            assert apart, (a[4], b[4])
    assert n_named > 250  # every cell has its name


@pytest.mark.parametrize("window", WINDOWS)
def test_the_line_about_a_clicked_cell_is_seen_whole(pages, open_page, window):
    page = open_page(pages["right"] / "tree.html", window)
    page.fill("#find", "ABplaap")
    about = visible(page, "#about")[0]
    assert about[4].startswith("ABplaap · from")
    assert about[3] <= window[1]
    named = [b for b in visible(page, ".cell.chosen text") if b[4] == "ABplaap"]
    assert len(named) == 1
    page.locator("#tree").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#about").inner_text().startswith("ABplaa ")


@pytest.mark.parametrize("direction", ["right", "down"])
def test_zooming_keeps_the_chosen_cell_in_sight(pages, open_page, direction):
    page = open_page(pages[direction] / "tree.html")
    page.fill("#find", "MSapa")
    for button in ("#in", "#in", "#in", "#read", "#out", "#in"):
        page.click(button)
        frame, name = visible(page, "#tree")[0], visible(page, ".cell.chosen text")[0]
        assert frame[0] <= name[0]
        assert name[2] <= frame[2]
        assert frame[1] <= name[1]
        assert name[3] <= frame[3]


@pytest.mark.parametrize("window", WINDOWS)
def test_the_name_of_a_clicked_nucleus_is_seen_whole(pages, open_page, window):
    page = open_page(pages["right"] / "space.html", window)
    page.fill(".room .find", "ABplaap")
    about = visible(page, ".room .picked")[0]
    assert about[4].startswith("ABplaap · frames")
    assert about[3] <= window[1]
    width = "document.documentElement.scrollWidth - window.innerWidth"
    assert page.evaluate(width) <= 0


def test_a_click_chooses_a_nucleus_and_a_click_beside_lets_it_go(pages, open_page):
    page = open_page(pages["right"] / "space.html")
    box = page.locator("canvas").bounding_box()
    hits = 0
    for x, y in itertools.product(range(-3, 4), range(-2, 3)):
        page.mouse.click(
            box["x"] + box["width"] / 2 + 40 * x, box["y"] + box["height"] / 2 + 30 * y
        )
        name = page.locator(".room .find").input_value()
        if name:
            hits += 1
            page.mouse.move(box["x"] + 3, box["y"] + 3)
            assert page.locator(".room .picked").inner_text().startswith(f"{name} · frames")
    assert hits > 5
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    assert page.locator(".room .find").input_value() == ""
    assert page.locator(".room .picked").inner_text().endswith("nuclei")


def test_a_tree_coloured_minute_by_minute_shows_its_scale_and_follows_the_zoom(pages, open_page):
    page = open_page(pages["down"] / "tree.html")
    assert page.locator("#scale").is_visible()
    assert not page.locator("#legend").is_visible()
    low, high = (page.locator(f"#scale {t}").inner_text() for t in ("b", "em"))
    assert low.startswith("≤")
    assert high.startswith("≥")
    for _ in range(2):
        branch, runs = visible(page, ".cell .b"), visible(page, ".cell .r")
        assert len(runs) > 10
        assert min(r[1] for r in runs) >= min(b[1] for b in branch) - 6
        assert max(r[3] for r in runs) <= max(b[3] for b in branch) + 6
        page.click("#in")
    page.select_option("#colour", "lineage")
    assert page.locator("#legend").is_visible()
    assert page.locator(".cell .r").first.evaluate("n => getComputedStyle(n).display") == "none"


def test_colours_follow_the_choice(pages, open_page):
    page = open_page(pages["right"] / "tree.html")
    strokes = "nodes => nodes.map((n) => n.getAttribute('stroke'))"
    before = page.eval_on_selector_all(".cell .b", strokes)
    assert {"#330099", "#0072B2", "#56B4E9", "#0e494e"} <= set(before)
    page.select_option("#colour", "blot")
    after = page.eval_on_selector_all(".cell .b", strokes)
    assert after != before
    assert page.locator("#scale").is_visible()
