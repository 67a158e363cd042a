"""``lineage name --method network``: compact names from the corrected network of 2020."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Table
from fatescope.lineage.blind_place import MeanEmbryo
from fatescope.lineage.compact import aligned_features
from fatescope.models import NamesNetwork, read_names_network

if TYPE_CHECKING:
    from fatescope.base import Lineage
    from fatescope.lineage.naming import NameSettings


def network_table(lineage: Lineage, given: Table, settings: NameSettings) -> Table:
    """Return the input rows with compact name, confidence, second choice and abstention.

    The network knows no full names, so ``name`` is empty. Columns of the input that bear one of
    these names go on as ``<column>_given``.

    Raises
    ------
    InputError
        If the embryo passes too few stages to find how it lies.
    """
    network = _shipped()
    reference = MeanEmbryo(stage=network.stage, place_um=network.place_um)
    features, _ = aligned_features(lineage, reference)
    known = np.asarray(np.isfinite(features).all(axis=1))
    p = network.probabilities(np.where(known[:, None], features, 0.0))
    order = np.argsort(p, axis=1)
    confidence = np.where(known, p.max(axis=1), 0.0)
    abstained = confidence < settings.abstain_below
    text = np.array([*network.classes, ""], dtype=object)
    best = text[np.where(abstained, -1, order[:, -1])]
    ours = {
        "name": np.full(len(best), "", dtype=object),
        "compact": best,
        "confidence": np.round(confidence, 4),
        "second": text[np.where(abstained, order[:, -1], order[:, -2])],
        "abstained": abstained.astype(np.int64),
    }
    kept = {f"{c}_given" if c in ours else c: v for c, v in given.columns.items()}
    return Table({**kept, **ours})


@cache
def _shipped() -> NamesNetwork:
    return read_names_network()
