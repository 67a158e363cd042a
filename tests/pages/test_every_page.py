"""Pages of images and lineages obey one rule: what is seen first, and what is closed."""

import html
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

pytest.importorskip("playwright")

from tests.app.browsing import chromium, needs_chromium

from fatescope.pages.answer import read_answer

RUNS = {
    "nuclei": "predict nuclei odd",
    "movie": "predict nuclei movie",
    "sections": "predict nuclei-em sections",
    "phase": "predict phase-cells odd",
    "live-dead": "predict live-dead odd --least-score 0",
    "viability": "predict viability odd --spacing-um 1.3",
    "membranes": "predict membrane embryo/images --channel 1",
    "populations": "predict populations film/movies",
    "lineage": "predict lineage embryo/images --channel 0 --sequence --interval-min 1",
    "clean": "clean film/movies film/tables",
    "lint": "lineage lint film/tables",
    "draw": "lineage draw film/tables",
    "name": "lineage name film/tables",
    "compare": "lineage compare film/tables",
    "match": "lineage match grown/movies/embryo_000.mp4 grown/tables/CDembryo_000.csv",
    "models": "compare classical membrane --data slices",
    "plate": "plate run plate --map plate/map.csv",
    "stains": "plate labels plate --map plate/map.csv",
    "stitched": "plate stitch plate --rows 1 --columns 2",
}
INPUTS = (
    "simulate nuclei --frames 3 --height 160 --width 160 --seed 1 --out movie",
    "simulate nuclei --frames 1 --height 160 --width 160 --seed 2 --out still",
    "simulate sections --count 1 --height 200 --width 240 --seed 1 --out sections",
    "simulate embryo --cells 4 --height 110 --width 150 --planes 12 --out embryo",
    "simulate movie --frames 150 --height 96 --width 128 --seed 3 --out film",
    "simulate movie --minutes 90 --interval-min 1.5 --height 160 --width 224 --vary 0 --seed 3 "
    "--voxel-um 1.0,0.3,0.3 --out grown",
    "simulate embryo --cells 4,5,6,7,8 --channels membrane --height 110 --width 150 --planes 12 "
    "--out stages",
    "prepare slices stages --images images/embryo_000_t{frame}.tif --labels "
    "truth/labels/membrane/embryo_000_t{frame}.tif --spacing-um 1,0.3,0.3 --guard-frames 0 "
    "--validation 0.2 --test 0.2 --out slices",
    "simulate plate --rows 2 --columns 2 --stained 1 --field-rows 1 --field-columns 2 --frames 3 "
    "--cells 24 --height 160 --width 200 --seed 1 --out plate",
)
NAMES = ("1", "1e5", "2024-03-01", "wt nuclei, (3)")
SCREENS = 3.0
PHONE_SCREENS = 3.7
"""Before details; a phone has little room for a long caution."""


def call(*arguments, here):
    line = [sys.executable, "-m", "fatescope", *arguments]
    done = subprocess.run(line, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def said(text):
    """Words alone: a page begins a sentence with a capital, also where it begins with a name."""
    return " ".join(text.split()).casefold().removesuffix(".")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    here = tmp_path_factory.mktemp("pages")
    for line in INPUTS:
        call(*line.split(), here=here)
    (here / "odd").mkdir()
    still = next(here.glob("still/*.tif"))
    for name in NAMES:
        shutil.copy(still, here / "odd" / f"{name}.tif")
    (here / "odd/broken.tif").write_text("no image")
    return here


@pytest.fixture(scope="module", params=RUNS)
def page(request, rendered):
    printed = call(*RUNS[request.param].split(), "--out", f"out/{request.param}", here=rendered)
    return rendered / "out" / request.param / "report.html", printed


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.mark.slow
def test_a_page_says_its_answer_and_its_settings_can_be_copied(page):
    path, terminal = page
    answer = read_answer(path)
    assert re.search(r"\d", answer)
    assert answer.endswith(".")
    assert said(answer) in said(terminal)
    text = path.read_text("utf-8")
    shown = re.findall(r'aria-label="settings.toml">(.*?)</pre>', text, re.DOTALL)
    assert [tomllib.loads(html.unescape(t)) for t in shown]


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize(
    ("width", "height", "screens"), [(1280, 900, SCREENS), (390, 844, PHONE_SCREENS)]
)
def test_a_page_fits_the_screen_and_reads_as_people_write(page, browser, width, height, screens):
    view = browser.new_page(viewport={"width": width, "height": height})
    problems = []
    view.on("pageerror", lambda error: problems.append(str(error)))
    view.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    view.goto(page[0].as_uri())
    text = view.locator("body").inner_text()
    top = view.evaluate(
        "document.querySelector('section.folded').getBoundingClientRect().top + scrollY"
    )
    wide = view.evaluate("document.documentElement.scrollWidth")
    empty = view.locator("h1, h2, h3").evaluate_all(
        "all => all.filter(h => !h.textContent.trim()).length"
    )
    clipped = view.locator(".stage .scale text").evaluate_all(
        """all => all.filter(t => {
          const own = t.getBoundingClientRect(), whole = t.ownerSVGElement.getBoundingClientRect();
          return own.width && (own.right > whole.right + 1 || own.bottom > whole.bottom + 1);
        }).length"""
    )
    view.close()
    assert problems == []
    assert top / height <= screens
    assert wide <= width + 1
    assert empty == 0
    assert clipped == 0
    odd = r"\d(?:\.\d+)?e[+-]\d+|\b1 (?:images|cells|rows|files|frames|nuclei|movies|wells)\b"
    assert re.findall(rf"{odd}|\bnan\b|\bNone\b|\bundefined\b", text) == []
    if "odd" in RUNS[page[0].parent.name]:
        assert all(name in page[0].read_text("utf-8") for name in NAMES)
