import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image as PillowImage
from tests.systems.nuclei.page.cases import many_images_report, movie_report

from fatescope.base import InputError
from fatescope.pages import colour_of
from fatescope.systems.nuclei.page.overview import draw_overview, write_overview

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn():
    return ElementTree.fromstring(draw_overview(movie_report()))


def test_the_image_is_the_last_frame_that_is_shown(drawn):
    uri = drawn.find(f".//{SVG}image").get("href")
    grey = np.asarray(PillowImage.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))
    last, first = movie_report().previews[-1].image, movie_report().previews[0].image
    assert grey.shape == last.shape
    away = [np.abs(grey.astype(int) - image).mean() for image in (last, first)]
    assert away[0] < 6 < away[1]  # JPEG moves grey values a little, another frame far


def test_each_nucleus_of_that_frame_has_its_outline_in_its_colour(drawn):
    outlines = drawn.find(f".//{SVG}g[@class='outlines']").findall(f"{SVG}path")
    assert [o.get("stroke") for o in outlines] == [colour_of(label) for label in range(1, 19)]


def test_the_title_counts_them_and_the_chart_ends_there(drawn):
    words = [t.text for t in drawn.iter(f"{SVG}text")]
    assert {"frame 5 of the movie", "18 nuclei outlined", "counted over time"} <= set(words)
    places = drawn.find(f".//{SVG}path[@class='dots']").get("d")
    heights = [float(y) for y in re.findall(r",([\d.]+)h0", places)]
    steps = -np.diff(heights)  # 8, 10, 12 ... 18: the same step each time, upwards
    assert len(heights) == 6
    np.testing.assert_allclose(steps, steps[0], atol=0.2)
    assert steps[0] > 0


def test_the_scale_bar_is_as_long_as_it_says(drawn):
    bar = drawn.find(f".//{SVG}g[@class='scale']")
    um = float(bar.find(f"{SVG}text").text.removesuffix(" µm"))
    assert float(bar.find(f"{SVG}rect").get("width")) * 0.2 == pytest.approx(um)


def test_the_file_holds_the_same_every_time(tmp_path):
    first = write_overview(tmp_path / "a.svg", movie_report()).read_bytes()
    assert write_overview(tmp_path / "b.svg", movie_report()).read_bytes() == first


def test_images_alone_are_refused():
    with pytest.raises(InputError, match="shows no movie"):
        draw_overview(many_images_report(3))
