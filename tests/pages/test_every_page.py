"""Pages of commands obey one rule: what is seen first, and what is closed.

Pages of trainings, of tuning and of reproductions are looked at where these run.
"""

import contextlib
import shutil

import pytest
from typer.testing import CliRunner

pytest.importorskip("playwright")

from tests.app.browsing import chromium, needs_chromium
from tests.pages.looking import answer_of, fits_screens, settings_of

from fatescope.cli.main import load_commands
from fatescope.systems.registry import commands

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
    "measure": "measure movie/nuclei.tif movie/truth/labels/nuclei.tif",
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
FATESCOPE = load_commands()
SPREAD = tuple(c.name.split() for c in commands() if "execution" in c.settings)


def call(line, here):
    """Run a command where the test runs: a process of its own costs more than most of them."""
    words = line.split()
    alone = ["--workers", "1"] if any(words[: len(c)] == c for c in SPREAD) else []
    with contextlib.chdir(here):
        done = CliRunner().invoke(FATESCOPE, [*words, *alone])
    assert done.exit_code in (0, 1), done.output
    return done.output


def said(text):
    """Words alone: a page begins a sentence with a capital, also where it begins with a name."""
    return " ".join(text.split()).casefold().removesuffix(".")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    here = tmp_path_factory.mktemp("pages")
    for line in INPUTS:
        call(line, here)
    (here / "odd").mkdir()
    still = next(here.glob("still/*.tif"))
    for name in NAMES:
        shutil.copy(still, here / "odd" / f"{name}.tif")
    (here / "odd/broken.tif").write_text("no image")
    return here


@pytest.fixture(scope="module", params=RUNS)
def page(request, rendered):
    printed = call(f"{RUNS[request.param]} --out out/{request.param}", rendered)
    return rendered / "out" / request.param / "report.html", printed


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.mark.slow
def test_a_page_says_its_answer_and_its_settings_can_be_copied(page):
    path, terminal = page
    assert said(answer_of(path)) in said(terminal)
    here, name = path.parents[2], path.parent.name
    (here / "settings.toml").write_text(settings_of(path), encoding="utf-8")
    # Into the folder of the run, which would be refused if a setting were another one.
    call(f"{RUNS[name]} --settings settings.toml --out out/{name}", here)


@pytest.mark.slow
@needs_chromium
def test_a_page_fits_the_screen_and_reads_as_people_write(page, browser):
    path, _ = page
    fits_screens(path, browser)
    if "odd" in RUNS[path.parent.name]:
        assert all(name in path.read_text("utf-8") for name in NAMES)
