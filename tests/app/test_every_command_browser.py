"""By clicking alone: a first minute, and what is asked of own labels, pairs, plates, lineages."""

import re

import pytest

pytest.importorskip("playwright")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

import numpy as np
import tifffile
from tests.acquire.lineage_cases import TWO_DIVISIONS
from tests.app.browsing import TELEPHONE, done, expect, fits, keeps_the_rules, needs_chromium
from tests.app.test_every_command import discs

from fatescope.acquire.lineages import write_lineage
from fatescope.base import Execution
from fatescope.simulate.plate.settings import PlateSettings
from fatescope.systems.simulation.plates import simulate_plate

pytestmark = needs_chromium


def test_the_first_answer_takes_three_clicks(person):
    page, clicks = person(), 0
    for name in (r"^A movie of nuclei", r"^Outline nuclei Every", r"^Outline nuclei$"):
        page.get_by_role("button", name=re.compile(name)).or_(
            page.get_by_role("link", name=re.compile(name))
        ).first.click()
        clicks += 1
    done(page)
    expect(page.locator("#answer")).to_contain_text(re.compile(r"\d+ nuclei"))
    assert clicks <= 6


def image_of(labels, seed):
    noise = np.random.default_rng(seed).integers(0, 20, labels.shape)
    return (100 * (labels > 0) + noise).astype(np.uint8)


def own_labels(folder):
    for n, name in enumerate(("a.tif", "b.tif")):
        for place, pixels in (
            ("images", image_of(discs(), n)),
            ("truth", discs()),
            ("found", discs(shift=3)),
        ):
            (folder / place).mkdir(exist_ok=True, parents=True)
            tifffile.imwrite(folder / place / name, pixels)


def pairs(folder):
    own_labels(folder)
    rows = [f"images/{n}.tif,truth/{n}.tif,{n},0,test,instances" for n in "ab"]
    (folder / "samples.csv").write_text(
        "\n".join(["image,labels,unit,frame,split,role", *rows]) + "\n"
    )


def lineage(folder):
    folder.mkdir()
    write_lineage(TWO_DIVISIONS, folder / "embryo.csv", format="csv")


def plate(folder):
    settings = PlateSettings(
        rows=1, columns=1, stained=1, field_rows=1, field_columns=2, frames=1, cells=24,
        height=160, width=200,
    )  # fmt: skip
    made = folder.with_name("made")
    simulate_plate(made, settings=settings, seed=3, execution=Execution(workers=1))
    (made / "images").rename(folder)


ASKED = {
    "measure": (
        own_labels,
        "Measure my own outlines",
        {"Label images": "my files/truth"},
        "8 objects",
    ),
    "evaluate": (
        own_labels,
        "Score outlines against the truth",
        {"True labels": "my files/truth", "Labels to be scored": "my files/found"},
        "AP 0.50 pooled",
    ),
    "compare": (pairs, "Compare two models", {"Old model": "classical"}, "classical"),
    "stitch": (plate, "Stitch the fields of wells", {"Rows": "1", "Columns": "2"}, "1 well done"),
    "convert": (lineage, "Convert lineages", {"Format to write": "newick"}, "1 file done"),
    "link": (lineage, "Link nuclei through time", {}, "spots.csv"),
}


@pytest.mark.parametrize("name", ASKED)
def test_it_is_asked_answered_doubted_and_taken_away_by_clicking(person, tmp_path, name):
    write, title, chosen, words = ASKED[name]
    write(tmp_path / "my files")
    page = person(bypass_csp=True)
    page.locator("#folder").set_input_files(str(tmp_path / "my files"))
    page.get_by_role("heading", name="What was read").wait_for()
    page.locator("a.card", has_text=title).click()
    for label, value in chosen.items():
        field = page.get_by_label(label, exact=True)
        field.select_option(value) if field.evaluate("f => f.tagName") == "SELECT" else field.fill(
            value
        )
    keeps_the_rules(page)
    page.locator("#run").click()
    done(page)
    expect(page.locator("main")).to_contain_text(words)
    keeps_the_rules(page)
    if name != "evaluate":  # its numbers are on the page
        with page.expect_download() as taken:
            page.get_by_role("link", name="Download everything").click()
        assert taken.value.suggested_filename.endswith(".zip")
    page.get_by_text("The same without the app").click()
    expect(page.locator("#command")).to_contain_text("fatescope ")
    page.set_viewport_size(TELEPHONE["viewport"])
    fits(page)
    page.go_back()
    fits(page)
