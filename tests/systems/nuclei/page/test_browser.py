"""The page in a real browser: what hands can do with it. Skipped where there is no Chromium."""

import shutil

import pytest
from tests.systems.nuclei.page.cases import many_images_report, movie_report

from fatescope.systems.nuclei.page.page import write_report

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Open a report; afterwards there must have been no error and no request beside the file."""
    pages, problems = [], []

    def opened(report, **options):
        path = write_report(tmp_path / "report.html", report)
        page = browser.new_page(**options)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on(
            "request",
            lambda r: problems.append(r.url) if not r.url.startswith(("file:", "data:")) else None,
        )
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert problems == []


def _width(page):
    return float(page.locator(".stage svg").get_attribute("viewBox").split()[2])


def test_the_slider_and_the_keys_step_through_frames(open_page):
    page = open_page(movie_report())
    assert page.locator(".stage path").count() == 8
    page.locator(".stage").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".stage path").count() == 10
    assert page.locator(".look .walk output").inner_text() == "frame 1 of 0–5 · 1.5 min · n = 10"
    page.locator(".look .walk input").fill("5")
    assert page.locator(".stage path").count() == 18


def test_zoom_by_key_button_and_wheel_and_back(open_page):
    page = open_page(movie_report())
    page.locator(".stage").focus()
    page.keyboard.press("+")
    by_key = _width(page)
    page.click(".viewer .in")
    by_button = _width(page)
    page.locator(".stage").hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function(
        f"document.querySelector('.stage svg').viewBox.baseVal.width < {by_button}"
    )
    assert 160 > by_key > by_button > _width(page)
    page.click(".viewer .fit")
    assert _width(page) == 160


def test_the_scale_bar_follows_the_zoom(open_page):
    page = open_page(movie_report())
    before = page.locator(".stage .scale text").text_content()
    for _ in range(6):
        page.click(".viewer .in")
    after = page.locator(".stage .scale text").text_content()
    assert before.endswith("µm")
    assert float(after.split()[0]) < float(before.split()[0])


def test_layers_switch_on_and_off_and_say_so(open_page):
    page = open_page(movie_report())
    page.locator(".stage").focus()
    page.keyboard.press("x")
    assert page.locator(".stage path").count() == 0
    assert page.locator("[data-toggle=outlines]").get_attribute("aria-pressed") == "false"
    page.click("[data-toggle=image]")
    assert page.locator(".stage image").count() == 0
    page.click("[data-toggle=numbers]")
    assert page.locator(".stage text").first.text_content() == "1"


def test_a_doubtful_object_is_jumped_to_and_named(open_page):
    page = open_page(movie_report())
    page.click(".jump")
    assert page.locator(".picked").inner_text().startswith("Nucleus 5: ")
    assert "frame 2" in page.locator(".look .walk output").inner_text()
    assert page.locator(".stage path.chosen").count() == 1
    assert _width(page) < 160
    assert page.evaluate("document.activeElement.matches('.stage')")


def test_a_nucleus_says_its_size_when_clicked(open_page):
    page = open_page(movie_report())
    page.locator(".stage path").nth(3).click()
    assert page.locator(".picked").inner_text().startswith("Nucleus 4: ")
    assert "µm²" in page.locator(".picked").inner_text()


def test_tables_sort_both_ways(open_page):
    page = open_page(many_images_report(12))
    page.locator("#images summary").click()
    head = page.locator("#images th button").nth(1)
    head.click()
    column = page.locator("#images tbody tr td:nth-child(2)")
    counts = [int(t) for t in column.all_inner_texts()]
    assert counts == sorted(counts)
    head.click()
    assert [int(t) for t in column.all_inner_texts()] == counts[::-1]
    assert page.locator("#images th").nth(1).get_attribute("aria-sort") == "descending"


def test_another_image_can_be_chosen(open_page):
    page = open_page(many_images_report(12))
    page.select_option(".choose", "5")
    assert page.locator(".stage path").count() == 9


def test_images_are_walked_by_buttons_keys_and_small_images(open_page):
    page = open_page(many_images_report(12))
    title = "document.querySelector('.choose').selectedOptions[0].textContent"
    page.click(".viewer .next")
    assert page.evaluate(title) == "plate/00001.tif"
    page.click(".viewer .previous")
    page.click(".viewer .previous")
    assert page.evaluate(title) == "plate/00011.tif"
    page.locator(".stage").focus()
    page.keyboard.press("PageDown")
    assert page.evaluate(title) == "plate/00000.tif"
    assert page.locator(".strip button").count() == 12
    page.locator(".strip button").nth(5).click()
    assert page.evaluate(title) == "plate/00005.tif"
    assert page.locator(".strip [aria-current=true] img").get_attribute("alt") == "plate/00005.tif"
    assert page.locator(".stage path").count() == 9


def test_a_dim_image_is_made_brighter_and_white_is_said(open_page):
    page = open_page(movie_report())
    page.locator(".contrast input").fill("2")
    assert page.locator(".stage image").get_attribute("style") == "filter:brightness(4)"
    assert page.locator(".contrast output").inner_text() == "white is 1010"  # 12 + (4000 - 12) / 4
    page.locator(".stage").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".stage image").get_attribute("style") == "filter:brightness(4)"


def test_a_print_has_a_first_page_with_image_and_scale_bar(open_page):
    page = open_page(movie_report(), viewport={"width": 720, "height": 1040})
    page.emulate_media(media="print")
    stage = page.locator(".stage svg").bounding_box()
    bar = page.locator(".stage .scale rect").bounding_box()
    assert stage["y"] + stage["height"] < 1040
    drawn = min(stage["width"], stage["height"])  # 160 pixels of 0.2 µm
    assert bar["width"] / drawn * 32 == pytest.approx(5, rel=0.05)
    assert not page.locator(".viewer > .tools").is_visible()


@pytest.mark.parametrize("options", [{"viewport": {"width": 320, "height": 640}}, {}])
def test_nothing_runs_out_of_the_page_sideways(open_page, options):
    page = open_page(movie_report(), **options)
    if not options:
        page.add_style_tag(content="html{font-size:200%}")
    excess = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(excess) <= 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page, scheme):
    page = open_page(movie_report(), color_scheme=scheme)
    for selector in (
        ".hint",
        "a",
        "h1",
        "button[aria-pressed=true]",
        "figcaption",
        "code",
    ):
        ratio = page.evaluate(CONTRAST, selector)
        assert ratio >= 4.5, (selector, ratio)


CONTRAST = """(selector) => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((v) => {
      v /= 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const node = document.querySelector(selector);
  let ground = node;
  const clear = (n) => numbers(getComputedStyle(n).backgroundColor)[3] === 0;
  while (ground && clear(ground)) ground = ground.parentElement;
  const a = light(numbers(getComputedStyle(node).color));
  const b = light(numbers(getComputedStyle(ground ?? document.body).backgroundColor));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


def test_the_page_can_be_read_without_its_script(browser, tmp_path):
    path = write_report(tmp_path / "report.html", movie_report())
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator(".stage path").count() == 8
    assert page.locator(".stage image").count() == 1
    assert not page.locator(".viewer > .tools").is_visible()
    context.close()
