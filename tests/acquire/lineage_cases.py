"""Small lineages for tests: one worked out by hand, and random ones."""

import numpy as np
from hypothesis import strategies as st

from fatescope.base.lineage import Lineage
from fatescope.base.spacing import Spacing
from fatescope.base.sulston import daughter_names
from fatescope.base.table import Table


def lineage_of(rows, **more):
    """A lineage of (name, frame, parent, z, y, x) rows."""
    name = np.empty(len(rows), dtype=object)
    name[:] = [r[0] for r in rows]
    return Lineage(
        frame=np.array([r[1] for r in rows]),
        parent=np.array([r[2] for r in rows]),
        position=np.array([r[3:6] for r in rows], dtype=float).reshape(len(rows), 3),
        name=name,
        radius_px=np.full(len(rows), 5.0),
        **more,
    )


#  P0 in frame 0; AB and P1 in 1 and 2; ABa and ABp in 3; P1 lives on
TWO_DIVISIONS = lineage_of(
    [
        ("P0", 0, -1, 10, 20, 30),
        ("AB", 1, 0, 10, 20, 15),
        ("AB", 2, 1, 10, 20, 15),
        ("ABa", 3, 2, 10, 25, 10),
        ("ABp", 3, 2, 10, 15, 10),
        ("P1", 1, 0, 10, 20, 45),
        ("P1", 2, 5, 10, 20, 45),
        ("P1", 3, 6, 10, 20, 45),
    ]
)


@st.composite
def lineages(draw, *, whole_pixels=False):
    """Named trees from AB or P0 with lives of 1-4 frames and random positions, in file order."""
    root = draw(st.sampled_from(["P0", "AB", "EMS", "Cap"]))
    rows: list[tuple] = []
    step = 1.0 if whole_pixels else 0.001

    def number(limit):
        return draw(st.integers(0, round(limit / step))) * step

    def grow(name, first, mother, depth):
        parent = mother
        for frame in range(first, first + draw(st.integers(1, 4))):
            z = draw(st.integers(0, 300)) / 10
            rows.append((name, frame, parent, z, number(60), number(80)))
            parent = len(rows) - 1
        last = rows[-1][1]
        if depth < 3 and draw(st.booleans()):
            for daughter in daughter_names(name):
                grow(daughter, last + 1, parent, depth + 1)

    grow(root, draw(st.integers(0, 5)), -1, 0)
    weights = np.array([draw(st.integers(0, 10**6)) for _ in rows])
    spacing = Spacing.of(source="user", Z=1.0, Y=0.09, X=0.09, T=1.5)
    return lineage_of(rows, extra=Table({"gweight": weights}), spacing=spacing)


def same_tree(one, other):
    """Assert equal frames, names and links, row by row."""
    np.testing.assert_array_equal(one.frame, other.frame)
    np.testing.assert_array_equal(one.parent, other.parent)
    assert one.name.tolist() == other.name.tolist()


def tree_set(lineage):
    """The tree without the order of its rows: (name, frame, parent's name and frame)."""
    key = list(zip(lineage.name.tolist(), lineage.frame.tolist(), strict=True))
    return sorted(
        (k, key[p] if p >= 0 else None) for k, p in zip(key, lineage.parent.tolist(), strict=True)
    )
