"""By clicking alone: a first minute, and what is asked of own labels, pairs, plates, lineages."""

import re

import pytest

pytest.importorskip("playwright")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

import numpy as np
import tifffile
from tests.acquire.lineage_cases import TWO_DIVISIONS
from tests.app.browsing import (
    TELEPHONE,
    answered_first,
    done,
    expect,
    fits,
    keeps_the_rules,
    needs_chromium,
)
from tests.app.test_every_command import discs

from fatescope.acquire import write_table
from fatescope.acquire.lineages import write_lineage
from fatescope.acquire.movies import write_frames
from fatescope.base import Execution
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.simulate.embryo import LineageSettings, MovieScene, MovieSettings
from fatescope.simulate.embryo.truth import epic_table, spots_of
from fatescope.simulate.plate.settings import PlateSettings
from fatescope.systems.simulation.plates import simulate_plate
from fatescope.systems.simulation.rendered import read_or_draw

pytestmark = [needs_chromium, pytest.mark.slow]


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


def embryos(folder):
    folder.mkdir()
    for n, slowed in enumerate(({}, {"MS": 1.6})):
        lineage = simulate_lineage(LineagePlan(slowed=slowed), seed=n)
        write_lineage(lineage, folder / f"embryo {n}.csv", format="csv")


def movie_and_table(folder):
    """Thirty frames of an embryo, and its table two frames off."""
    folder.mkdir()
    look = {"height": 96, "width": 132, "voxel_um": (2.0, 0.5, 0.5), "planes": 16, "photons": 200.0}
    lives = read_or_draw(LineageSettings(minutes=90), table=None, seed=3)
    scene = MovieScene(lives, MovieSettings.from_values({**look, "neighbour": 0.0}), seed=3)
    frames = range(45, 75)
    spots = spots_of(scene.lives, list(frames), grid=scene.grid)
    table = epic_table(spots, pixel_um=0.5, reporter=np.zeros(len(spots)))
    write_table(table.with_columns({"time": table["time"] + 2}), folder / "CDembryo.csv")
    pixels = (scene.render(k) for k in frames)
    write_frames(folder / "embryo.mp4", pixels, frames_per_second=7, codec="mpeg4", kbit_s=400)


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
    "compare lineages": (embryos, "Compare embryos", {}, "differences.csv"),
    "match": (movie_and_table, "Lay a lineage on its movie", {}, "1 pair done"),
    "labels for Fiji": (
        own_labels,
        "Write outlines for another program",
        {"Format to write": "rois"},
        "4 label images done",
    ),
    "link": (lineage, "Link nuclei through time", {}, "spots.csv"),
}


WRITTEN_ANEW = ("convert", "labels for Fiji")
"""What they are asked for is a file, and no number."""


def opened(person, tmp_path, write, title):
    """Drop a folder that ``write`` fills, and open the form of a question."""
    write(tmp_path / "my files")
    page = person(bypass_csp=True)
    page.locator("#folder").set_input_files(str(tmp_path / "my files"))
    page.get_by_role("heading", name="What was read").wait_for()
    page.locator("a.card", has_text=title).click()
    return page


@pytest.mark.parametrize("name", ASKED)
def test_it_is_asked_answered_doubted_and_taken_away_by_clicking(person, tmp_path, name):
    write, title, chosen, words = ASKED[name]
    page = opened(person, tmp_path, write, title)
    for label, value in chosen.items():
        field = page.get_by_label(label, exact=True)
        field.select_option(value) if field.evaluate("f => f.tagName") == "SELECT" else field.fill(
            value
        )
    keeps_the_rules(page)
    page.locator("#run").click()
    done(page)
    expect(page.locator("main")).to_contain_text(words)
    if name not in WRITTEN_ANEW:
        answered_first(page)
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


def many_pairs(folder):
    own_labels(folder)
    rows = ["image,labels,unit,frame,split,role"]
    for n, split in enumerate(("train", "train", "validation", "test")):
        for place, pixels in (("images", image_of(discs(), n)), ("truth", discs())):
            tifffile.imwrite(folder / place / f"{n}.tif", pixels)
        rows.append(f"images/{n}.tif,truth/{n}.tif,{n},0,{split},instances")
    (folder / "samples.csv").write_text("\n".join(rows) + "\n")


def test_a_training_begins_is_stopped_goes_on_and_is_stopped_again(person, tmp_path):
    page = opened(person, tmp_path, many_pairs, "Train a model")
    page.get_by_label("Recipe", exact=True).select_option("nuclei")
    keeps_the_rules(page)
    page.locator("#run").click()
    for again in (True, False):
        expect(page.locator("#words")).to_contain_text(re.compile(r"Working|\d+ of \d+"))
        page.get_by_role("button", name="Stop", exact=True).click()
        page.locator(".state.stopped").wait_for()
        if again:
            page.get_by_role("button", name="Continue where it stopped").click()


def test_the_labels_of_a_result_leave_for_another_program(person):
    page = person()
    page.get_by_role("button", name=re.compile("^A movie of nuclei")).click()
    page.locator("a.card", has_text="Outline nuclei").first.click()
    page.locator("#run").click()
    done(page)
    page.get_by_label("Format to write", exact=True).select_option("geojson")
    page.get_by_role("button", name="Write outlines for another program").click()
    done(page)
    expect(page.locator("main")).to_contain_text("1 label image done")
    with page.expect_download() as taken:
        page.get_by_role("link", name=re.compile(r"dividing nuclei\.geojson")).click()
    assert b"FeatureCollection" in taken.value.path().read_bytes()
    page.get_by_text("The same without the app").click()
    expect(page.locator("#command")).to_contain_text("fatescope convert ")
    expect(page.locator("#command")).to_contain_text("--to geojson")


def test_cleaning_asks_for_the_kind_of_movie_and_how_strict_before_its_limits(person):
    page = person()
    page.get_by_role("button", name=re.compile("^A movie of nuclei")).click()
    page.locator("a.card", has_text="Clean a movie").click()
    shown = page.locator("#ask select:visible, #ask input:visible")
    assert shown.count() == 2
    page.get_by_label("How strict").select_option("lenient")
    page.get_by_label("What kind of movie").select_option("the light is switched on and off")
    page.get_by_text("The same without the app").click()
    expect(page.locator("#command")).to_contain_text("--blurred-share 0.5")
    expect(page.locator("#command")).to_contain_text("--flicker-step 2.5")
    page.get_by_text("More settings").click()
    page.get_by_label("Blurred share").fill("0.6")  # what is given counts more
    expect(page.locator("#command")).to_contain_text("--blurred-share 0.6")
