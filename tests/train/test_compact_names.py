import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("imblearn")

from fatescope.base import InputError
from fatescope.systems.lineages.training.compact_names import (
    LATER,
    REPORTED,
    fit_as_published,
    fit_corrected,
)
from fatescope.systems.lineages.training.names import build_names_network


def three_clouds(n=240, seed=0):
    """Three classes of unequal size, apart in the first two features."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n, p=[0.7, 0.2, 0.1])
    features = rng.normal(0, 1, (n, 5))
    features[:, 0] += 6 * labels
    return features, labels


@pytest.mark.parametrize(
    ("run", "sizes", "dropout_at"),
    [
        (REPORTED, [(4, 256), (256, 128), (128, 128), (128, 64), (64, 32)], [4, 7]),
        (
            LATER,
            [(5, 256), (256, 128), (128, 128), (128, 128), (128, 64), (64, 32)],
            [4, 7, 10],
        ),
    ],
)
def test_the_networks_are_those_of_the_two_published_runs(run, sizes, dropout_at):
    network = build_names_network(len(run.columns), 32, run.layout)
    linear = [(m.in_features, m.out_features) for m in network if hasattr(m, "in_features")]
    assert linear == sizes
    assert [i for i, m in enumerate(network) if type(m).__name__ == "Dropout"] == dropout_at


def test_the_reported_run_sees_no_plane():
    assert REPORTED.columns == ("x", "y", "time", "size")
    assert (REPORTED.letters, REPORTED.layout.batch) == (3, 100)


def test_sampling_before_the_split_puts_copies_on_both_sides(tmp_path):
    features, labels = three_clouds()
    fit = fit_as_published(
        features, labels, run=LATER, n_classes=3, epochs=2, seed=0, folder=tmp_path
    )
    assert fit.rows == 240
    assert fit.rows_after_sampling == 3 * np.bincount(labels).max()
    assert fit.copies > 0.5
    assert fit.majority == np.bincount(labels).max() / 240
    assert len(fit.fitted.history) == 2


def test_step_of_a_constant_is_a_staircase_and_step_of_a_falling_loss_is_not(tmp_path):
    plan = {"run": LATER, "n_classes": 3, "epochs": 24, "seed": 0}
    constant, on_loss = (
        fit_as_published(*three_clouds(), **plan, schedule=s, folder=tmp_path / s).fitted
        for s in ("constant", "loss")
    )
    steps = [0.001] * 8 + [0.0007] * 7 + [0.00049] * 7 + [0.000343] * 2
    np.testing.assert_allclose(constant.course("learning_rate"), steps)
    assert on_loss.course("learning_rate")[8] == 0.001
    np.testing.assert_array_equal(constant.course("loss")[:8], on_loss.course("loss")[:8])


def test_training_accuracy_is_that_of_the_network_after_the_epoch_without_dropout(tmp_path):
    features, labels = three_clouds()
    plan = {"n_classes": 3, "rows_per_class": 10**6, "epochs": 3, "seed": 0}
    fitted = fit_corrected((features, labels), (features, labels), **plan, folder=tmp_path)
    # Over-sampled: each class counts the same.
    right = fitted.predict(features) == labels
    expected = np.mean([right[labels == c].mean() for c in range(3)])
    assert fitted.course("training_accuracy")[-1] == pytest.approx(expected, abs=0.02)


def test_the_corrected_fit_learns_and_gives_the_same_numbers_again(tmp_path):
    train, check = three_clouds(seed=1), three_clouds(seed=2)
    fits = [
        fit_corrected(train, check, n_classes=3, rows_per_class=100, epochs=12, seed=3, folder=f)
        for f in (tmp_path / "one", tmp_path / "two")
    ]
    accuracy = fits[0].history[-1]["validation_accuracy"]
    assert accuracy > 0.95
    assert (fits[0].predict(check[0]) == check[1]).mean() == pytest.approx(accuracy)
    assert fits[0].history == fits[1].history
    for (a, b), (c, d) in zip(fits[0].weights, fits[1].weights, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_a_table_without_the_names_is_refused(tmp_path):
    with pytest.raises(InputError, match="no row with one of the compact names"):
        fit_as_published(
            np.zeros((0, 5)),
            np.zeros(0, int),
            run=LATER,
            n_classes=32,
            epochs=1,
            seed=0,
            folder=tmp_path,
        )


def test_a_fit_that_was_killed_goes_on_to_the_same_network(tmp_path):
    train, check = three_clouds(seed=1), three_clouds(seed=2)
    plan = {"n_classes": 3, "rows_per_class": 100, "epochs": 6, "seed": 3}
    whole = fit_corrected(train, check, **plan, folder=tmp_path / "whole")

    def stop(done, total, what):
        if 2 * done >= total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_corrected(train, check, **plan, folder=tmp_path / "parts", progress=stop)
    left = []
    again = fit_corrected(
        train, check, **plan, folder=tmp_path / "parts", progress=lambda *told: left.append(told)
    )
    assert len(left) == 3
    assert again.history == whole.history
    np.testing.assert_array_equal(again.predict(check[0]), whole.predict(check[0]))
