"""Make an atlas from named embryos: a common clock, a common frame, means and spreads."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.sulston_tree import all_names, daughters_of
from fatescope.lineage.atlas import AB16_MIN, ATLAS_VERSION, NODES, Atlas
from fatescope.lineage.atlas_cells import EmbryoCells
from fatescope.lineage.division_axes import DivisionAxes, fit_axes, mean_axes
from fatescope.lineage.neighbours import LEAST_EMBRYOS, common_neighbours
from fatescope.numeric import fit_linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import BoolArray, FloatArray, IntArray

N_MODES = 30  # record 0071
LEAST_AXES = 5
"""Embryos that must show a division for its settled axis to be kept."""
_FALLBACK_LIFE = 60.0  # minutes, where no embryo shows a whole life
_LIMIT_RMS_UM = 4.0  # beyond, an embryo is partial or distorted
_STARTS = {"P0": (-26.6, 14.0), "AB": (-12.6, 12.6), "P1": (-12.6, 15.1)}
"""Birth and life in minutes of the three first cells, which few recordings show."""


def build_atlas(embryos: Sequence[EmbryoCells], *, metadata: dict[str, Any] | None = None) -> Atlas:
    """Average embryos into an atlas.

    Clocks are fitted first (one robust line per embryo against the median births), then linear
    maps to the mean embryo; embryos that fit no better than 4 µm (partial or distorted ones) stay
    out of the positions. Directions in which embryos differ are the principal components of what
    the linear map leaves.

    Raises
    ------
    InputError
        If fewer than four embryos are given, or fit one another.
    """
    if len(embryos) < LEAST_EMBRYOS:
        raise InputError(f"an atlas needs at least {LEAST_EMBRYOS} embryos; got {len(embryos)}.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # cells that no embryo shows give NaN
        return _build(embryos, metadata or {})


def _build(embryos: Sequence[EmbryoCells], metadata: dict[str, Any]) -> Atlas:
    daughters = _daughters()
    first = np.stack([e.first for e in embryos])
    last = np.stack([e.last for e in embryos])
    birth, life = _on_common_clock(first, last, daughters)
    position, residual, keep, poses = _on_common_frame(
        np.stack([e.nodes for e in embryos]), daughters
    )
    if keep.sum() < LEAST_EMBRYOS:
        raise InputError(
            f"only {keep.sum()} of {len(keep)} embryos lie within {_LIMIT_RMS_UM:g} µm of their "
            f"mean; an atlas needs {LEAST_EMBRYOS}. Check spacing and names, or give more."
        )
    birth, life = birth[keep], life[keep]
    seen = np.isfinite(residual[..., 0]).sum(0).max(1)
    n_births, n_lives = np.isfinite(birth).sum(0), np.isfinite(life).sum(0)
    birth_min = np.nanmedian(birth, axis=0)
    known = (seen >= LEAST_EMBRYOS) & np.isfinite(birth_min)
    birth_sd = np.nanstd(np.clip(birth - birth_min, -8, 8), axis=0)
    log_life = np.log(life)
    life_median = np.nanmedian(log_life, axis=0)
    life_sd = np.nanstd(np.clip(log_life - life_median, -0.4, 0.4), axis=0)
    weight = n_lives.clip(0)
    life_sd = np.sqrt((np.nan_to_num(life_sd) ** 2 * weight + 0.06**2 * 5) / (weight + 5))
    axis, length = _division_axes(position, residual, daughters)
    modes, variance = _modes(residual)
    arrays: dict[str, Any] = {
        "known": known,
        "birth_min": np.nan_to_num(birth_min, nan=-99.0),
        "birth_sd": np.where(n_births >= 5, birth_sd, 3.0),
        "life_min": np.where(n_lives >= 3, np.exp(life_median), _FALLBACK_LIFE),
        "life_sd": np.where(n_lives >= 5, life_sd, 0.15),
        "n_lives": n_lives,
        "n_births": n_births,
        "position": np.nan_to_num(position),
        "covariance": _covariance(residual),
        "axis": np.nan_to_num(axis),
        "axis_length": length,
        "modes": modes * known[:, None, None],
        "mode_variance": variance,
    }
    _add_first_cells(arrays, daughters)
    kept = [e for e, k in zip(embryos, keep, strict=True) if k]
    arrays["settled_axis"], arrays["n_axes"] = _settled_axes(kept, axis, length)
    shown = [e.beside for e in kept if len(e.beside)]
    arrays["neighbours"] = common_neighbours(shown, len(daughters))
    about = {
        "version": ATLAS_VERSION,
        "embryos": [e.title for e in kept],
        "poses": poses,
        **metadata,
    }
    return Atlas(**arrays, metadata=about)


def _daughters() -> np.ndarray:
    index = {n: i for i, n in enumerate(all_names())}
    return np.array([[index[d] for d in daughters_of(n)] or [-1, -1] for n in all_names()])


def _on_common_clock(
    first: FloatArray, last: FloatArray, daughters: np.ndarray
) -> tuple[FloatArray, FloatArray]:
    """Return births in minutes and lives in minutes, NaN where they were not seen whole."""
    start = np.nanmin(first, axis=1, keepdims=True)
    birth = np.where(first > start, first, np.nan)
    divides = np.zeros(first.shape, bool)
    has = daughters[:, 0] >= 0
    divides[:, has] = np.isfinite(first[:, daughters[has]]).any(2)
    end = np.where(divides, last + 1, np.nan)
    mean = birth[int(np.argmax(np.isfinite(birth).sum(1)))].copy()
    for _ in range(6):
        line = np.array([_robust_line(mean, b) for b in birth])
        minutes = (birth - line[:, :1]) / line[:, 1:]
        mean = np.nanmedian(minutes, axis=0)
    life = (end - birth) / line[:, 1:]
    names = all_names()
    ab16 = [i for i, n in enumerate(names) if n.startswith("AB") and len(n) == 6]
    scale = AB16_MIN / np.nanmedian(life[:, ab16])
    zero = mean[names.index("ABa")]
    if not np.isfinite(zero):
        zero = mean[names.index("ABal")] - 13.3 / scale
    return (minutes - zero) * scale, life * scale


def _robust_line(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < 10:
        return np.nan, np.nan
    weight = np.ones(len(x))
    a = b = 0.0
    for _ in range(8):
        design = np.stack([np.ones_like(x), x], axis=1) * weight[:, None]
        a, b = np.linalg.lstsq(design, y * weight, rcond=None)[0]
        rest = y - a - b * x
        spread = 1.4826 * float(np.median(np.abs(rest))) + 1e-6
        weight = 1 / np.sqrt(1 + (rest / (2 * spread)) ** 2)
    return float(a), float(b)


def _on_common_frame(
    nodes: FloatArray, daughters: np.ndarray
) -> tuple[FloatArray, FloatArray, BoolArray, dict[str, int]]:
    """Return mean positions, what single embryos differ, which embryos fit, and their poses."""
    n_embryos, n_names = nodes.shape[:2]
    flat = nodes.reshape(n_embryos, -1, 3)
    reference = int(np.argmax(np.isfinite(flat[..., 0]).sum(1)))
    mean = flat[reference] - np.nanmean(flat[reference], axis=0)
    mapped, keep = flat, np.ones(n_embryos, bool)
    matrices = np.zeros((n_embryos, 3, 3))
    for turn in range(6):
        mapped = np.full_like(flat, np.nan)
        rms = np.full(n_embryos, np.inf)
        for e in range(n_embryos):
            both = np.isfinite(flat[e, :, 0]) & np.isfinite(mean[:, 0])
            if both.sum() < 50:
                continue
            weight = np.ones(int(both.sum()))
            for _ in range(3):
                matrix, shift = fit_linear(flat[e, both], mean[both], weight=weight, ridge=0.0)
                far = ((flat[e, both] @ matrix + shift - mean[both]) ** 2).sum(1)
                weight = 1 / (1 + far / (3 * np.median(far) + 1e-12))
            mapped[e], matrices[e] = flat[e] @ matrix + shift, matrix
            rms[e] = np.sqrt(far.mean())
        keep = rms < _LIMIT_RMS_UM
        near = np.clip(mapped[keep], mean - 8, mean + 8)
        mean = np.nanmedian(mapped[keep], axis=0) if turn < 2 else np.nanmean(near, axis=0)
        mean = mean / np.median(np.abs(np.linalg.det(matrices[keep])) ** (1 / 3))
        mean = mean - np.nanmean(mean, axis=0)
    body = _body_axes(mean.reshape(n_names, NODES, 3), daughters)
    position = _filled((mean @ body).reshape(n_names, NODES, 3))
    residual = (mapped[keep] @ body).reshape(-1, n_names, NODES, 3) - position
    return position, residual, keep, _count_poses(matrices[keep] @ body)


def _body_axes(mean: FloatArray, daughters: np.ndarray) -> FloatArray:
    """Return AP, DV, LR as columns: from a/p divisions, and from ABpl against ABpr."""
    names = np.array(all_names())
    has = np.flatnonzero(daughters[:, 0] >= 0)
    ap = [i for i in has if names[daughters[i, 0]][-1] == "a"]
    p = np.nanmean(mean[daughters[ap, 1], 0] - mean[daughters[ap, 0], 0], axis=0)
    p /= np.linalg.norm(p)
    where = np.nanmean(mean, axis=1)
    left = np.nanmean(where[np.char.startswith(names, "ABpl")], axis=0)
    right = np.nanmean(where[np.char.startswith(names, "ABpr")], axis=0)
    side = left - right
    side -= p * (side @ p)
    side /= np.linalg.norm(side)
    return np.stack([p, np.cross(side, p), side], axis=1)


def _filled(position: FloatArray) -> FloatArray:
    """Complete the moments between birth and division, and beyond what was seen."""
    filled = position.copy()
    for k in range(1, NODES - 1):
        gap, part = np.isnan(filled[:, k, 0]), k / (NODES - 1)
        filled[gap, k] = (1 - part) * filled[gap, 0] + part * filled[gap, -1]
    for k in [*range(1, NODES), *range(NODES - 2, -1, -1)]:
        beside = k - 1 if k else 1
        gap = np.isnan(filled[:, k, 0])
        filled[gap, k] = filled[gap, beside]
    for k in range(NODES - 2, -1, -1):
        gap = np.isnan(filled[:, k, 0])
        filled[gap, k] = filled[gap, k + 1]
    return filled


def _count_poses(matrices: FloatArray) -> dict[str, int]:
    """Count the four poses by the signs that image x, y and z have in the body."""
    letters = {(1, -1): "ADL", (1, 1): "AVR", (-1, -1): "PDR", (-1, 1): "PVL"}
    count = dict.fromkeys(letters.values(), 0)
    for m in matrices:
        count[letters[1 if m[0, 0] > 0 else -1, 1 if m[1, 1] > 0 else -1]] += 1
    return count


def _covariance(residual: FloatArray) -> FloatArray:
    """Covariance over embryos and moments, drawn towards the common one where few were seen."""
    clipped = np.clip(residual, -6, 6)
    seen = np.isfinite(clipped[..., 0])
    zero = np.where(seen[..., None], clipped, 0.0)
    count = seen.sum((0, 2))
    total = np.einsum("enki,enkj->nij", zero, zero)
    common = total.sum(0) / count.sum()
    return np.asarray((total + 20 * common) / (count[:, None, None] + 20))


def _division_axes(
    position: FloatArray, residual: FloatArray, daughters: np.ndarray
) -> tuple[FloatArray, FloatArray]:
    axis, length = np.full((len(daughters), 3), np.nan), np.full(len(daughters), np.nan)
    born = position[:, 0] + residual[:, :, 0]
    for i in np.flatnonzero(daughters[:, 0] >= 0):
        step = born[:, daughters[i, 1]] - born[:, daughters[i, 0]]
        step = step[np.isfinite(step[:, 0])]
        if len(step) < 3:
            continue
        unit = step / (np.linalg.norm(step, axis=1, keepdims=True) + 1e-9)
        total = unit.sum(0)
        size = float(np.linalg.norm(total)) + 1e-9
        axis[i], length[i] = total / size, size / len(unit)
    return axis, length


def _settled_axes(
    embryos: Sequence[EmbryoCells], axis: FloatArray, length: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Average the axes of the daughters' second frame, and turn them into the atlas's frame."""
    settled, count = np.zeros(axis.shape), np.zeros(len(axis), dtype=np.int64)
    shown = [e.axes for e in embryos if e.axes]
    if not shown:
        return settled, count
    names = all_names()
    known = np.flatnonzero(np.isfinite(length))
    at_birth = {names[i]: axis[i] * length[i] for i in known}
    mean = mean_axes(shown, fewest=LEAST_AXES)
    fit = fit_axes(mean.mean, DivisionAxes(mean=at_birth, embryos={}))
    if fit is not None:
        for i, name in enumerate(names):
            if name in mean.mean:
                settled[i], count[i] = fit.rotation @ mean.mean[name], mean.embryos[name]
    return settled, count


def _modes(residual: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Principal components of the residuals at birth and division, gaps filled by iteration."""
    n_names = residual.shape[1]
    enough = np.isfinite(residual[..., 0]).sum(0) > min(40, max(3, len(residual) // 3))
    values = np.clip(residual[:, enough].reshape(len(residual), -1), -6, 6)
    seen = np.isfinite(values)
    whole = seen.mean(1) > 0.55
    if whole.sum() < 3:
        whole = np.ones(len(values), bool)
    values, seen = values[whole], seen[whole]
    filled = np.where(seen, values, 0.0)
    rank = min(20, len(filled) - 1)
    for _ in range(15):
        u, s, vt = np.linalg.svd(filled, full_matrices=False)
        filled = np.where(seen, values, 0.9 * (u[:, :rank] * s[:rank]) @ vt[:rank])
    m = min(N_MODES, len(vt))
    modes = np.full((m, n_names, NODES, 3), np.nan)
    modes[:, enough] = vt[:m].reshape(m, -1, 3)
    return np.nan_to_num(np.stack([_filled(mode) for mode in modes])), s[:m] ** 2 / len(filled)


def _add_first_cells(arrays: dict[str, Any], daughters: np.ndarray) -> None:
    """Give P0, AB and P1, which few recordings show, a place between their daughters."""
    names = all_names()
    for name in ("AB", "P1", "P0"):
        i = names.index(name)
        pair = daughters[i]
        arrays["birth_min"][i], arrays["life_min"][i] = _STARTS[name]
        arrays["birth_sd"][i], arrays["life_sd"][i] = 3.0, 0.15
        arrays["n_lives"][i] = max(3, arrays["n_lives"][i])
        arrays["position"][i] = arrays["position"][pair, 0].mean(0)
        arrays["covariance"][i] = 16.0 * np.eye(3)
        arrays["known"][i] = bool(arrays["known"][pair].all())
        step = arrays["position"][pair[1], 0] - arrays["position"][pair[0], 0]
        if not np.isfinite(arrays["axis_length"][i]):
            arrays["axis"][i] = step / (np.linalg.norm(step) + 1e-9)
            arrays["axis_length"][i] = 0.8
    for i, name in enumerate(names):
        if not arrays["known"][i] and name in ("AB", "P1", "P0"):
            arrays["known"][i] = True
