import dataclasses
import io

import numpy as np
import pytest
from PIL import Image as PillowImage
from tests.report.cases import many_images_report, movie_report

from fatescope.base import InputError
from fatescope.report import draw_story, write_story


def _pixels(png):
    return np.asarray(PillowImage.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_three_panels_on_white_paper_within_the_size_that_a_readme_bears(tmp_path):
    path = write_story(tmp_path / "story.png", movie_report())
    assert path.stat().st_size <= 300_000
    pixels = _pixels(path.read_bytes())
    assert pixels.shape[1] > 3 * 400
    assert (pixels[:10] == 255).all()


def test_outlines_are_coloured_and_the_input_is_grey():
    pixels = _pixels(draw_story(movie_report()))
    colourful = np.ptp(pixels, axis=2) > 60
    # Left, middle and right panel; the chart has one line in one colour.
    left, middle, right = (colourful[60:, a : a + 430].sum() for a in (20, 488, 955))
    assert left == 0
    assert middle > 3 * right > 0


def test_the_last_frame_and_its_count_are_shown():
    report = movie_report()
    fewer = dataclasses.replace(report, previews=report.previews[:3])
    assert draw_story(report) != draw_story(fewer)


def test_the_same_report_gives_the_same_bytes():
    assert draw_story(movie_report()) == draw_story(movie_report())


def test_pictures_alone_are_refused():
    with pytest.raises(InputError, match="shows no movie"):
        draw_story(many_images_report(3))
