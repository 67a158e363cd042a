"""Errors that frames of a movie share: what they explain, and what they do not."""

import numpy as np
import pytest

from fatescope.acquire.lineages.growth_file import read_growth
from fatescope.lineage.growth import (
    FrameErrors,
    GrowthCurves,
    count_moments,
    estimate_populations,
    match_growth,
)
from fatescope.lineage.growth.errors import MOST_AWAY, evidence_of, rising

CELLS = 2 ** np.linspace(0, 9, 91)
USUAL = FrameErrors()
STAGE = np.log(np.linspace(4, 200, 60))


def evidence(error, errors=USUAL):
    spread = np.full(len(STAGE), 0.2)
    return evidence_of(STAGE + 0.2 * error, spread, np.arange(len(STAGE)), errors)


def distance(error, errors=USUAL):
    return float(evidence(error, errors).away(STAGE[None])[0])


def by_hand(error, errors):
    """The same through the inverse of the whole matrix."""
    found = evidence(error, errors)
    stage = rising(STAGE + 0.2 * error)
    away = (stage[:, None] - stage[None]) / errors.drift_range
    whole = errors.steady**2 + errors.drift**2 * np.exp(-0.5 * away**2)
    whole += found.variance * np.eye(len(stage))
    return float(error @ np.linalg.solve(whole, error))


def test_the_distance_is_that_of_the_whole_covariance():
    error = np.random.default_rng(1).normal(0, 0.5, len(STAGE))
    errors = FrameErrors()
    assert distance(error) == pytest.approx(by_hand(error, errors), rel=0.02)


def test_an_error_that_a_movie_keeps_costs_less_than_the_same_of_single_frames():
    kept = np.full(len(STAGE), 0.4)
    single = kept * np.where(np.arange(len(STAGE)) % 2, 1, -1)
    assert distance(kept) < 0.25 * distance(single)


def test_a_frame_that_is_far_away_costs_no_more_than_one_at_the_limit():
    error = np.zeros(len(STAGE))
    error[30] = 5
    far = distance(error)
    error[30] = 500
    assert distance(error) == pytest.approx(far)
    assert far == pytest.approx(MOST_AWAY**2 / evidence(error).variance, rel=0.01)


def test_a_movie_that_counts_a_tenth_too_many_throughout_is_seen_through():
    count, tempo, metadata = read_growth()
    curves = GrowthCurves(count=count, tempo=tempo, metadata=metadata)
    truth = curves.count[8, 40:230]
    truth = truth[truth[:, 0] > 0]
    rng = np.random.default_rng(2)
    said = truth[:, 0] * 1.12 * np.exp(rng.normal(0, 0.05, len(truth)))
    away = (np.log2(CELLS) - np.log2(said)[:, None]) / 0.25
    chance = np.exp(-0.5 * away**2)
    chance /= chance.sum(axis=1, keepdims=True)
    used = np.ones(len(said), dtype=bool)
    off = {}
    for name, errors in (
        ("shared", FrameErrors()),
        ("single", FrameErrors(steady=0.01, drift=0.01, memory=1.0)),
    ):
        match = match_growth(
            chance, used, CELLS, curves.without(8), interval_min=None, errors=errors
        )
        found = estimate_populations(match, curves.without(8), n_frames=len(said), up_to=400)
        off[name] = np.abs(found.count[:, 0] - truth[:, 0]).mean() / truth[:, 0].mean()
        inside = (found.low[:, 0] <= truth[:, 0]) & (truth[:, 0] <= found.high[:, 0])
        if name == "shared":
            assert inside.mean() > 0.8
    assert off["shared"] < 0.6 * off["single"]


def test_moments_are_those_of_the_chances():
    chance = np.zeros((1, len(CELLS)))
    chance[0, [20, 40]] = 0.5
    mean, spread = count_moments(chance, CELLS)
    low, high = np.log(CELLS[[20, 40]])
    assert mean[0] == pytest.approx((low + high) / 2)
    assert spread[0] == pytest.approx((high - low) / 2)


def test_hypotheses_stand_for_all_that_fit_and_not_only_for_the_best():
    count, tempo, metadata = read_growth()
    curves = GrowthCurves(count=count, tempo=tempo, metadata=metadata)
    chance = np.full((12, len(CELLS)), 1 / len(CELLS))
    match = match_growth(
        chance, np.ones(12, dtype=bool), CELLS, curves, interval_min=1.0, errors=FrameErrors()
    )
    assert match.weight.sum() == pytest.approx(1)
    assert len(set(match.embryo.tolist())) > 40
    assert np.ptp(match.start) > 60
