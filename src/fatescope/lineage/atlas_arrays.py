"""An atlas as the few compact arrays that its file holds, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from fatescope.base.errors import FileFormatError
from fatescope.base.sulston_tree import all_names
from fatescope.lineage.atlas import ATLAS_VERSION, NODES, Atlas
from fatescope.lineage.neighbours import Neighbours

_SMALL = ("birth_min", "birth_sd", "life_min", "life_sd", "axis_length")


def atlas_arrays(atlas: Atlas) -> dict[str, np.ndarray]:
    """Return what a file needs: half precision for positions and modes, and known cells only."""
    known = np.flatnonzero(atlas.known)
    upper = np.triu_indices(3)
    return {
        "known": known.astype(np.int16),
        "position": atlas.position[known].astype(np.float32),
        "covariance": atlas.covariance[known][:, *upper].astype(np.float32),
        "modes": atlas.modes[:, known].astype(np.float16),
        "mode_variance": atlas.mode_variance.astype(np.float32),
        "axis": atlas.axis.astype(np.float16),
        "n_lives": atlas.n_lives.astype(np.int16),
        "n_births": atlas.n_births.astype(np.int16),
        "settled_axis": atlas.settled_axis.astype(np.float16),
        "n_axes": atlas.n_axes.astype(np.int16),
        "neighbour_pair": atlas.neighbours.pair.astype(np.int16),
        "neighbour_percent": np.round(100 * atlas.neighbours.share).astype(np.uint8),
        "neighbour_embryos": atlas.neighbours.n_embryos.astype(np.int16),
        **{name: getattr(atlas, name).astype(np.float32) for name in _SMALL},
    }


def atlas_from_arrays(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> Atlas:
    """Unpack the arrays of a file.

    Raises
    ------
    FileFormatError
        If the version is unknown or an array is missing or has an impossible shape.
    """
    if metadata.get("version") != ATLAS_VERSION:
        raise FileFormatError(
            f"the atlas has version {metadata.get('version')}; this program reads "
            f"{ATLAS_VERSION}. Build it again with `fatescope lineage atlas`."
        )
    try:
        return _unpacked(arrays, metadata)
    except (KeyError, ValueError, IndexError) as error:
        raise FileFormatError(f"the atlas is damaged ({error}). Build it again.") from error


def _unpacked(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> Atlas:
    n, m = len(all_names()), len(arrays["modes"])
    place = arrays["known"].astype(np.int64)
    known = np.zeros(n, bool)
    known[place] = True
    position, modes = np.zeros((n, NODES, 3)), np.zeros((m, n, NODES, 3))
    covariance = np.tile(np.eye(3), (n, 1, 1))
    position[place], modes[:, place] = arrays["position"], arrays["modes"]
    for k, (i, j) in enumerate(zip(*np.triu_indices(3), strict=True)):
        covariance[place, i, j] = covariance[place, j, i] = arrays["covariance"][:, k]
    later: dict[str, Any] = {name: arrays[name].astype(np.float64) for name in _SMALL}
    if "settled_axis" in arrays:  # files of before lack these
        later |= {name: arrays[name].astype(np.int64) for name in ("n_births", "n_axes")}
        later["settled_axis"] = arrays["settled_axis"].astype(np.float64)
        later["neighbours"] = Neighbours(
            pair=arrays["neighbour_pair"].astype(np.int64),
            share=arrays["neighbour_percent"] / 100,
            n_embryos=arrays["neighbour_embryos"].astype(np.int64),
        )
    return Atlas(
        known=known,
        position=position,
        covariance=covariance,
        modes=modes,
        mode_variance=arrays["mode_variance"].astype(np.float64),
        axis=arrays["axis"].astype(np.float64),
        n_lives=arrays["n_lives"].astype(np.int64),
        metadata=metadata,
        **later,
    )
