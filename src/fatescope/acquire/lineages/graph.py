"""Lineages as networkx graphs: one node per spot, one edge from each parent to its child."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.lineage import Lineage
from fatescope.base.spacing import Length, Spacing
from fatescope.base.table import Table

if TYPE_CHECKING:
    import networkx as nx

_OWN = ("frame", "z", "y", "x", "radius_px", "name")


def to_networkx(lineage: Lineage) -> nx.DiGraph:
    """Return a directed graph with nodes 0, 1, ... in file order.

    Node attributes are ``frame, z, y, x, radius_px, name`` and the extra columns; the graph
    carries ``spacing`` and ``metadata``.
    """
    import networkx as nx

    graph = nx.DiGraph(spacing=lineage.spacing.as_record(), metadata=dict(lineage.metadata))
    columns: dict[str, list[Any]] = {
        "frame": lineage.frame.tolist(),
        **{a: lineage.position[:, i].tolist() for i, a in enumerate("zyx")},
        "radius_px": lineage.radius_px.tolist(),
        "name": lineage.name.tolist(),
        **{h: values.tolist() for h, values in lineage.extra.columns.items()},
    }
    for row, values in enumerate(zip(*columns.values(), strict=True)):
        graph.add_node(row, **dict(zip(columns, values, strict=True)))
    graph.add_edges_from((p, row) for row, p in enumerate(lineage.parent.tolist()) if p >= 0)
    return graph


def from_networkx(graph: nx.DiGraph) -> Lineage:
    """Return the lineage of a graph as `to_networkx` makes it; nodes may be anything hashable.

    Nodes need ``frame``, ``y`` and ``x``; ``z`` is 0 where absent, ``radius_px`` and ``name``
    may be absent, further attributes that all nodes have become extra columns.

    Raises
    ------
    InputError
        If a node has two parents or lacks an attribute, or a link does not go forward in time.
    """
    row_of = {node: row for row, node in enumerate(graph.nodes)}
    values = list(graph.nodes.values())
    for node, attributes in graph.nodes.items():
        missing = [a for a in ("frame", "y", "x") if a not in attributes]
        if missing:
            raise InputError(f"node {node!r} of the graph lacks {', '.join(missing)}.")
    parent = np.full(len(values), -1, dtype=np.int64)
    for source, target in graph.edges:
        row = row_of[target]
        if parent[row] >= 0:
            raise InputError(f"node {target!r} has two parents; nuclei do not merge.")
        parent[row] = row_of[source]
    name = np.empty(len(values), dtype=object)
    name[:] = [str(v.get("name") or "") for v in values]
    common = set(values[0]) if values else set()
    for attributes in values:
        common &= set(attributes)
    extra = [h for h in (values[0] if values else ()) if h in common and h not in _OWN]
    steps = graph.graph.get("spacing", {})
    return Lineage(
        frame=np.asarray([v["frame"] for v in values], dtype=np.int64),
        position=np.asarray(
            [(v.get("z", 0.0), v["y"], v["x"]) for v in values], dtype=np.float64
        ).reshape(len(values), 3),
        parent=parent,
        name=name,
        radius_px=np.asarray([v.get("radius_px", np.nan) for v in values], dtype=np.float64),
        spacing=Spacing({a: Length(s["value"], s["source"]) for a, s in steps.items()}),
        extra=Table({h: _column([v[h] for v in values]) for h in extra}),
        metadata=dict(graph.graph.get("metadata", {})),
    )


def _column(values: list[Any]) -> np.ndarray:
    if all(isinstance(v, int | float) for v in values):
        return np.asarray(values)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
