"""Lay one set of points over another: a rotation, or a linear map that is drawn towards one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray

_LEAST_RIDGE = 1e-9
"""Keeps the equations solvable where points lie in one plane."""


def fit_rotation(
    source: FloatArray, target: FloatArray, *, weight: FloatArray | None = None
) -> FloatArray:
    """Return the proper rotation that best turns ``source`` into ``target``.

    Parameters
    ----------
    source, target : ndarray of float, shape (n, d)
        Points about their centres, or directions; row by row the same.
    weight : ndarray of float, shape (n,), optional
        Trust in each row.

    Returns
    -------
    ndarray of float, shape (d, d)
        ``source @ rotation.T`` lies on ``target``. Its determinant is 1: a mirror image of an
        embryo is not an embryo.

    References
    ----------
    Kabsch W (1976). Acta Crystallographica A 32:922-923.

    Examples
    --------
    >>> fit_rotation(np.eye(2), np.array([[0.0, 1.0], [-1.0, 0.0]])).round().tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    weighted = source if weight is None else source * weight[:, None]
    u, _, vt = np.linalg.svd(weighted.T @ target)
    keep = np.ones(len(u))
    keep[-1] = np.sign(np.linalg.det(vt.T @ u.T))
    return np.asarray(vt.T @ np.diag(keep) @ u.T)


def fit_matrix(
    source: FloatArray,
    target: FloatArray,
    *,
    weight: FloatArray,
    ridge: float,
    prior: FloatArray | None = None,
) -> FloatArray:
    """Fit ``target = source @ matrix``, drawn towards ``prior`` (or zero) by ``ridge``.

    Parameters
    ----------
    source, target : ndarray of float, shape (n, d)
        Points about their centres.
    weight : ndarray of float, shape (n,)
    ridge : float
        In units of weight times squared length: about what the rows must add up to before they
        count more than ``prior``.
    prior : ndarray of float, shape (d, d), optional

    Returns
    -------
    ndarray of float, shape (d, d)

    References
    ----------
    Hoerl AE, Kennard RW (1970). Technometrics 12:55-67; about ``prior`` in place of zero.
    """
    weighted = source * weight[:, None]
    normal = weighted.T @ source + (ridge + _LEAST_RIDGE) * np.eye(source.shape[1])
    right = weighted.T @ target
    if prior is not None:
        right = right + ridge * prior
    return np.linalg.solve(normal, right)


def fit_linear(
    source: FloatArray,
    target: FloatArray,
    *,
    weight: FloatArray,
    ridge: float,
    prior: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Fit ``target = source @ matrix + shift``: `fit_matrix` about the weighted centres.

    Returns
    -------
    matrix : ndarray of float, shape (d, d)
    shift : ndarray of float, shape (d,)
    """
    share = weight / weight.sum()
    centre, goal = share @ source, share @ target
    matrix = fit_matrix(source - centre, target - goal, weight=weight, ridge=ridge, prior=prior)
    return matrix, goal - centre @ matrix
