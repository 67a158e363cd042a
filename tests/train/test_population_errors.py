"""Errors of frames, estimated from movies whose errors were drawn with known parts."""

import numpy as np
import pytest

from fatescope.lineage.growth import FrameErrors
from fatescope.lineage.growth.errors import common_errors
from fatescope.systems.populations.training.errors import fit_errors


def drawn(errors, n_movies, seed):
    rng = np.random.default_rng(seed)
    frame = np.arange(0, 120, 2)
    stage = np.log(np.linspace(4, 250, len(frame)))
    apart = np.abs(frame[:, None] - frame[None])
    whole = common_errors(stage, errors) + errors.scatter**2 * np.exp(-apart / errors.memory)
    draw = rng.multivariate_normal(np.zeros(len(frame)), whole, size=n_movies)
    return [(error, stage, frame) for error in draw]


@pytest.mark.slow
def test_parts_of_errors_are_found_again():
    truth = FrameErrors(steady=0.1, drift=0.7, drift_range=0.8, scatter=0.3, memory=3.0)
    found = fit_errors(drawn(truth, 30, seed=1))
    assert abs(found.drift - truth.drift) < 0.2
    assert abs(found.scatter - truth.scatter) < 0.1
    quiet = fit_errors(drawn(FrameErrors(steady=0.1, drift=0.15, scatter=0.3, memory=3.0), 30, 2))
    assert quiet.drift < 0.5 * found.drift


def test_without_movies_the_usual_errors_are_taken():
    assert fit_errors([]) == FrameErrors()
    nonsense = np.full(20, 50.0)
    assert fit_errors([(nonsense, np.linspace(1, 5, 20), np.arange(20))]) == FrameErrors()
