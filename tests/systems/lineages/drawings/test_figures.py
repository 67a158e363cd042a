import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.pages.chart import Axis, ColourScale, Points, draw_file
from fatescope.pages.page import SpaceViewer, tracks_in_space
from fatescope.pages.page.space import space_data
from fatescope.systems.lineages import drawings as show

NASTY = "<b>&\"'"


def parse(svg):
    """A drawing must be whole XML, whatever the names are."""
    return ET.fromstring(svg)


def small_tree(**more):
    return show.TreeBranches(
        name=["P1", "EMS", NASTY],
        founder=["P1", "EMS", ""],
        note=["a", NASTY, "c"],
        start=np.array([0.0, 5.0, 5.0]),
        end=np.array([5.0, 9.0, 12.0]),
        across=np.array([0.5, 0.0, 1.0]),
        mother=np.array([-1, 0, 0]),
        **more,
    )


STYLE = show.TreeStyle(title=NASTY, time_label="time (min)")


@pytest.mark.parametrize("direction", ["right", "down"])
def test_a_tree_draws_each_cell_once_with_length_by_time(direction):
    style = show.TreeStyle(title="t", time_label="time (min)", length_px=1200, direction=direction)
    svg = parse(show.draw_tree(small_tree(), style))
    cells = [g for g in svg.iter() if g.get("class") == "cell"]
    assert [g.get("data-i") for g in cells] == ["0", "1", "2"]
    lengths = []
    for g in cells:
        start, end = re.match(r"M([\d.]+),([\d.]+)[HV]([\d.]+)", g[1].get("d")).group(
            1 if direction == "right" else 2, 3
        )
        lengths.append(float(end) - float(start))
    np.testing.assert_allclose(lengths, [500, 400, 700], atol=0.2)


def test_colours_follow_the_values_and_unknown_is_grey():
    scale = ColourScale(kind="amount", low=0, high=10, label="blot")
    tree = small_tree(
        run_cell=np.array([0, 1, 2]),
        run_start=np.array([0.0, 5.0, 5.0]),
        run_end=np.array([5.0, 9.0, 12.0]),
        run_value=np.array([-5.0, 10.0, np.nan]),
    )
    runs = [r for r in parse(show.draw_tree(tree, STYLE, scale)).iter() if r.get("class") == "r"]
    assert [r.get("stroke") for r in runs] == ["#440154", "#fde725", "#bdbdbd"]


def test_a_scale_needs_two_different_ends():
    with pytest.raises(InputError, match="two different finite ends"):
        ColourScale(kind="amount", low=1, high=1, label="x")


def test_the_tree_page_holds_its_data_and_reaches_for_nothing_outside():
    tree = small_tree()
    column = show.CellColumn(
        np.array([1.0, np.nan, 3.0]), ColourScale(kind="amount", low=0, high=3, label="v")
    )
    page = show.tree_page(show.draw_tree(tree, STYLE), tree, {"v": column}, title=NASTY)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    assert data["mother"] == [-1, 0, 0]
    assert data["columns"]["v"]["value"] == [1.0, None, 3.0]
    assert data["name"][2] == NASTY
    assert NASTY not in page  # escaped wherever it stands in the page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert page.count("http") == page.count("http://www.w3.org/2000/svg")


def spread(n=300, seed=0):
    rng = np.random.default_rng(seed)
    track = np.repeat(np.arange(n // 10), 10)
    return rng.normal(0, 8, (n, 3)), np.tile(np.arange(10), n // 10), track


def test_space_keeps_places_to_a_tenth_of_a_micrometre():
    body, frame, track = spread(30)
    viewer = SpaceViewer(
        title="t",
        tracks=tracks_in_space(body, frame, track, ["A", "B", NASTY], ["AB", "E", "none"]),
        colours={"AB": "#000", "E": "#111"},
    )
    data = space_data(viewer)
    assert [t["g"] for t in data["tracks"]] == [0, 1, 2]
    got = np.array(data["tracks"][1]["p"]).reshape(-1, 3) / 10
    np.testing.assert_allclose(got, body[track == 1], atol=0.051)


def test_paths_end_in_a_dot_and_keep_one_scale():
    body, frame, track = spread()
    groups = ["AB" if i % 2 else "E" for i in range(30)]
    colours = {"AB": "#000000", "E": "#00ff00"}
    charts = show.chart_paths(
        body, frame, track, groups, colours, axis_names=("x", "y", "z"), title=NASTY
    )
    parse(draw_file(charts, note=NASTY))
    dots = [m for m in charts[0].marks if isinstance(m, Points)]
    assert [len(m.x) for m in dots] == [15, 15]
    last = body[frame == 9][1::2]  # the tracks of AB
    np.testing.assert_allclose(np.stack([dots[0].x, dots[0].y], axis=1), last[:, :2])
    reach = [c.x.ends[1] - c.x.ends[0] for c in charts]
    widths = [c.width_px - 80 for c in charts]
    np.testing.assert_allclose(np.array(widths) / reach, widths[0] / reach[0], rtol=0.01)


def test_territories_are_a_map_for_each_group_and_side():
    body, _, track = spread()
    group = np.array(["AB", "E"], dtype=object)[track % 2]
    colours = {"AB": "#000000", "E": "#00ff00"}
    charts = show.chart_territories(
        body, group, colours, axis_names=("x", "y", "z"), rng=np.random.default_rng(0)
    )
    assert [c.title for c in charts[:2]] == ["AB, from the left", "E, from the left"]
    assert len(charts) == 6
    parse(draw_file(charts, columns=2))


def test_overlaps_that_are_unknown_are_left_out():
    overlaps = [
        show.TerritoryOverlap(
            group="AB", values=(0.2, 0.3), mean=0.25, low=0.2, high=0.3, chance=0.7
        ),
        show.TerritoryOverlap(
            group="E", values=(), mean=np.nan, low=np.nan, high=np.nan, chance=np.nan
        ),
    ]
    svg = draw_file([show.chart_overlaps(overlaps, {"AB": "#000000"})])
    parse(svg)
    assert "nan" not in svg


def test_populations_say_where_not_all_are_annotated():
    time = np.arange(20.0)
    counts = {"total": np.floor(2 ** (time / 4)), "AB": np.floor(2 ** (time / 5)) - 1}
    axis = Axis(title="time", unit="min")
    chart = show.chart_populations(
        time, counts, {"AB": "#000"}, time_axis=axis, title="t", outside_scope=(10, 19)
    )
    assert "not all annotated" in draw_file([chart])


def test_timing_shows_by_how_much_each_cell_is_late():
    time = np.arange(20.0)
    names, groups = [NASTY] * 20, ["AB"] * 20
    charts = show.chart_timing(
        time, time + 1, np.ones(20), names, groups, {"AB": "#000"}, title="t", caption=""
    )
    late = charts[1].marks[-1]
    assert late.y.tolist() == [1.0] * 20
    assert late.words[0] == f"{NASTY}: +1.0 min"
    parse(draw_file(charts))


def test_bars_pie_and_differences_bear_any_name():
    parse(draw_file([show.chart_class_bars([NASTY, "E"], [8, 0], [8, 8], ["", "E"], title="t")]))
    parse(show.draw_class_pie({NASTY: 98, "E": 1, "C": 0}, ["", "E", "C"], title="t"))
    parse(show.draw_class_pie({"E": 5}, ["E"], title="t"))
    chart = show.chart_differences(
        np.array([3.0, -1.0, np.nan]),
        np.array([1e-9, 0.5, np.nan]),
        [NASTY, "E", "D"],
        ["AB"] * 3,
        {"AB": "#000"},
        limit=0.05,
        x=Axis(title="x"),
        title="t",
    )
    parse(draw_file([chart]))
    assert list(chart.marks[-1].written) == [NASTY, ""]
