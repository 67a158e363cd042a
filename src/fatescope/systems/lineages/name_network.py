"""``lineage name --method network``: compact names from the corrected network of 2020."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Table
from fatescope.lineage.blind_place import MeanEmbryo
from fatescope.lineage.compact import aligned_features
from fatescope.lineage.naming import BOTH_HANDS
from fatescope.models import (
    ModelPackage,
    NamesPerRow,
    OpenVinoModel,
    find_package,
    read_package,
)
from fatescope.systems.lineages.named_table import NamedTable, add_names

if TYPE_CHECKING:
    from fatescope.base import BoolArray, Lineage
    from fatescope.lineage.naming import NameSettings

MEAN_EMBRYO = "mean_embryo.npy"
"""File of a package: rows of stage (number of nuclei), posterior, dorsal, left in µm."""
_GOOD_UM, _CLEAR = 3.0, 0.9
"""Residual below which no mirror image came (3.4 at least, 24 embryos), and the share of that of
the other hand that the right one stays below (0.83 at most)."""


def name_by_network(lineage: Lineage, given: Table, settings: NameSettings) -> NamedTable:
    """Name the rows of a movie with compact names; links are not looked at.

    The network knows no full names, so ``name`` is empty.

    Raises `InputError` if the embryo passes too few stages to find how it lies.
    """
    package, network = _shipped()
    kind = package.description.output_as(NamesPerRow)
    known: BoolArray = np.asarray(np.isfinite(lineage.position).all(axis=1))
    features = np.zeros((len(lineage), len(package.description.input.channels)), np.float32)
    part, reference = _without_links(lineage, known), read_mean_embryo(package)
    features[known], residual_um = aligned_features(part, reference)
    mirrored, open_hand = False, False
    if residual_um > _GOOD_UM:
        other = replace(part, position=part.position * np.array([-1.0, 1.0, 1.0]))
        turned, other_um = aligned_features(other, reference)
        mirrored = other_um < _CLEAR * residual_um
        open_hand = not mirrored and _CLEAR * other_um < residual_um
        if mirrored:
            features[known], residual_um = turned, other_um
    p = network.run(features).astype(np.float64)
    order = np.argsort(p, axis=1)
    confidence = np.where(known, p.max(axis=1), 0.0)
    reasons = []
    if residual_um > kind.most_residual_um:
        reasons.append(
            f"nuclei lie {residual_um:.1f} µm from those of the mean embryo "
            f"(limit {kind.most_residual_um:g})"
        )
    if open_hand:
        reasons.append(BOTH_HANDS)
    abstained = confidence < (settings.abstain_flagged if reasons else settings.abstain_below)
    text = np.array([*kind.channels, ""], dtype=object)
    best = text[np.where(abstained, -1, order[:, -1])]
    table = add_names(
        given,
        name=np.full(len(best), "", dtype=object),
        compact=best,
        confidence=confidence,
        second=text[np.where(abstained, order[:, -1], order[:, -2])],
        abstained=abstained,
    )
    return NamedTable(table=table, kind="movie", reasons=reasons, mirrored=mirrored)


def _without_links(lineage: Lineage, rows: BoolArray) -> Lineage:
    """Return some rows of a lineage, without what the network does not look at."""
    return replace(
        lineage,
        frame=lineage.frame[rows],
        position=lineage.position[rows],
        parent=np.full(int(rows.sum()), -1),
        name=np.full(int(rows.sum()), "", dtype=object),
        radius_px=lineage.radius_px[rows],
        extra=Table(),
    )


def read_mean_embryo(package: ModelPackage) -> MeanEmbryo:
    """Return the embryo that the features of a package refer to."""
    rows = package.tensor(MEAN_EMBRYO)
    return MeanEmbryo(stage=rows[:, 0].astype(np.int32), place_um=rows[:, 1:])


def network_model() -> dict[str, str]:
    """Return the name and the hash of the package, for the record."""
    package, _ = _shipped()
    return {"name": package.description.name, "sha256": package.sha256}


@cache
def _shipped() -> tuple[ModelPackage, OpenVinoModel]:
    package = read_package(find_package("compact-names"))
    return package, OpenVinoModel(package, precision="fp32", threads=1)
