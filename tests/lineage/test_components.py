import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.lineage.statistics import principal_components


def test_a_line_in_two_columns_is_one_component():
    x = np.arange(10.0)
    found = principal_components(np.stack([x, 3 - 2 * x], axis=1), ("a", "b"))
    np.testing.assert_allclose(found.share, [1, 0], atol=1e-12)
    np.testing.assert_allclose(np.abs(found.weight[0]), [0.5**0.5] * 2)
    assert found.weight[0].max() > 0


def test_agrees_with_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    values = np.random.default_rng(0).normal(size=(200, 4)) @ np.diag([1, 5, 2, 9]) + 100
    values[:, 3] += 4 * values[:, 0]
    found = principal_components(values, ("x", "y", "time", "size"))
    oracle = decomposition.PCA(n_components=2)
    score = oracle.fit_transform(preprocessing.StandardScaler().fit_transform(values))
    np.testing.assert_allclose(found.share, oracle.explained_variance_ratio_)
    for ours, theirs in zip(found.score.T, score.T, strict=True):
        np.testing.assert_allclose(ours * np.sign(ours @ theirs), theirs, atol=1e-9)


def test_columns_without_content_are_left_out_and_unknown_rows_have_no_score():
    values = np.random.default_rng(1).normal(size=(20, 4))
    values[:, 1], values[:, 3], values[5, 0] = np.nan, 7.0, np.nan
    found = principal_components(values, ("x", "y", "time", "size"))
    assert found.columns == ("x", "time")
    assert np.isnan(found.score[5]).all()
    assert np.isfinite(np.delete(found.score, 5, axis=0)).all()


def test_a_table_that_does_not_differ_is_refused():
    with pytest.raises(InputError, match="2 columns that differ; got 3 rows and 1 such"):
        principal_components(np.array([[1.0, 2], [2, 2], [3, 2]]), ("x", "y"))
