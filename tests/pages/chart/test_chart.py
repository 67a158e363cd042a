import csv
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.pages.chart import (
    Axis,
    Band,
    Bars,
    Chart,
    Guide,
    HeatMap,
    Line,
    Points,
    csv_text,
    draw_file,
    draw_plot,
    histogram,
    nice_ticks,
    number,
)
from fatescope.pages.chart.draw import legend_of
from fatescope.pages.chart.scales import scales_of

SVG = "{http://www.w3.org/2000/svg}"


def chart_of(*marks, x=None, y=None, **options):
    x, y = x or Axis(title="time", unit="min"), y or Axis(title="nuclei")
    return Chart(title="a chart", x=x, y=y, marks=marks, **options)


def parsed(chart):
    return ElementTree.fromstring(draw_plot(chart))


def marks_of(chart, name):
    plot = parsed(chart).find(f"{SVG}svg")
    return [g for g in plot.findall(f"{SVG}g") if g.get("data-name") == name]


def corners(element):
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", element.get("d"))]


def rows_of(chart):
    return list(csv.reader(io.StringIO(csv_text(chart))))


@pytest.mark.parametrize(
    ("low", "high", "n", "ticks"),
    [
        (0, 10, 5, [0, 2, 4, 6, 8, 10]),
        (3, 97, 5, [0, 20, 40, 60, 80, 100]),
        (0, 0.3, 3, [0, 0.1, 0.2, 0.3]),
        (5, 5, 2, [4.5, 5.0, 5.5]),
        (-1, 1, 2, [-1, 0, 1]),
    ],
)
def test_ticks_are_round_and_hold_the_range(low, high, n, ticks):
    assert nice_ticks(low, high, n=n) == pytest.approx(ticks)


def test_an_axis_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="two finite numbers in rising order"):
        nice_ticks(0, float("nan"), n=4)
    with pytest.raises(InputError, match=r"y axis .*nuclei.* no finite value"):
        draw_plot(chart_of(Line(name="a", x=[0, 1], y=[np.nan, np.nan])))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7.0, "7"),
        (0.04567, "0.0457"),
        (31.25, "31.2"),
        (-3.5, "−3.5"),
        (12345, "12\u202f345"),
        (1234.5, "1\u202f234"),
        (float("nan"), "–"),
    ],
)
def test_numbers_are_written_for_readers(value, text):
    assert number(value) == text


def test_points_lie_where_their_values_are_and_say_what_they_are():
    x, y = Axis(title="x", ends=(0, 4)), Axis(title="y", ends=(0, 20))
    chart = chart_of(Points(name="a", x=[0, 2, 4], y=[20, 10, 0], words="abc"), x=x, y=y)
    dots = list(marks_of(chart, "a")[0].iter(f"{SVG}path"))
    box = [float(v) for v in parsed(chart).find(f"{SVG}svg").get("viewBox").split()]
    expected = [(0, 0), (box[2] / 2, box[3] / 2), (box[2], box[3])]
    np.testing.assert_allclose([corners(d)[0] for d in dots], expected, atol=0.06)
    assert [d.find(f"{SVG}title").text for d in dots] == ["a", "b", "c"]


def test_a_line_breaks_where_a_value_is_unknown():
    chart = chart_of(Line(name="a", x=range(5), y=[1, 2, np.nan, 3, 4]))
    assert marks_of(chart, "a")[0].find(f"{SVG}path").get("d").count("M") == 2


def test_steps_hold_a_value_until_the_next_place():
    chart = chart_of(Line(name="alive", x=[0, 10, 20], y=[1, 0.5, 0], shape="steps"))
    places = corners(marks_of(chart, "alive")[0].find(f"{SVG}path"))
    assert [b for _, b in places[:2]] == [places[0][1]] * 2
    assert places[1][0] == places[2][0]


def test_a_logarithmic_axis_spaces_doublings_alike_and_leaves_out_zero():
    y = Axis(title="cells", scale="log2")
    chart = chart_of(Points(name="a", x=range(5), y=[0, 1, 2, 4, 8], words="abcde"), y=y)
    heights = [corners(d)[0][1] for d in marks_of(chart, "a")[0].iter(f"{SVG}path")]
    assert len(heights) == 4
    np.testing.assert_allclose(np.diff(heights), np.diff(heights)[0], atol=0.2)


def test_equal_proportions_keep_a_unit_equally_long_along_both_sides():
    x, y = Axis(title="x", ends=(0, 40)), Axis(title="y", ends=(0, 10))
    chart = chart_of(Points(name="a", x=[0], y=[0]), x=x, y=y, proportion="equal")
    box = [float(v) for v in parsed(chart).find(f"{SVG}svg").get("viewBox").split()]
    assert box[2] / 40 == pytest.approx(box[3] / 10, rel=0.01)


def test_named_rows_stand_from_top_to_bottom():
    y = Axis(title="row", labels=["A", "B"])
    _, scale = scales_of(chart_of(Points(name="a", x=[0, 0], y=[0, 1]), y=y))
    assert scale.shares(0) > scale.shares(1)


def test_bars_begin_at_zero_also_on_a_doubling_scale():
    for y in (Axis(title="rows"), Axis(title="rows", scale="log2")):
        chart = chart_of(Bars(name="a", x=[0, 1], height=[64, 256]), y=y)
        bars = list(marks_of(chart, "a")[0].iter(f"{SVG}rect"))
        feet = {round(float(b.get("y")) + float(b.get("height")), 1) for b in bars}
        assert feet == {250.0}  # the height of a plot


def test_the_legend_has_each_name_once_and_a_band_shares_that_of_its_line():
    chart = chart_of(
        Band(name="a", x=[0, 1], low=[0, 1], high=[2, 3]),
        Line(name="a", x=[0, 1], y=[1, 2]),
        Line(name="b", x=[0, 1], y=[3, 4], colour="#123456"),
    )
    assert [name for name, _ in legend_of(chart)] == ["a", "b"]
    assert dict(legend_of(chart))["b"] == "#123456"
    assert len(marks_of(chart, "a")) == 2
    assert "a" in [t.text for t in ElementTree.fromstring(draw_file([chart])).iter(f"{SVG}text")]


def test_the_numbers_have_a_row_for_each_place_under_the_words_of_the_axes():
    chart = chart_of(
        Line(name="total", x=[0, 1.5], y=[2, 4]),
        Points(name="by hand", x=[1.5], y=[3], low=[2], high=[4], words=["one, or two"]),
        Guide(words="end", axis="x", at=1),
    )
    assert rows_of(chart) == [
        ["series", "time (min)", "nuclei", "low", "high", "what"],
        ["total", "0", "2", "", "", ""],
        ["total", "1.5", "4", "", "", ""],
        ["by hand", "1.5", "3", "2", "4", "one, or two"],
        ["end", "1", "", "", "", ""],
    ]


def test_a_heat_map_gives_its_values_by_name_and_leaves_unknown_blank():
    x, y = Axis(title="column", labels=["1", "2"]), Axis(title="row", labels=["A", "B"])
    values = [[0.25, 0.5], [np.nan, 1]]
    chart = chart_of(HeatMap(name="viability", values=values, unit="share"), x=x, y=y)
    assert rows_of(chart) == [
        ["series", "column", "row", "viability (share)"],
        ["viability", "1", "A", "0.25"],
        ["viability", "2", "A", "0.5"],
        ["viability", "1", "B", ""],
        ["viability", "2", "B", "1"],
    ]
    assert marks_of(chart, "viability")[0].find(f"{SVG}image").get("href").startswith("data:")


def test_written_words_lie_on_no_point_and_on_no_other_words():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 1, (2, 30))
    names = [f"ABpl{i}" for i in range(30)]
    chart = chart_of(Points(name="a", x=x, y=y, words=names, written=names))
    shown = [t.text for t in parsed(chart).find(f"{SVG}g[@class='written']")]
    assert 15 < len([t for t in shown if t]) <= 30


def rows_of_guides(*marks):
    chart = Chart(
        title="t",
        x=Axis(title="x", ends=(0.0, 1.0)),
        y=Axis(title="y", ends=(0.0, 1.0)),
        marks=marks,
    )
    drawn = ElementTree.fromstring(draw_plot(chart)).iter(f"{SVG}text")
    return {t.text: float(t.get("data-at").split()[3]) for t in drawn if t.get("class") == "guide"}


def test_words_of_close_guides_and_a_line_stand_apart():
    guides = [Guide(words=w, axis="y", at=v) for w, v in (("one", 0.812), ("two", 0.810))]
    assert rows_of_guides(guides[0]) == {"one": -5}
    assert rows_of_guides(*guides) == {"one": -5, "two": 12}
    close = Line(name="l", x=np.linspace(0, 1, 50), y=np.full(50, 0.85))
    assert rows_of_guides(guides[0], close) == {"one": 12}


def test_bars_of_a_histogram_hold_every_value_and_the_median_is_marked():
    values = np.concatenate([np.random.default_rng(1).normal(50, 9, 300), [400.0]])
    chart = histogram(values, x=Axis(title="area", unit="µm²"), title="t", what="nuclei")
    bars, rug, median = chart.marks
    assert sum(bars.height) == len(rug.x) == 301
    assert median.at == np.median(values)
    assert len(histogram(np.full(5, 3.0), x=chart.x, title="t", what="n").marks[0].height) > 0


def test_a_large_sample_is_thinned_to_400_strokes():
    chart = histogram(np.arange(10_000.0), x=Axis(title="x"), title="t", what="n")
    assert len(chart.marks[1].x) == 400


@pytest.mark.parametrize("make", [draw_plot, lambda chart: draw_file([chart])])
def test_names_are_escaped(make):
    mark = Line(name="<b>&", x=[0], y=[1])
    svg = make(Chart(title='"<script>"', x=Axis(title="<i>"), y=Axis(title="&"), marks=[mark]))
    assert "<b>" not in svg
    assert "<i>" not in svg
    assert "<script>" not in svg
    ElementTree.fromstring(svg)


@pytest.mark.parametrize(("x", "y"), [([], []), ([1, 2], [1])])
def test_places_without_values_are_refused(x, y):
    with pytest.raises(InputError, match="as many values of each kind, one at least"):
        chart_of(Line(name="a", x=x, y=y))
