"""A page as a reader gets it: one file, whole, with everything that it was given."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from tests.pages.page.gallery import gallery, pane

from fatescope.base import InputError
from fatescope.pages.page import (
    LIMIT_BYTES,
    Code,
    Frame,
    ImageViewer,
    Page,
    PageTable,
    Pane,
    Place,
    Section,
    Text,
    View,
    fullest,
    outlines_of,
    render_page,
    write_page,
)

NASTY = "<script>alert(1)</script>\"'&</title>"


@pytest.fixture(scope="module")
def page():
    return render_page(gallery()).decode("utf-8")


class Attributes(HTMLParser):
    """Gathers (tag, name, value) of everything in a page."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found += [(tag, *a) for a in attrs]


def test_a_strict_parser_finds_no_fault(page):
    html5lib = pytest.importorskip("html5lib")
    html5lib.HTMLParser(strict=True).parse(page)


def test_ids_are_unique_and_what_refers_to_them_finds_them(page):
    found = Attributes(page).found
    ids = [v for _, n, v in found if n == "id"]
    assert len(ids) == len(set(ids))
    referring = ("aria-labelledby", "aria-describedby", "for", "list", "data-copy")
    named = {v for _, n, v in found if n in referring}
    inside = {v[1:] for _, n, v in found if n == "href" and v.startswith("#")}
    assert named | inside <= set(ids)


def test_nothing_is_loaded_from_outside(page):
    for tag, name, value in Attributes(page).found:
        if name in ("src", "href", "action", "data", "poster", "srcset"):
            assert value.startswith(("data:image/", "data:text/", "#")), (tag, name, value[:80])
    assert not re.search(r"@import|url\(|fetch\(|XMLHttp|WebSocket|//cdn", page)
    assert "default-src 'none'" in page


def test_everything_that_moves_has_a_name_for_those_who_do_not_see_it(page):
    found = Attributes(page).found
    stages = [v for t, n, v in found if n == "role" and v in ("application", "img")]
    labels = [v for t, n, v in found if n in ("aria-label", "aria-labelledby") and v]
    assert stages
    assert len(labels) >= len(stages)


def test_names_stay_text_wherever_they_stand():
    place = Place(title=NASTY, reason=NASTY, view=0)
    view = View(title=NASTY, frames=(Frame(panes=(pane(np.eye(4, dtype=int), title=NASTY),)),))
    blocks = (
        Text(paragraphs=(NASTY,), links=[("a.html", NASTY)]),
        PageTable(columns=(NASTY,), rows=[(NASTY,)], title=NASTY),
        Code(text=NASTY, title=NASTY),
        ImageViewer(title=NASTY, views=(view,), places=(place,), layers={NASTY: "#000"}),
    )
    page = render_page(
        Page(title=NASTY, lead=NASTY, sections=[Section(title=NASTY, blocks=blocks)])
    )
    assert b"<script>alert" not in page
    assert page.count(b"</title>") == 1


def test_columns_of_numbers_are_known():
    rows = [("a", "1\u202f234", "−0.5", "3 to 4"), ("b", "–", "", "5")]
    assert PageTable(columns="wxyz", rows=rows).numeric == {1, 2}
    assert PageTable(rows=rows).numeric == frozenset()


def test_a_long_table_sorts_and_a_short_one_does_not():
    def sortable(n):
        table = PageTable(columns=("a",), rows=[("x",)] * n)
        return b'class="sortable"' in render_page(
            Page(title="t", sections=[Section(title="s", blocks=[table])])
        )

    assert sortable(6)
    assert not sortable(5)


def test_images_beyond_the_limit_are_left_out_and_counted():
    frame = Frame(
        panes=(Pane(image="data:image/png;base64," + "A" * 3_000_000, width=9, height=9),)
    )
    views = [View(title=str(i), frames=(frame,), about="About it.") for i in range(12)]
    places = [Place(title="kept", reason="", view=0), Place(title="lost", reason="", view=11)]
    viewer = ImageViewer(title="t", views=views, places=places)
    page = render_page(Page(title="t", sections=[Section(title="s", blocks=[viewer])]))
    assert len(page) <= LIMIT_BYTES
    left = int(re.search(rb"About it. (\d+) images were left out", page)[1])
    assert 5 < left < 12
    assert page.count(b'class="jump"') == 1


def test_an_image_that_stands_in_several_panes_is_stored_once_for_each_frame():
    one = "data:image/png;base64,AAAA"
    panes = [Pane(image=one, width=4, height=4, title=t) for t in ("truth", "old", "new")]
    views = [View(title=str(i), frames=(Frame(panes=panes),)) for i in range(2)]
    viewer = ImageViewer(title="t", views=views)
    page = render_page(Page(title="t", sections=[Section(title="s", blocks=[viewer])]))
    assert page.count(one.encode()) == 3 + 1  # the first frame is drawn without the script


def test_a_view_without_images_or_with_panes_that_come_and_go_is_refused():
    with pytest.raises(InputError, match="holds no image"):
        View(title="t", frames=())
    one = pane(np.eye(4, dtype=int))
    with pytest.raises(InputError, match="differ in their panes"):
        View(title="t", frames=(Frame(panes=(one,)), Frame(panes=(one, one))))


def test_a_stack_opens_where_most_is_seen_without_the_script_too():
    cells = np.kron(np.arange(1, 10).reshape(3, 3), np.ones((4, 4), int))
    frames = [
        Frame(panes=(Pane(image="", width=12, height=12, outlines=outlines_of(c)),), index=n)
        for n in (1, 9, 9, 4)
        for c in [np.where(cells <= n, cells, 0)]
    ]
    assert fullest(frames) == 1  # of two, the one nearer the middle, or the first
    view = View(title="v", frames=frames, walk="plane", opens_at=fullest(frames))
    page = render_page(
        Page(
            title="t",
            sections=[Section(title="s", blocks=[ImageViewer(title="i", views=[view])])],
        )
    ).decode()
    drawn = page[page.index('class="stage"') : page.index('class="walk"')]
    assert drawn.count("<path") == 9
    shortened = View(title="v", frames=frames[:1], opens_at=3)
    assert shortened.opening == 0


def test_outlines_are_those_of_the_wanted_labels():
    labels = np.kron(np.array([[1, 0], [0, 7]]), np.ones((3, 3), int))
    (found,) = outlines_of(labels, {7}, layer="missed", colour=lambda _: "#123456")
    assert (found.label, found.at, found.layer, found.colour) == (
        7,
        (4.5, 4.5),
        "missed",
        "#123456",
    )


def test_the_same_page_gives_the_same_bytes(tmp_path):
    first = write_page(tmp_path / "a.html", gallery()).read_bytes()
    assert write_page(tmp_path / "b.html", gallery()).read_bytes() == first
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["a.html", "b.html"]


def test_a_column_of_intervals_is_there_only_where_one_of_them_is():
    none = PageTable(columns=("run", "AP", "95 %"), rows=[("a", "0.4", "3 images: none")])
    assert (none.columns, [*map(list, none.rows)]) == (("run", "AP"), [["a", "0.4"]])
    for span in ("0.41 to 0.52", "−0.1 to 0.3"):
        rows = [("a", "0.4", span), ("b", "0.5", "one image: none")]
        assert PageTable(columns=("run", "AP", "95 %"), rows=rows).columns[2] == "95 %"


def test_a_heading_names_an_interval_only_where_a_cell_has_one():
    spans = ("0.41 (0.30 to 0.52)", "+0.1 (-0.1 to +0.3)", "12 [3, 40] µM")
    for cell, heading in (*((s, "AUPRC (95 %)") for s in spans), ("0.41", "AUPRC"), ("", "AUPRC")):
        assert PageTable(columns=("run", "AUPRC (95 %)"), rows=[("a", cell)]).columns[1] == heading
