"""A block of a page in a notebook."""

import xml.etree.ElementTree as ET
from html import unescape

import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.pages.chart import Axis, Chart, Line
from fatescope.pages.images import png_uri
from fatescope.pages.page import (
    Drawing,
    Frame,
    ImageViewer,
    Pane,
    Text,
    View,
    outlines_of,
    show,
    view_images,
)

CHART = Chart(
    title="Cells & more",
    x=Axis(title="time", unit="min"),
    y=Axis(title="number of cells"),
    marks=[Line(name="cells", x=[0, 20, 40], y=[2, 4, 8])],
)


def viewer():
    labels = np.zeros((40, 60), int)
    labels[5:20, 5:25] = 1
    pane = Pane(
        image=png_uri(labels.astype(np.uint8)),
        width=60,
        height=40,
        outlines=outlines_of(labels),
        title="a < b",
    )
    return ImageViewer(title="found", views=[View(title="one", frames=[Frame(panes=[pane, pane])])])


def test_a_chart_is_a_frame_that_holds_a_whole_page_and_needs_no_network():
    shown = show(CHART)._repr_html_()
    frame = ET.fromstring(shown)
    page = frame.attrib["srcdoc"]
    assert frame.tag == "iframe"
    assert frame.attrib["title"] == "Cells & more"
    assert "<script" in page
    assert 'class="plot"' in page
    assert 'src="http' not in unescape(shown)
    assert show(CHART)._repr_html_() == shown


def test_scripts_of_a_frame_reach_nothing_outside_of_it():
    sandbox = ET.fromstring(show(CHART)._repr_html_()).attrib["sandbox"]
    assert "allow-same-origin" not in sandbox


@pytest.mark.parametrize("block", [CHART, viewer()], ids=["chart", "images"])
def test_where_scripts_do_not_run_there_is_a_drawing(block):
    drawn = ET.fromstring(show(block)._repr_svg_())
    assert drawn.tag.endswith("svg")
    assert float(drawn.attrib["width"]) > 200


def test_panes_stand_side_by_side_in_the_drawing():
    drawn = show(viewer())._repr_svg_()
    inner = ET.fromstring(drawn).findall("{http://www.w3.org/2000/svg}svg")
    assert [s.attrib["x"] for s in inner] == ["0", "328"]
    assert "a &lt; b" in drawn


def test_a_drawing_is_itself_and_words_have_none():
    assert show(Drawing(svg="<svg/>", title="tree"))._repr_svg_() == "<svg/>"
    assert show(Text(paragraphs=["words"]))._repr_svg_() is None


def test_the_height_can_be_chosen_and_follows_the_chart():
    assert show(CHART, height_px=300).height_px == 300
    tall = Chart(title="a", x=CHART.x, y=CHART.y, marks=CHART.marks, height_px=800)
    assert show(tall).height_px > show(CHART).height_px + 300
    with pytest.raises(InputError, match="40 or more; got 3"):
        show(CHART, height_px=3)


def test_images_are_brightened_and_get_their_outlines_and_titles():
    image = np.zeros((20, 30))
    image[5:9, 5:9] = 0.01
    viewer = view_images(
        [image, image], [image > 0, image > 1], title="two", titles=["a", "b"], um=0.5
    )
    first, second = viewer.views[0].frames[0].panes
    assert (first.width, first.height, first.title) == (30, 20, "a")
    assert [len(first.outlines), len(second.outlines)] == [1, 0]
    assert viewer.views[0].um == 0.5


@pytest.mark.parametrize(
    ("images", "labels", "titles", "said"),
    [
        ([], [], [], "there is none"),
        ([np.zeros((4, 4))], [np.zeros((4, 5), int)], [], r"shape \(4, 5\) do not fit"),
        ([np.zeros((4, 4))], [], ["a", "b"], "2 do not fit 1"),
    ],
)
def test_what_does_not_fit_the_images_is_said(images, labels, titles, said):
    with pytest.raises(InputError, match=said):
        view_images(images, labels, title="x", titles=titles)
