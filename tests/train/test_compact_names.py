import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("imblearn")

from fatescope.base import InputError
from fatescope.train.compact_names import build_names_network, fit_as_published, fit_corrected


def three_clouds(n=240, seed=0):
    """Three classes of unequal size, apart in the first two features."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n, p=[0.7, 0.2, 0.1])
    features = rng.normal(0, 1, (n, 5))
    features[:, 0] += 6 * labels
    return features, labels


def test_the_network_is_the_published_one():
    sizes = [
        (m.in_features, m.out_features)
        for m in build_names_network(5, 32)
        if hasattr(m, "in_features")
    ]
    assert sizes == [(5, 256), (256, 128), (128, 128), (128, 128), (128, 64), (64, 32)]
    assert sum(type(m).__name__ == "Dropout" for m in build_names_network(5, 32)) == 3


def test_sampling_before_the_split_puts_copies_on_both_sides():
    features, labels = three_clouds()
    fit = fit_as_published(features, labels, n_classes=3, epochs=2, seed=0)
    assert fit.rows == 240
    assert fit.rows_after_sampling == 3 * np.bincount(labels).max()
    assert fit.copies > 0.5
    assert fit.majority == np.bincount(labels).max() / 240
    assert len(fit.fitted.loss) == len(fit.fitted.rate) == 2


def test_the_corrected_fit_learns_and_gives_the_same_numbers_again():
    train, check = three_clouds(seed=1), three_clouds(seed=2)
    fits = [
        fit_corrected(*train, *check, n_classes=3, rows_per_class=100, epochs=12, seed=3)
        for _ in range(2)
    ]
    assert fits[0].check_accuracy[-1] > 0.95
    assert (fits[0].predict(check[0]) == check[1]).mean() == pytest.approx(
        fits[0].check_accuracy[-1]
    )
    np.testing.assert_array_equal(fits[0].loss, fits[1].loss)
    for (a, b), (c, d) in zip(fits[0].weights, fits[1].weights, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_a_table_without_the_names_is_refused():
    with pytest.raises(InputError, match="no row with one of the 32 compact names"):
        fit_as_published(np.zeros((0, 5)), np.zeros(0, int), n_classes=32, epochs=1, seed=0)
