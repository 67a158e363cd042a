"""Principal components: the directions in which rows of a table differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray


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
