"""What holds for the page of every command: its answer, its settings, and how it fits a screen."""

import html
import re
import tomllib

from tests.app.browsing import chromium

from fatescope.pages.answer import read_answer

SIZES = {(1280, 900): 3.0, (390, 844): 3.7}
"""Width and height, and how many screens may stand before details; a caution is long on a phone."""
ODD = re.compile(
    r"\d(?:\.\d+)?e[+-]\d+|\b1 (?:images|cells|rows|files|frames|nuclei|movies|wells|embryos)\b"
    r"|\bnan\b|\bNone\b|\bundefined\b|\(\)|\[\]"
)
CLIPPED = """all => all.filter(t => {
  const own = t.getBoundingClientRect(), whole = t.ownerSVGElement.getBoundingClientRect();
  return own.width && (own.right > whole.right + 1 || own.bottom > whole.bottom + 1);
}).map(t => t.textContent)"""
OVERLAPPING = """all => {
  const boxes = all.map(t => [t, t.getBoundingClientRect()]).filter(([t, b]) => b.width);
  const over = ([t, a], [u, b]) => t.ownerSVGElement === u.ownerSVGElement
    && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  return boxes.flatMap((one, i) => boxes.slice(i + 1).filter(other => over(one, other))
    .map(other => `${one[0].textContent} over ${other[0].textContent}`));
}"""


def answer_of(path):
    """Return the answer of a page: a sentence with a number."""
    answer = read_answer(path)
    assert re.search(r"\d", answer)
    assert answer.endswith(".")
    return answer


def settings_of(path):
    """Return the settings that a page gives to copy, which are TOML: the last of its files."""
    text = path.read_text("utf-8")
    shown = re.findall(r'aria-label="[\w-]+\.toml">(.*?)</pre>', text, re.DOTALL)
    assert [tomllib.loads(html.unescape(t)) for t in shown]
    return html.unescape(shown[-1])


def fits_screens(path, browser):
    """Open a page at both sizes: nothing fails, is cut, overlaps, or stands there as no person
    writes it."""
    for (width, height), screens in SIZES.items():
        view = browser.new_page(viewport={"width": width, "height": height})
        problems = []
        view.on("pageerror", lambda error, said=problems: said.append(str(error)))
        view.on("console", lambda m, said=problems: said.append(m.text) if m.type == "error" else 0)
        view.goto(path.as_uri())
        text = view.locator("body").inner_text()
        top = view.evaluate(
            "document.querySelector('section.folded').getBoundingClientRect().top + scrollY"
        )
        wide = view.evaluate("document.documentElement.scrollWidth")
        empty = view.locator("h1, h2, h3").evaluate_all(
            "all => all.filter(h => !h.textContent.trim()).length"
        )
        clipped = view.locator(".stage .scale text").evaluate_all(CLIPPED)
        overlapping = view.locator(".plotted .axes text").evaluate_all(OVERLAPPING)
        view.close()
        where = f"{path.parent.name} at {width} px"
        assert problems == [], where
        assert top / height <= screens, where
        assert wide <= width + 1, where
        assert empty == 0, where
        assert clipped == [], where
        assert overlapping == [], where
        assert ODD.findall(text) == [], where


def reads_well(path):
    """Look at one page, where no browser is open."""
    answer_of(path)
    settings_of(path)
    with chromium() as browser:
        fits_screens(path, browser)
