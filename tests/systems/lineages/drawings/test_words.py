"""Words of figures do not lie one over another, and every slice of the pie is named."""

import re

import numpy as np
from tests.systems.lineages.drawings.boxes import overlapping, words_of

from fatescope.lineage.compact import COMPACT_NAMES
from fatescope.lineage.quality import founders_of
from fatescope.pages.chart import Axis, draw_file
from fatescope.pages.chart.labels import place_labels
from fatescope.systems.lineages import drawings as show


def test_the_pie_names_all_32_slices_in_32_colours():
    counts = {n: 7000 if n in ("ABa", "ABp") else 20 + i for i, n in enumerate(COMPACT_NAMES)}
    svg = show.draw_class_pie(counts, founders_of(COMPACT_NAMES), title="t")
    fills = re.findall(r'Z" fill="(#\w+)"', svg)
    assert len(fills) == len(set(fills)) == 32
    assert {w.split()[0] for w, _ in words_of(svg)} == {*COMPACT_NAMES, "t"}
    assert overlapping(svg) == []


def test_a_pie_of_very_many_names_gathers_the_rarest():
    names = [f"AB{i:03d}" for i in range(300)]
    svg = show.draw_class_pie({n: i + 1 for i, n in enumerate(names)}, ["AB"] * 300, title="t")
    assert "252 others" in svg
    assert overlapping(svg) == []


def test_cells_that_lie_close_together_are_named_side_by_side():
    n = 12
    rng = np.random.default_rng(0)
    difference, q = 25 + rng.normal(0, 0.2, n), 10.0 ** -(8 + rng.normal(0, 0.05, n))
    names = [f"Epl{'alrp'[i % 4]}{i}" for i in range(n)]
    chart = show.chart_differences(
        np.append(difference, [0.0, -3.0]),
        np.append(q, [0.9, 0.8]),
        [*names, "ABa", "ABp"],
        ["E"] * n + ["AB"] * 2,
        {"E": "#009E73", "AB": "#0072B2"},
        limit=0.05,
        x=Axis(title="difference", unit="min"),
        title="t",
    )
    svg = draw_file([chart])
    shown = {w for w, _ in words_of(svg)} & set(names)
    assert len(shown) == n
    assert overlapping(svg) == []


def test_words_without_room_are_left_out_rather_than_written_over_others():
    box = (0.0, 0.0, 60.0, 24.0)
    placed = place_labels([(30.0, 12.0)] * 50, [f"c{i}" for i in range(50)], within=box)
    assert 1 <= len(placed) < 50
    assert placed[0].words == "c0"
