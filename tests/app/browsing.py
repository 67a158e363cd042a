"""A real browser for tests, and what nearly all of them do in it."""

from __future__ import annotations

import contextlib
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
AXE = Path(__file__).parent / "axe.min.js"
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or find_spec("playwright") is None, reason="needs Chromium and playwright"
)
PATIENCE_MS = 120_000


@contextlib.contextmanager
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def _told(message):
    return f"{message.text} ({message.location['url']})"


def _is_problem(message):
    """An edit that meets a lineage that was named in the meantime is refused, and sent again."""
    again = "status of 409" in message.text and "/edits/" in message.location["url"]
    return message.type == "error" and not again


@contextlib.contextmanager
def people(app, browser):
    """Open pages of somebody who came in by a link; nothing may fail or leave the machine."""
    problems, contexts = [], []
    own = f"http://127.0.0.1:{app.port}/"

    def opened(who="owner", **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: problems.append(_told(m)) if _is_problem(m) else None)
        page.on(
            "request",
            lambda r: None if r.url.startswith((own, "data:", "blob:")) else problems.append(r.url),
        )
        page.goto(f"{own}?token={app.store.make_link(who)}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == [], problems


def expect(locator):
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_MS)
    return expect(locator)


def eventually(page, check):
    """Wait until something that no locator can express is true."""
    waited = 0
    while not check():
        assert waited < PATIENCE_MS, "it did not come true"
        page.wait_for_timeout(50)
        waited += 50


def frames_of(page):
    """Return the page and the frames linked with it, all loaded; the report waits, folded."""
    frames = [page.main_frame, *(f for f in page.frames if "/linked/" in f.url)]
    for frame in frames:
        frame.wait_for_load_state()
    return frames


def keeps_the_rules(page):
    """Check the page and its frames by the rules of axe-core; the page was opened `bypass_csp`."""
    for frame in frames_of(page):
        frame.evaluate(AXE.read_text(encoding="utf-8"))
        found = frame.evaluate("axe.run(document, {iframes: false})")
        said = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found["violations"]]
        assert said == [], f"{frame.url}: {said}"
        assert len(found["passes"]) > 5, frame.url


def fits(page, *, text=1.0):
    """Check that the page and its frames need no scrolling to the side, with text so large."""
    for frame in frames_of(page):
        frame.evaluate("n => document.documentElement.style.fontSize = `${n * 100}%`", text)
        wide = frame.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1] + 1, (frame.url, wide)


TELEPHONE = {"viewport": {"width": 390, "height": 844}}
SIZES = [(TELEPHONE, 1.0), ({}, 2.0)]


def asked(page, path, question):
    """Drop a file, choose a question, press its button, and wait for the answer."""
    chosen(page, path, question)
    run(page)
    done(page)


def chosen(page, path, question):
    """Drop a file, or several, and open the form of a question."""
    page.locator("#files").set_input_files(path if isinstance(path, list) else str(path))
    page.get_by_role("heading", name="What was read").wait_for()
    page.locator("a.card", has_text=question).first.click()


def run(page):
    """Press the button of a form by its key, which no place on the page can spoil."""
    page.locator("#run").press("Enter")


def done(page):
    """Wait for the answer, as long as the work goes on, and for the scripts of its page."""
    from playwright.sync_api import TimeoutError

    ended = page.locator(".state.done, .state.failed, .state.stopped")
    before = None
    while not ended.count():
        now = page.locator("main").inner_text()
        assert now != before, f"nothing moves on {page.url}: {now}"
        before = now
        with contextlib.suppress(TimeoutError):
            ended.wait_for()
    assert page.locator(".state.done").count(), page.locator("main").inner_text()
    page.wait_for_load_state()


def answered_first(page):
    """Return the answer of a result, a sentence with a number; only a caution stands above it."""
    above = """a => {
      const found = [];
      for (let e = a.previousElementSibling; e.tagName !== "H1"; e = e.previousElementSibling)
        found.push(e.id);
      return found;
    }"""
    answer = page.locator("#answer")
    assert answer.evaluate(above) in ([], ["caution"])
    words = answer.inner_text()
    assert re.search(r"\d.*\.$", words), words
    return words


def drawn(page):
    """Wait until the viewer has drawn all that it was asked for, and nothing moves."""
    page.locator("#stage[data-drawn=all]").wait_for()
