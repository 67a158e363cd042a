"""A preview is what the workflow gives on the part of the image that is in view."""

import base64
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from PIL import Image as Pillow
from tests.app.served import served, tree

from fatescope import read_image
from fatescope.acquire import write_image
from fatescope.app.previewing import (
    LARGEST_SIDE,
    MOST_PLANES,
    MOST_VOXELS,
    region_within,
    write_region,
)
from fatescope.base import Image, InputError, Spacing
from fatescope.systems.registry import question_named
from fatescope.systems.simulation.examples import write_volume


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running


@pytest.fixture(scope="module")
def client(app):
    return app.client()


def discs(path, size=900):
    """Eight dark or bright discs, two of them in the upper left quarter."""
    y, x = np.indices((size, size))
    places = [(100, 100), (100, 300), *((700, 100 * k) for k in range(1, 7))]
    inside = np.any([np.hypot(y - a, x - b) < 14 for a, b in places], axis=0)
    pixels = np.where(inside, 200, 20).astype(np.uint8)
    pixels += np.random.default_rng(0).integers(0, 9, pixels.shape).astype(np.uint8)
    spacing = Spacing.given((0.3,), None)
    write_image(path, [pixels], shape=pixels.shape, axes="YX", dtype=np.uint8, spacing=spacing)
    return path


def brought(client, path):
    data = client.add_data("to preview")
    assert client.put(data, path.name, path.read_bytes()).status == 201
    return data


def look(client, data, question, *view, n=0, t=0, z=0, **form):
    sides = dict(zip(("top", "left", "bottom", "right"), view, strict=True))
    sent = {f"view_{k}": v for k, v in {**sides, "t": t, "z": z}.items()}
    return client.post(f"/data/{data}/ask/{question}/preview/{n}", **sent, **form)


def outlines(said):
    body = base64.b64decode(said["outlines"].partition("base64,")[2])
    return np.asarray(Pillow.open(io.BytesIO(body)).convert("RGBA"))[..., 3] > 0


@pytest.mark.slow
def test_what_is_in_view_is_outlined_where_it_lies(client, tmp_path):
    data = brought(client, discs(tmp_path / "discs.tif"))
    said = look(client, data, "nuclei", 0, 0, 400, 500, diameter_px=28).json
    assert said["box"] == [0, 0, 400, 500]
    assert said["objects"] == {"objects": 2}
    drawn = outlines(said)
    assert drawn.shape == (400, 500)
    assert drawn[80:120, 80:120].any()
    assert drawn[80:120, 280:320].any()
    assert not drawn[200:].any()
    below = look(client, data, "nuclei", 600, 50, 800, 950, diameter_px=28).json
    assert below["box"] == [600, 50, 800, 900]
    assert below["objects"] == {"objects": 6}


def test_settings_act_on_the_preview(client, tmp_path):
    data = brought(client, discs(tmp_path / "discs.tif"))
    form = {"diameter_px": 28, "model": "classical"}
    assert look(client, data, "nuclei", 0, 0, 400, 500, **form).json["objects"]["objects"] == 2
    form["min_area_um2"] = 500
    assert look(client, data, "nuclei", 0, 0, 400, 500, **form).json["objects"]["objects"] == 0


def test_a_preview_is_what_the_workflow_gives_on_a_file_of_that_part(app, client, tmp_path):
    data = brought(client, discs(tmp_path / "discs.tif"))
    said = look(client, data, "nuclei", 10, 20, 410, 520, diameter_px=28).json
    image = read_image(tmp_path / "discs.tif")
    region = region_within(image, (10, 20, 410, 520), frame=0, plane=0)
    write_region(image, region, tmp_path / "part.tif")
    part = read_image(tmp_path / "part.tif")
    assert part.spacing.um("YX") == (0.3, 0.3)
    np.testing.assert_array_equal(part.read(), image.read()[10:410, 20:520])
    question_named("nuclei").answer(
        [tmp_path / "part.tif"], out=tmp_path / "out", values={"diameter_px": "28"}
    )
    labels = read_image(tmp_path / "out" / "labels" / "part.tif").read()
    edge = np.zeros(labels.shape, bool)
    edge[1:] |= labels[1:] != labels[:-1]
    edge[:-1] |= labels[1:] != labels[:-1]
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    np.testing.assert_array_equal(outlines(said), edge & (labels > 0))


@pytest.mark.slow
def test_cells_of_a_volume_and_dead_cells_are_previewed_too(app, client, tmp_path):
    (tmp_path / "v").mkdir()
    write_volume(tmp_path / "v")
    (path,) = (tmp_path / "v").iterdir()
    data = brought(client, path)
    said = look(client, data, "cells", 0, 0, 128, 180, z=15, channel="membrane").json
    assert said["objects"]["objects"] > 10
    assert outlines(said).any()
    # markers are places in the whole image: a part goes without them, and says so
    client.put(data, "cells.csv", b"frame,z,y,x\n0,15,60,90\n")
    marked = {"channel": "membrane", "markers": "cells.csv"}
    again = look(client, data, "cells", 0, 0, 128, 180, z=15, **marked).json
    assert (again["left_out"], again["objects"]) == (["markers"], said["objects"])
    data = brought(client, discs(tmp_path / "discs.tif"))
    said = look(client, data, "viability", 0, 0, 300, 300).json
    assert outlines(said).shape == (300, 300)
    assert set(said["objects"]) <= {"objects", "live", "dead"}


def test_nothing_is_left_on_the_disk_and_no_result_is_made(app, client, tmp_path):
    data = brought(client, discs(tmp_path / "discs.tif"))
    before = tree(app.store.folder)
    assert look(client, data, "nuclei", 0, 0, 300, 300, diameter_px=28).status == 200
    assert "problem" in look(client, data, "nuclei", 0, 0, 300, 300, diameter_px=-1).json
    assert tree(app.store.folder) == before


def test_many_previews_at_once_are_answered_or_told_to_wait(app, client, tmp_path):
    data = brought(client, discs(tmp_path / "discs.tif"))
    with ThreadPoolExecutor(20) as pool:
        said = list(
            pool.map(
                lambda n: look(client, data, "nuclei", 0, 0, 200, 200 + n, diameter_px=28).json,
                range(20),
            )
        )
    assert sum("box" in s for s in said) >= 8
    assert {s["problem"] for s in said if "problem" in s} <= {
        "Others look at previews just now. Try again in a moment."
    }
    assert "box" in look(client, data, "nuclei", 0, 0, 200, 200, diameter_px=28).json


def test_what_cannot_be_previewed_is_a_sentence(app, client, tmp_path):
    data = brought(client, discs(tmp_path / "discs.tif"))
    for view in ((0, 0, 0, 0), (2000, 2000, 3000, 3000), ("nan", 0, 9, 9), ("inf", 0, 9, 9)):
        answer = look(client, data, "nuclei", *view)
        assert answer.json["problem"].endswith(".")
    assert "no frame 3" in look(client, data, "nuclei", 0, 0, 9, 9, t=3).json["problem"]
    assert look(client, data, "nuclei", 0, 0, 9, 9, n=7).status in (400, 404)
    assert "no view" in client.post(f"/data/{data}/ask/nuclei/preview/0").json["problem"]
    assert look(client, data, "lint", 0, 0, 9, 9).status == 400
    other = app.client("somebody else")
    assert look(other, data, "nuclei", 0, 0, 9, 9).status == 404
    assert other.get(f"/data/{data}/images/0").status == 404
    assert other.get(f"/data/{data}/images/0/grey/0/0/9/0/0.png").status == 404


def test_the_image_of_a_form_is_seen_by_tiles(client, tmp_path):
    data = brought(client, discs(tmp_path / "discs.tif"))
    said = client.get(f"/data/{data}/images/0").json
    assert (said["width"], said["height"], said["levels"]) == (900, 900, 10)
    body = client.get(f"/data/{data}/images/0/grey/0/0/10/0/0.png?low=0&high=255").body
    found = np.asarray(Pillow.open(io.BytesIO(body)))
    np.testing.assert_array_equal(found, read_image(tmp_path / "discs.tif").read())
    assert client.get(f"/data/{data}/images/0/grey/0/0/10/9/9.png").status == 404


@pytest.mark.parametrize("planes", [1, 40, 200])
def test_a_view_of_a_large_image_is_cut_down_to_what_takes_a_moment(planes):
    shape = (planes, 30_000, 20_000)
    pixels = np.broadcast_to(np.uint8(0), shape)
    image = Image(pixels=pixels, axes="ZYX", spacing=Spacing())
    region = region_within(image, (0, 0, 30_000, 20_000), frame=0, plane=planes // 2)
    assert region.shape == ((LARGEST_SIDE,) * 2 if planes == 1 else (region.shape[0],) * 2)
    assert region.shape[0] > 150
    assert sum(region.rows) == pytest.approx(30_000, abs=2)
    assert region.planes[1] - region.planes[0] == min(planes, MOST_PLANES)
    assert region.planes[0] <= planes // 2 < region.planes[1]
    assert min(planes, MOST_PLANES) * region.shape[0] ** 2 <= MOST_VOXELS
    with pytest.raises(InputError, match="plane 200"):
        region_within(image, (0, 0, 9, 9), frame=0, plane=200)


@pytest.mark.parametrize("kind", [np.int32, np.float64, np.uint16])
def test_frames_and_channels_of_any_number_type_are_cut_out(tmp_path, kind):
    pixels = np.arange(2 * 3 * 4 * 20 * 30).reshape(2, 3, 4, 20, 30).astype(kind)
    spacing = Spacing.given((2.0, 0.5, 0.5), 3.0)
    image = Image(pixels=pixels, axes="TCZYX", spacing=spacing, channels=("a", "b", "c"))
    region = region_within(image, (5, 10, 15, 30), frame=1, plane=2)
    write_region(image, region, tmp_path / "part.tif")
    part = read_image(tmp_path / "part.tif")
    assert (part.axes, part.channels) == ("CZYX", ("a", "b", "c"))
    assert part.spacing.um("ZYX") == (2.0, 0.5, 0.5)
    np.testing.assert_array_equal(part.read(), pixels[1, :, :, 5:15, 10:30])
