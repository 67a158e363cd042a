"""The atlas beside the networks: built from the training embryos, scored on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.atlas_build import build_atlas
from fatescope.lineage.atlas_cells import cells_of_lineage
from fatescope.lineage.compact import compact_labels
from fatescope.lineage.naming import NameSettings, name_embryo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.systems.lineages.reproduce.data import TrainingEmbryo


def training_atlas(embryos: Sequence[TrainingEmbryo]) -> Atlas:
    """Build an atlas from the training embryos."""
    return build_atlas([cells_of_lineage(e.lineage, title=e.key) for e in embryos])


def atlas_labels(atlas: Atlas, embryo: TrainingEmbryo, *, tracks: bool) -> IntArray:
    """Return the class of each row by the atlas, -1 where it gives none of the 32 names.

    Parameters
    ----------
    tracks : bool
        Whether the links of the table are used; its names never are.
    """
    lineage = embryo.lineage
    links = lineage.parent.astype(np.int64) if tracks else np.full(len(lineage), -1)
    named = name_embryo(
        atlas,
        xyz_um=lineage.position_um()[:, ::-1],
        frame=lineage.frame.astype(np.int64),
        parent=links,
        settings=NameSettings(),
    )
    text = np.array([*atlas.names, ""], dtype=object)
    return compact_labels(text[named.name])
