import numpy as np
import pytest

from fatescope.systems.lineages import drawings as show


@pytest.mark.parametrize(("leaf_px", "shown"), [(11.0, {"a", "aa", "ap"}), (5.0, {"a"})])
@pytest.mark.parametrize("direction", ["right", "down"])
def test_names_are_written_where_there_is_room(leaf_px, shown, direction):
    tree = show.TreeBranches(
        name=["a", "aa", "ap"],
        founder=["AB"] * 3,
        note=["", "", ""],
        start=np.array([0.0, 10, 10]),
        end=np.array([10.0, 20, 20]),
        across=np.array([0.5, 0, 1]),
        mother=np.array([-1, 0, 0]),
    )
    style = show.TreeStyle(title="", time_label="", leaf_px=leaf_px, direction=direction)
    svg = show.draw_tree(tree, style)
    assert {n for n in tree.name if f">{n}</text>" in svg} == shown
