"""Tests with few embryos and many cells, and the directions in which the rows of a table differ.

References
----------
Smyth GK (2004). Linear models and empirical Bayes methods for assessing differential expression.
Stat Appl Genet Mol Biol 3:3. Benjamini Y, Hochberg Y (1995). J R Stat Soc B 57:289-300.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray

FEWEST_EMBRYOS = 3
"""With fewer in a group, its spread is hardly known and p-values rest on an assumption."""
MOST_PRIOR_DF = 10.0
"""Degrees of freedom that all other cells together may lend to one cell.

Cells of one embryo vary together, so seven hundred of them do not know the spread between embryos
better than a few embryos do. Without this limit the prior of cells that vary alike becomes certain
and the test a z-test.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupContrast:
    """Difference of two groups of embryos for each cell; all arrays have shape (k,).

    ``difference`` is test minus reference, ``low`` and ``high`` its 95 % interval, ``z`` the
    difference over the standard deviation of one embryo. NaN where a group has too few embryos.
    """

    n_reference: FloatArray
    n_test: FloatArray
    mean_reference: FloatArray
    sd: FloatArray
    mean_test: FloatArray
    difference: FloatArray
    low: FloatArray
    high: FloatArray
    z: FloatArray
    t: FloatArray
    df: FloatArray
    p: FloatArray


@dataclass(frozen=True, slots=True)
class Moments:
    """Of one group, for each cell: embryos, mean, sum of squares about it; arrays of shape (k,)."""

    n: FloatArray
    mean: FloatArray
    squares: FloatArray


def contrast(reference: FloatArray, test: FloatArray) -> GroupContrast:
    """Compare two groups of embryos cell by cell.

    Parameters
    ----------
    reference : ndarray of float, shape (r, k)
        One row per embryo, NaN where the cell was not seen; at least two values per cell are
        needed.
    test : ndarray of float, shape (m, k)
        May have one row: then one embryo is held against the spread of the reference.

    Notes
    -----
    The variance is pooled within the groups and drawn towards that of all cells (empirical
    Bayes), because three embryos alone give a variance that is often far too small.
    """
    return contrast_of_moments(moments(reference), moments(test))


def contrast_of_moments(reference: Moments, test: Moments) -> GroupContrast:
    """Compare two groups by their moments alone, as `contrast` does by their values."""
    n_r, mean_r, ss_r = reference.n, reference.mean, reference.squares
    n_t, mean_t, ss_t = test.n, test.mean, test.squares
    enough = (n_r >= 2) & (n_t >= 1)
    df = np.where(enough, n_r + np.maximum(n_t, 1) - 2, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance, total_df = moderated_variance((ss_r + ss_t) / df, df)
        difference = np.where(enough, mean_t - mean_r, np.nan)
        error = np.sqrt(variance * (1 / n_r + 1 / n_t))
        t = difference / error
        reach = stats.t.ppf(0.975, total_df) * error
        p = 2 * stats.t.sf(np.abs(t), total_df)
        z = difference / np.sqrt(variance)
    return GroupContrast(
        n_reference=n_r,
        n_test=n_t,
        mean_reference=mean_r,
        sd=np.sqrt(variance),
        mean_test=mean_t,
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        z=z,
        t=t,
        df=total_df,
        p=p,
    )


def moderated_variance(variance: FloatArray, df: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Draw variances towards their common size; return them with their degrees of freedom.

    The prior's size and strength are those that make the logarithms of the given variances
    spread as they do (Smyth 2004, section 6.2), but never stronger than `MOST_PRIOR_DF`.
    """
    good = np.isfinite(variance) & (variance > 0) & (df > 0)
    if good.sum() < 3:
        return variance, df
    d = df[good]
    e = np.log(variance[good]) - special.digamma(d / 2) + np.log(d / 2)
    excess = float(np.var(e, ddof=1) - special.polygamma(1, d / 2).mean())
    if excess <= 0:  # all cells vary alike: one variance for all
        prior_df, prior = MOST_PRIOR_DF, float(np.exp(e.mean()))
    else:
        half = _inverse_trigamma(excess)
        prior_df = min(2 * half, MOST_PRIOR_DF)
        prior = float(np.exp(e.mean() + special.digamma(half) - np.log(half)))
    out = (prior_df * prior + df * variance) / (prior_df + df)
    return np.where(np.isfinite(df) & (df > 0), out, np.nan), df + prior_df


def false_discovery_rate(p: FloatArray) -> FloatArray:
    """Return the Benjamini-Hochberg q of each p; NaN stays NaN and does not count.

    Examples
    --------
    >>> false_discovery_rate(np.array([0.01, 0.04, 0.03, np.nan])).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    q = np.full(p.shape, np.nan)
    known = np.isfinite(p)
    if known.any():
        q[known] = stats.false_discovery_control(p[known])
    return q


def moments(values: FloatArray) -> Moments:
    """Return the moments of embryos, shape (embryos, k), each without the cells it lacks."""
    known = np.isfinite(values)
    n = known.sum(axis=0).astype(float)
    filled = np.where(known, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=0) / n
    squares = np.where(known, (values - mean) ** 2, 0.0).sum(axis=0)
    return Moments(n, mean, squares)


def _inverse_trigamma(value: float) -> float:
    """Solve trigamma(x) = value by Newton's method (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        tri = float(special.polygamma(1, x))
        step = tri * (1 - tri / value) / float(special.polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Rows seen along their principal components.

    Parameters
    ----------
    score : ndarray of float, shape (n, k)
        NaN for rows with an unknown value.
    share : ndarray of float, shape (k,)
        Share of the variance of all columns.
    weight : ndarray of float, shape (k, c)
        Of each column in each component.
    columns : tuple of str, length c
    """

    score: FloatArray
    share: FloatArray
    weight: FloatArray
    columns: tuple[str, ...]


def principal_components(
    values: FloatArray, columns: Sequence[str], *, n_components: int = 2
) -> Components:
    """Scale every column to mean 0 and standard deviation 1, and find the principal components.

    Parameters
    ----------
    values : ndarray of float, shape (n, c)
        Columns that are unknown in every row, or the same in every row, are left out.
    columns : sequence of str, length c
    n_components : int

    Raises
    ------
    InputError
        If fewer than two rows, or fewer columns than components, are left.

    Notes
    -----
    The sign of a component is free; it is chosen so that its largest weight is positive.

    References
    ----------
    Jolliffe IT, Cadima J (2016). Principal component analysis: a review and recent developments.
    Phil Trans R Soc A 374:20150202.
    """
    differs = np.array([len(np.unique(v[np.isfinite(v)])) > 1 for v in values.T], dtype=bool)
    used = values[:, differs]
    known = np.isfinite(used).all(axis=1)
    if known.sum() < 2 or differs.sum() < n_components:
        raise InputError(
            f"principal components need two rows and {n_components} columns that differ; got "
            f"{int(known.sum())} rows and {int(differs.sum())} such columns."
        )
    rows = used[known]
    deviation = rows.std(axis=0)
    scaled = (rows - rows.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    _, singular, weight = np.linalg.svd(scaled, full_matrices=False)
    weight = weight[:n_components]
    largest = weight[np.arange(n_components), np.abs(weight).argmax(axis=1)]
    weight = weight * np.sign(largest)[:, None]
    score = np.full((len(values), n_components), np.nan)
    score[known] = scaled @ weight.T
    return Components(
        score=score,
        share=(singular**2 / (singular**2).sum())[:n_components],
        weight=weight,
        columns=tuple(c for c, d in zip(columns, differs, strict=True) if d),
    )
