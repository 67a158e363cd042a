from xml.etree import ElementTree

import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.report.svg import histogram, line_chart, nice_ticks, number, strip_chart


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


def _parse(svg):
    return ElementTree.fromstring(svg)


def test_a_line_shows_every_point_with_its_value_and_both_units():
    svg = _parse(
        line_chart([0, 2, 4], [8, 9, 12], x_label="time (min)", y_label="nuclei", title="t")
    )
    circles = list(svg.iter("circle"))
    assert [c.find("title").text for c in circles] == [
        "time (min) 0: 8",
        "time (min) 2: 9",
        "time (min) 4: 12",
    ]
    heights = [float(c.get("cy")) for c in circles]
    assert heights == sorted(heights, reverse=True)
    labels = [t.text for t in svg.iter("text")]
    assert "time (min)" in labels
    assert "nuclei" in labels


def test_one_point_is_a_chart_too():
    assert "circle" in line_chart([0], [0], x_label="frame", y_label="n", title="t")


def test_no_points_are_refused():
    with pytest.raises(InputError, match="one at least"):
        line_chart([], [], x_label="x", y_label="y", title="t")


def test_bars_hold_every_value_and_the_median_stands_between_them():
    values = np.concatenate([np.random.default_rng(1).normal(50, 9, 300), [400.0]])
    svg = _parse(histogram(values, x_label="area (µm²)", y_label="nuclei", title="t"))
    bars = [r.find("title").text for r in svg.iter("rect")]
    assert sum(int(b.rsplit(": ", 1)[1]) for b in bars) == 301
    median = next(e for e in svg.iter("line") if e.get("class") == "median")
    rects = [(float(r.get("x")), float(r.get("width"))) for r in svg.iter("rect")]
    assert rects[0][0] < float(median.get("x1")) < rects[-1][0]


def test_equal_values_make_one_bar():
    svg = _parse(histogram(np.full(5, 3.0), x_label="x", y_label="y", title="t"))
    assert len(list(svg.iter("rect"))) == 1


def test_a_large_sample_is_thinned_to_400_points():
    svg = histogram(np.arange(10_000.0), x_label="x", y_label="y", title="t")
    assert svg.count("<circle") == 400


def test_names_are_escaped():
    svg = line_chart([0], [1], x_label="<b>", y_label="&", title='"<script>"')
    assert "<b>" not in svg
    assert "<script>" not in svg
    _parse(svg)


def test_a_strip_is_sorted():
    svg = _parse(strip_chart([3, 1, 2], x_label="image", y_label="n", title="t"))
    assert [c.find("title").text for c in svg.iter("circle")] == [
        "image 1: 1",
        "image 2: 2",
        "image 3: 3",
    ]
