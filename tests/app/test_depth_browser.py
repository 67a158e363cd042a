"""Movies and volumes in a real browser: pointing, rows and objects, the same one through time."""

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("playwright.sync_api")
from tests.app.browsing import (
    SIZES,
    asked,
    chosen,
    done,
    drawn,
    expect,
    fits,
    keeps_the_rules,
    needs_chromium,
    run,
)

from fatescope.acquire import write_labels
from fatescope.base import Spacing

pytestmark = [needs_chromium, pytest.mark.slow]
PLANES, SIDE, FRAMES = 9, 96, 4


def balls(places, radius=12.0, flat=3.0):
    """Draw bright balls in a volume whose planes lie far apart."""
    z, y, x = np.indices((PLANES, SIDE, SIDE))
    volume = np.full((PLANES, SIDE, SIDE), 20.0)
    for c, b, a in places:
        far = np.hypot(np.hypot(y - b, x - a), (z - c) * flat)
        volume += 180 / (1 + np.exp(far - radius))
    return volume.astype(np.uint8)


def written(path, pixels, axes):
    how = {"shape": pixels.shape, "axes": axes, "dtype": pixels.dtype}
    steps = {"Z": 1.5, "Y": 0.5, "X": 0.5} if axes == "ZYX" else {}
    how["spacing"] = Spacing.of(source="user", **steps)
    write_labels(path, pixels, **how)


def discs(places, radius=11.0):
    y, x = np.indices((SIDE, SIDE))
    frame = np.full((SIDE, SIDE), 20.0)
    for b, a in places:
        frame += 180 / (1 + np.exp(np.hypot(y - b, x - a) - radius))
    return frame.astype(np.uint8)


@pytest.fixture(scope="module")
def volume(app, browser, tmp_path_factory):
    path = tmp_path_factory.mktemp("volume") / "balls.tif"
    written(path, balls([(2, 24, 24), (6, 70, 30), (4, 40, 70)]), "ZYX")
    page = browser.new_page()
    page.set_default_timeout(90_000)
    page.goto(f"http://127.0.0.1:{app.port}/?token={app.store.make_link('owner')}")
    asked(page, path, "Outline nuclei")
    address = page.url
    page.close()
    return address


@pytest.fixture(scope="module")
def movie(app, browser, tmp_path_factory):
    """Two nuclei that pass each other, linked."""
    path = tmp_path_factory.mktemp("movie") / "two.tif"
    frames = [discs([(28, 20 + 12 * t), (68, 68 - 12 * t)]) for t in range(FRAMES)]
    written(path, np.stack(frames), "TYX")
    page = browser.new_page()
    page.set_default_timeout(90_000)
    page.goto(f"http://127.0.0.1:{app.port}/?token={app.store.make_link('owner')}")
    chosen(page, path, "Outline nuclei")
    page.get_by_label("Link").check()
    run(page)
    done(page)
    address = page.url
    page.close()
    return address


def middle_of(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def in_stage(page):
    """Return where the picked object lies, in shares of the stage."""
    x, y = middle_of(page.locator(".pick"))
    box = page.locator("#stage").bounding_box()
    return (x - box["x"]) / box["width"], (y - box["y"]) / box["height"]


def test_a_row_of_a_volume_shows_its_object_in_its_plane_and_pointing_tells(person, volume):
    page = person()
    page.goto(volume)
    drawn(page)
    expect(page.locator("#rows tbody tr")).to_have_count(3)
    row = page.locator("#rows tbody tr").nth(1)
    label = row.get_attribute("data-label")
    row.click()
    page.locator(".pick path").wait_for()
    names = page.locator("#rows thead th").all_inner_texts()
    z = round(float(row.locator("td").nth(names.index("z")).inner_text()))
    expect(page.locator("#z")).to_have_value(str(z))
    expect(page.locator("#picked")).to_contain_text("volume")
    # another plane of the same object: it stays picked
    page.locator("#stage").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#z")).to_have_value(str(z - 1))
    expect(page.locator("#rows tr[aria-current=true]")).to_have_attribute("data-label", label)
    x, y = middle_of(page.locator(".pick"))
    page.keyboard.press("Escape")
    expect(page.locator(".pick")).to_have_count(0)
    # pointing tells, a click finds the row again
    drawn(page)
    page.mouse.move(x, y)
    expect(page.locator("#picked b")).to_have_text(f"Object {label}")
    page.mouse.click(x, y)
    expect(page.locator("#rows tr[aria-current=true]")).to_have_attribute("data-label", label)


def open_space(page, volume):
    page.goto(volume)
    drawn(page)
    page.locator("#space summary").click()
    space = page.frame_locator("iframe[data-linked=solid]")
    expect(space.locator(".picked")).to_have_text("3 labels")
    return space


def test_objects_in_space_keep_the_rules_of_accessibility(person, volume):
    page = person(bypass_csp=True)
    open_space(page, volume)
    keeps_the_rules(page)


def test_objects_in_space_fit_a_telephone_and_text_of_twice_the_size(person, volume):
    for screen, text in SIZES:
        page = person(**screen)
        open_space(page, volume)
        fits(page, text=text)


def test_an_object_in_space_its_image_and_its_row_are_linked(person, volume):
    page = person()
    space = open_space(page, volume)
    # from a row to space
    page.locator("#rows tbody tr").nth(2).click()
    label = page.locator("#rows tbody tr").nth(2).get_attribute("data-label")
    expect(space.locator(".picked")).to_contain_text(f"label {label}")
    # from space to the row, and its plane
    other = page.locator("#rows tbody tr").nth(0).get_attribute("data-label")
    space.locator(".find").fill(other)
    chosen = page.locator("#rows tr[aria-current=true]")
    expect(chosen).to_have_attribute("data-label", other)
    expect(page.locator("#picked b")).to_have_text(f"Object {other}")


def test_a_nucleus_of_a_linked_movie_keeps_its_number_and_stays_picked(person, movie):
    page = person()
    page.goto(movie)
    drawn(page)
    expect(page.locator("#rows tbody tr")).to_have_count(2)
    row = page.locator("#rows tbody tr").first
    label = row.get_attribute("data-label")
    row.click()
    page.locator(".pick path").wait_for()
    before = in_stage(page)
    page.locator("#stage").focus()
    for t in range(1, FRAMES):
        page.keyboard.press("ArrowRight")
        expect(page.locator("#t")).to_have_value(str(t))
        expect(page.locator("#picked b")).to_have_text(f"Object {label}")
        chosen = page.locator("#rows tr[aria-current=true]")
        expect(chosen).to_have_attribute("data-label", label)
    page.locator(".pick path").wait_for()
    after = in_stage(page)
    assert abs(after[1] - before[1]) < 0.05  # it went along its line
    assert abs(after[0] - before[0]) > 0.2
    expect(page.get_by_role("link", name="tracks.csv")).to_have_count(1)
