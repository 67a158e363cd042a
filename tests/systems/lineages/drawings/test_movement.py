"""The movement of single cells: every point has its place and its time."""

import numpy as np
from tests.systems.lineages.drawings.boxes import overlapping, words_of

from fatescope.pages.chart import Axis, Line, Points, csv_text, draw_file
from fatescope.systems.lineages import drawings as show


def moved(n_cells, n_frames=12, step=20.0):
    cell, time = (a.ravel() for a in np.mgrid[:n_cells, :n_frames])
    place = np.stack([cell * 60.0 + 10 * np.sin(time), time * step], axis=1)
    return show.chart_movement(
        place,
        time * 1.5,
        cell,
        [f"ABpl{i}" for i in range(n_cells)],
        axes=(Axis(title="x", unit="px"), Axis(title="y", unit="px")),
        time_label="time (min)",
        title="t",
    )


def test_each_cell_has_one_colour_and_each_point_its_time():
    chart = moved(3)
    points = [m for m in chart.marks if isinstance(m, Points)]
    assert [len(m.words) for m in points] == [12, 12, 12]
    assert points[1].words[2] == "ABpl1, time (min) 3"
    assert len({m.colour for m in points}) == 3
    svg = draw_file([chart])
    written = [w for w, _ in words_of(svg)]
    assert {f"ABpl{i}" for i in range(3)} <= set(written)
    assert written.count("16.5") == 3
    assert overlapping(svg) == []


def test_twenty_cells_still_look_different():
    lines = [m for m in moved(20, 2).marks if isinstance(m, Line)]
    assert len({(m.colour, m.stroke) for m in lines}) == 20


def test_times_without_room_are_in_the_numbers_and_not_written_over_each_other():
    chart = moved(4, 80, step=0.1)
    svg = draw_file([chart])
    assert len(words_of(svg)) < 320
    assert overlapping(svg) == []
    assert csv_text(chart).count("time (min) 117") == 4
