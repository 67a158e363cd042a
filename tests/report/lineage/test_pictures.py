import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.report import lineage as show

NASTY = "<b>&\"'"


def parse(svg):
    """An image must be whole XML, whatever the names are."""
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
    scale = show.ColourScale(kind="amount", low=0, high=10, label="blot")
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
        show.ColourScale(kind="amount", low=1, high=1, label="x")


def test_the_tree_page_holds_its_data_and_reaches_for_nothing_outside():
    tree = small_tree()
    column = show.CellColumn(
        np.array([1.0, np.nan, 3.0]), show.ColourScale(kind="amount", low=0, high=3, label="v")
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
    page = show.space_page(
        body,
        frame,
        track,
        ["A", "B", NASTY],
        ["AB", "E", "none"],
        {"AB": "#000", "E": "#111"},
        axis_letters=("p", "d", "l"),
        interval=1.5,
        unit="min",
        title=NASTY,
    )
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    assert [t["g"] for t in data["tracks"]] == [0, 1, 2]
    got = np.array(data["tracks"][1]["p"]).reshape(-1, 3) / 10
    np.testing.assert_allclose(got, body[track == 1], atol=0.051)


def test_maps_and_territories_are_whole_pictures():
    body, frame, track = spread()
    groups = ["AB" if i % 2 else "E" for i in range(30)]
    colours = {"AB": "#000000", "E": "#00ff00"}
    names = ("x", "y", "z")
    parse(
        show.draw_paths(
            body, frame, track, groups, colours, axis_names=names, title=NASTY, note=NASTY
        )
    )
    overlaps = [
        show.Overlap(group="AB", values=(0.2, 0.3), mean=0.25, low=0.2, high=0.3, chance=0.7),
        show.Overlap(group="E", values=(), mean=np.nan, low=np.nan, high=np.nan, chance=np.nan),
    ]
    svg = show.draw_territories(
        body,
        np.array(groups, dtype=object)[track],
        colours,
        overlaps,
        axis_names=names,
        title="t",
        note=NASTY,
        rng=np.random.default_rng(0),
    )
    parse(svg)
    assert "0.25 [0.20, 0.30], chance 0.70" in svg
    assert "nan" not in svg


def test_curves_bars_pie_and_differences_are_whole_pictures():
    time = np.arange(20.0)
    counts = {"total": np.floor(2 ** (time / 4)), "AB": np.floor(2 ** (time / 5)) - 1}
    svg = show.draw_populations(
        time, counts, {"AB": "#000"}, time_label="time (min)", title="t", outside_scope=(10, 19)
    )
    parse(svg)
    assert "not all annotated" in svg
    parse(
        show.draw_timing(
            time,
            time + 1,
            np.ones(20),
            [NASTY] * 20,
            ["AB"] * 20,
            {"AB": "#000"},
            title="t",
            note="",
        )
    )
    parse(show.draw_class_bars([NASTY, "E"], [8, 0], [8, 8], ["", "E"], title="t"))
    parse(show.draw_class_bars(["E"], [8], None, ["E"], title="t"))
    parse(show.draw_class_pie({NASTY: 98, "E": 1, "C": 0}, ["", "E", "C"], title="t"))
    parse(show.draw_class_pie({"E": 5}, ["E"], title="t"))
    q = np.array([1e-9, 0.5, np.nan])
    parse(
        show.draw_differences(
            np.array([3.0, -1.0, np.nan]),
            q,
            [NASTY, "E", "D"],
            ["AB"] * 3,
            {"AB": "#000"},
            limit=0.05,
            x_label="x",
            title="t",
        )
    )
    parse(
        show.draw_curves(
            time, {"a": time}, {"a": "#000"}, x_label="epoch", y_label="loss", title="t"
        )
    )


def test_a_page_escapes_what_it_is_given():
    section = show.Section(
        title=NASTY,
        paragraphs=(NASTY,),
        columns=(NASTY,),
        rows=[(NASTY,)],
        links=[("a.html", NASTY)],
    )
    assert NASTY not in show.build_page(NASTY, [section], lead=NASTY)
