"""The movement of single cells: every point has its mark and its time."""

import re
import xml.etree.ElementTree as ET

import numpy as np
from tests.report.lineage.boxes import overlapping, words_of

from fatescope.report import lineage as show


def drawn(n_cells, n_frames=12, step=20.0):
    cell, time = (a.ravel() for a in np.mgrid[:n_cells, :n_frames])
    place = np.stack([cell * 60.0 + 10 * np.sin(time), time * step], axis=1)
    names = [f"ABpl{i}" for i in range(n_cells)]
    return show.draw_movement(
        place,
        time * 1.5,
        cell,
        names,
        axis_labels=("x (px)", "y (px)"),
        time_label="time (min)",
        title="t",
    )


def marks_of(svg):
    """Return (element, colour, words) of each mark inside the panel."""
    out = []
    for e in ET.fromstring(svg).iter():
        kind = e.tag.split("}")[1]
        if kind in ("circle", "polygon") and len(e):
            corners = len(e.get("points", "").split())
            out.append(((kind, corners), e.get("fill"), e[0].text))
    return out


def test_each_cell_has_one_colour_and_mark_and_each_point_its_time():
    svg = drawn(3)
    marks = marks_of(svg)
    assert len(marks) == 36
    looks = {}
    for shape, colour, words in marks:
        looks.setdefault(words.split(",")[0], set()).add((shape, colour))
    assert all(len(v) == 1 for v in looks.values())
    assert len(set.union(*looks.values())) == 3
    written = [w for w, _ in words_of(svg)]
    assert {f"ABpl{i}" for i in range(3)} <= set(written)
    assert written.count("16.5") == 3
    assert overlapping(svg) == []


def test_twenty_cells_still_look_different():
    looks = {(shape, colour) for shape, colour, _ in marks_of(drawn(20, 2))}
    assert len(looks) == 20


def test_times_without_room_are_counted_not_written_over_each_other():
    svg = drawn(4, 80, step=0.1)
    left_out = int(re.search(r"(\d+) without room", svg)[1])
    assert 0 < left_out < 320
    assert overlapping(svg) == []
    assert len(marks_of(svg)) == 320
