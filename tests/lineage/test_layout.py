import numpy as np

from fatescope.base import Lineage
from fatescope.lineage.layout import (
    BranchRuns,
    cells_of,
    layout_names,
    layout_tree,
    mean_per_cell,
    value_runs,
)


def three_cells():
    """P1 (frames 0-2) divides into P2 (3-4) and EMS (3-3), written in the wrong order.

    P1 P1 P1 ┬ EMS
             └ P2 P2
    """
    rows = [("P2", 3, 4), ("P2", 4, 0), ("P1", 0, -1), ("P1", 1, 2), ("P1", 2, 3), ("EMS", 3, 4)]
    n = len(rows)
    return Lineage(
        frame=np.array([r[1] for r in rows]),
        position=np.zeros((n, 3)),
        parent=np.array([r[2] for r in rows]),
        name=np.array([r[0] for r in rows], dtype=object),
        radius_px=np.full(n, np.nan),
    )


def test_cells_come_mothers_first_and_sisters_by_name():
    cells = cells_of(three_cells())
    assert cells.name.tolist() == ["P1", "EMS", "P2"]
    assert cells.mother.tolist() == [-1, 0, 0]
    assert cells.first.tolist() == [0, 3, 3]
    assert cells.last.tolist() == [2, 3, 4]
    assert cells.of_row.tolist() == [2, 2, 0, 0, 0, 1]
    assert cells.divides.tolist() == [True, False, False]
    assert cells.born.tolist() == [False, True, True]


def test_a_mean_leaves_unknown_values_out_and_a_life_needs_both_ends():
    cells = cells_of(three_cells())
    mean = mean_per_cell(cells, np.array([2.0, np.nan, 1.0, 2.0, 6.0, np.nan]))
    np.testing.assert_array_equal(mean, [3.0, np.nan, 2.0])


def test_branches_begin_where_the_mother_ends_and_mothers_stand_between_daughters():
    layout = layout_tree(cells_of(three_cells()), interval=1.5, gap=2.0)
    assert layout.start.tolist() == [0.0, 4.5, 4.5]
    assert layout.end.tolist() == [4.5, 6.0, 7.5]
    assert layout.across.tolist() == [0.5, 0.0, 1.0]
    assert layout.width == 2.0


def test_stretches_are_cut_where_the_value_changes_by_a_step():
    lineage = three_cells()
    runs = value_runs(
        cells_of(lineage),
        lineage.frame,
        np.array([0.0, 0.0, 0.0, 9.0, 10.0, np.nan]),
        interval=1.0,
        low=0.0,
        high=10.0,
        n_steps=2,
    )
    assert runs.cell.tolist() == [0, 0, 1, 2]
    assert runs.start.tolist() == [0.0, 1.0, 3.0, 3.0]
    assert runs.end.tolist() == [1.0, 3.0, 4.0, 5.0]
    np.testing.assert_array_equal(runs.value, [2.5, 7.5, np.nan, 2.5])
    assert len(BranchRuns.none().cell) == 0


def test_a_tree_of_names_needs_no_rows():
    names = ["P1", "EMS", "P2"]
    birth = np.array([np.nan, 17.0, 17.0])
    layout, mother = layout_names(names, birth, np.array([17.0, 30.0, np.nan]), open_min=5.0)
    assert mother.tolist() == [-1, 0, 0]
    assert layout.start.tolist() == [12.0, 17.0, 17.0]
    assert layout.end.tolist() == [17.0, 30.0, 22.0]
