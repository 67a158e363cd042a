"""The app in a real browser: from a file to an answer, by mouse, by keyboard, on a small screen."""

import re
import time
from collections import Counter

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("playwright.sync_api")
from tests.acquire.lineage_cases import TWO_DIVISIONS
from tests.app.browsing import (
    SIZES,
    asked,
    done,
    drawn,
    expect,
    fits,
    keeps_the_rules,
    needs_chromium,
    run,
)
from tests.app.served import served
from tests.app.test_answers import nuclei_tiff

from fatescope.acquire.lineages import write_lineage
from fatescope.app.store import OWNER

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "my nuclei.tif"
    nuclei_tiff(path, size=160)
    return path


@pytest.fixture(scope="module")
def answer(app, browser, image):
    """The address of an answered question, for those that look at it in several ways."""
    page = browser.new_page()
    page.set_default_timeout(90_000)
    page.goto(f"http://127.0.0.1:{app.port}/?token={app.store.make_link('owner')}")
    asked(page, image, "Outline nuclei")
    address = page.url
    page.close()
    return address


def test_from_an_image_to_labels_slider_and_download(person, image, tmp_path):
    page = person()
    page.locator("#files").set_input_files(str(image))
    page.get_by_role("heading", name="What was read").wait_for()
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("my nuclei.tif")
    expect(row).to_contain_text("160 × 160 px, 16 bit")
    expect(row).to_contain_text("not known")
    page.get_by_role("link", name="Outline nuclei Every").click()
    expect(page.get_by_text("If you know it, give it here")).to_be_visible()
    page.get_by_label("Pixel size").fill("0.3")
    page.locator("#estimate").filter(has_text="1 file: about").wait_for()
    run(page)
    done(page)
    expect(page.locator("#counts-done")).to_contain_text("objects in")
    expect(page.locator("#answer")).to_contain_text("nuclei")
    page.locator("#rows tbody tr").first.wait_for()
    expect(page.locator("#scale")).to_have_text(re.compile("µm$"))
    # the slider acts: other tiles are asked for, and what is shown changes
    drawn(page)
    before = page.locator("#stage").screenshot()
    with page.expect_request(lambda r: "/grey/" in r.url and "high=" in r.url) as tile:
        page.locator("#high").focus()
        page.keyboard.press("Home")
    assert tile.value.response().status == 200
    drawn(page)
    assert page.locator("#stage").screenshot() != before
    with page.expect_download() as download:
        page.get_by_role("link", name="Table (CSV)").click()
    table = tmp_path / "objects.csv"
    download.value.save_as(table)
    assert table.read_text().startswith("image,label,frame,z,y,x,")


def test_an_image_smaller_than_half_a_tile_is_seen(person, tmp_path):
    nuclei_tiff(tmp_path / "small.tif", size=90)
    page = person()
    with page.expect_response(lambda r: "/grey/" in r.url and r.status == 200):
        asked(page, tmp_path / "small.tif", "Outline nuclei")
    drawn(page)


@pytest.mark.slow  # a thousand files go through the browser
def test_a_thousand_small_images_become_one_table(person, tmp_path):
    one = nuclei_tiff(tmp_path / "one.tif", size=64)
    images = [tmp_path / "many" / f"{n:04d}.tif" for n in range(1000)]
    images[0].parent.mkdir()
    for path in images:
        path.write_bytes(one)
    page = person()
    page.set_default_timeout(300_000)  # for the files to arrive
    asked(page, [str(p) for p in images], "Outline nuclei")
    with page.expect_download() as download:
        page.get_by_role("link", name="Table (CSV)").click()
    download.value.save_as(tmp_path / "objects.csv")
    rows = (tmp_path / "objects.csv").read_text().splitlines()[1:]
    found = Counter(row.split(",")[0] for row in rows)
    assert len(found) == len(images)
    assert len(set(found.values())) == 1, "the same image gives the same nuclei"


def test_pointing_tells_and_picking_links_image_and_table(person, answer):
    page = person()
    page.goto(answer)
    drawn(page)
    page.locator("#rows tbody tr").nth(2).click()
    page.locator(".pick path").wait_for()
    chosen = page.locator("#rows tr[aria-current=true]").get_attribute("data-label")
    expect(page.locator("#picked")).to_have_text(re.compile(f"^Object {chosen} · "))
    expect(page.locator("#picked")).not_to_contain_text("µm")
    page.locator("#stage").focus()
    box = page.locator(".pick").bounding_box()
    page.keyboard.press("Escape")
    expect(page.locator(".pick")).to_have_count(0)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    current = page.locator("#rows tr[aria-current=true]")
    expect(current).to_have_attribute("data-label", chosen)


def test_a_lineage_table_is_checked_and_its_report_is_shown(person, tmp_path):
    path = write_lineage(TWO_DIVISIONS, tmp_path / "embryo.csv", format="csv")
    page = person()
    asked(page, path, "Check lineages")
    page.locator("summary", has_text="Report").click()
    frame = page.frame_locator("iframe.report")
    frame.get_by_role("heading", name="Check of lineages").wait_for()


def test_who_leaves_while_the_work_ends_is_not_called_back(person, app):
    data = app.store.add_data(OWNER, "files")
    job = app.store.add_job(OWNER, data=data.id, question="nuclei", inputs=[], settings={})
    assert app.store.move_job(job.id, before=("waiting",), now="running")  # nobody does it
    page, home = person(), f"http://127.0.0.1:{app.port}/"

    def slowly(route):
        app.store.move_job(job.id, before=("running",), now="stopped")
        time.sleep(1.5)
        route.continue_()

    page.goto(f"{home}results/{job.id}")
    page.locator("#words", has_text="Working").wait_for()
    page.route(home, slowly)
    page.get_by_role("link", name="Files and results").click()
    page.wait_for_url(home)
    page.get_by_role("heading", name="Results").wait_for()


def test_the_whole_way_by_keyboard(person, app):
    page = person("by-keyboard")
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        style = focused.evaluate("e => getComputedStyle(e.labels?.[0] ?? e).outlineStyle")
        assert style != "none", focused.evaluate("e => e.outerHTML")[:80]
        if "lineage table" in focused.inner_text():
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="What was read").wait_for()
    page.wait_for_load_state()
    for _ in range(20):
        page.keyboard.press("Tab")
        if "Check lineages" in page.locator(":focus").inner_text():
            break
    page.keyboard.press("Enter")
    page.locator("#ask").wait_for()
    page.wait_for_load_state()
    page.keyboard.press("Tab")
    while page.locator(":focus").get_attribute("id") != "run":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    done(page)


def test_keys_of_the_image(person, answer):
    page = person()
    page.goto(answer)
    page.locator("#rows tbody tr").first.wait_for()
    drawn(page)
    page.locator("#stage").focus()
    for style in ("filled", "none", "outlines"):
        page.keyboard.press("l")
        expect(page.locator("#style")).to_have_value(style)
    scale = page.locator("#scale").inner_text()
    for _ in range(5):
        page.keyboard.press("+")
    expect(page.locator("#scale")).not_to_have_text(scale)
    page.keyboard.press("0")
    expect(page.locator("#scale")).to_have_text(scale)


PAGES = {
    "home": lambda page, answer: None,
    "files": lambda page, answer: page.locator(".list a[href^='/data/']").first.click(),
    "question": lambda page, answer: (
        page.locator(".list a[href^='/data/']").last.click(),
        page.locator("a.card").first.click(),
        page.locator("details.more summary").click(),
    ),
    "result": lambda page, answer: (
        page.goto(answer),
        page.locator("#rows tbody tr").first.wait_for(),
        page.locator("details.ways summary").click(),
    ),
    "help": lambda page, answer: page.get_by_role("link", name="Help").click(),
    "models": lambda page, answer: page.get_by_role("link", name="Models").click(),
    "model": lambda page, answer: (
        page.get_by_role("link", name="Models").click(),
        page.locator("a.card").first.click(),
    ),
}

ADDRESSES = {
    "home": "/$",
    "files": "/data/[^/]+$",
    "question": "/ask/",
    "result": "/results/",
    "help": "/help$",
    "models": "/models$",
    "model": "/models/.+",
}


def visit(page, name, answer):
    PAGES[name](page, answer)
    page.wait_for_url(re.compile(ADDRESSES[name]))  # and until it is loaded


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_the_rules_of_accessibility(person, answer, name, scheme):
    page = person(bypass_csp=True, color_scheme=scheme)
    visit(page, name, answer)
    keeps_the_rules(page)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_telephone_and_text_of_twice_the_size(person, answer, name):
    for screen, text in SIZES:
        page = person(**screen)
        visit(page, name, answer)
        fits(page, text=text)


def test_two_tabs_and_a_page_that_is_loaded_again_show_the_same(person, answer):
    page = person()
    page.goto(answer)
    other = person()
    other.goto(answer)
    expect(other.locator("h1")).to_have_text(page.locator("h1").inner_text())
    page.reload()
    expect(page.locator(".state.done")).to_have_count(1)


def test_nothing_works_without_the_link(app, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{app.port}/")
    expect(page.locator("h1")).to_have_text("Not let in")
    context.close()


def test_a_page_of_another_origin_cannot_ask_for_anything(app, browser, tmp_path):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{app.port}/?token={app.store.make_link('owner')}")
    before = len(app.store.all_data("owner"))
    (tmp_path / "evil.html").write_text(
        f'<form method="post" action="http://127.0.0.1:{app.port}/examples/lineage"></form>'
    )
    page.goto((tmp_path / "evil.html").as_uri())
    page.evaluate("document.forms[0].submit()")
    page.get_by_text("A page of another site").wait_for()
    assert len(app.store.all_data("owner")) == before
    context.close()


def test_a_large_file_that_is_refused_while_it_is_sent_says_why(browser, tmp_path):
    """The server answers and hangs up with the body unread; the browser has to read the answer."""
    large = tmp_path / "large.tif"
    with large.open("wb") as file:
        file.truncate(50_000_000)
    with served(tmp_path / "files", largest_sum="1MB") as app:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{app.port}/?token={app.store.make_link(OWNER)}")
        page.locator("#files").set_input_files(large)
        expect(page.locator("#drop-problem")).to_contain_text("1 MB are left of what your files")
        context.close()
