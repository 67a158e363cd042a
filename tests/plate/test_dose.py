import numpy as np
import pytest
from scipy.optimize import curve_fit

from fatescope.base import InputError
from fatescope.plate import fit_dose

DOSES = np.repeat([0, 0.1, 0.3, 1, 3, 10, 30], 4).astype(float)


def wells(ec50=1.0, slope=1.5, spread=0.03, seed=0, doses=DOSES):
    share = np.where(doses > 0, 1 / (1 + (np.maximum(doses, 1e-9) / ec50) ** -slope), 0)
    return 0.95 - 0.8 * share + np.random.default_rng(seed).normal(0, spread, len(doses))


def test_the_dose_of_half_the_effect_is_found_with_its_interval():
    fit = fit_dose(DOSES, wells(seed=5))
    assert fit.low < 1 < fit.high
    assert fit.high / fit.low < 2
    assert fit.top == pytest.approx(0.95, abs=0.04)
    assert fit.bottom == pytest.approx(0.15, abs=0.06)
    np.testing.assert_allclose(
        fit.at(np.array([0.0, fit.ec50])), [fit.top, (fit.top + fit.bottom) / 2]
    )


def fitted_by_scipy(dose, response):
    """Weighted least squares, weights from the fit before: top, bottom, log EC50, slope."""

    def curve(x, top, bottom, log_ec50, slope):
        return bottom + (top - bottom) / (1 + (x / np.exp(log_ec50)) ** slope)

    found, sigma = (0.9, 0.1, 0.0, 1.5), np.ones(len(dose))
    bounds = ([0, 0, -5, 0.2], [1, 1, 5, 8])
    for _ in range(3):
        found, _ = curve_fit(curve, dose, response, p0=found, sigma=sigma, bounds=bounds)
        p = curve(dose, *found)
        sigma = np.sqrt(np.maximum(p * (1 - p), 0.03))
    return found


def test_agrees_with_weighted_least_squares_of_scipy():
    response = wells(seed=3)
    fit = fit_dose(DOSES, response)
    ours = (fit.top, fit.bottom, np.log(fit.ec50), fit.slope)
    np.testing.assert_allclose(ours, fitted_by_scipy(DOSES, response), atol=4e-3)


def test_no_level_lies_outside_of_what_a_share_can_be():
    dose = np.array([0, 0, 0, 0.1, 0.3, 1, 3, 10])
    response = np.array([0.955, 0.937, 0.895, 0.975, 0.931, 0.83, 0.45, 0.0])
    fit = fit_dose(dose, response)  # least squares alone would end at -0.12
    assert 0 <= fit.bottom < 0.01
    assert fit.low < fit.ec50 < fit.high
    ours = (fit.top, fit.bottom, np.log(fit.ec50), fit.slope)
    np.testing.assert_allclose(ours, fitted_by_scipy(dose, response), atol=2e-2)


def test_without_a_plateau_no_number_is_given():
    with pytest.raises(InputError, match=r"no plateau is reached .at high doses"):
        fit_dose(DOSES, wells(ec50=30.0))
    few = DOSES > 0.2
    with pytest.raises(InputError, match=r"no plateau is reached .at low doses"):
        fit_dose(DOSES[few], wells(ec50=0.3)[few])


def test_a_flat_response_and_too_few_doses_are_refused():
    with pytest.raises(InputError, match="does not change with the dose"):
        fit_dose(DOSES, np.random.default_rng(0).normal(0.9, 0.03, len(DOSES)))
    with pytest.raises(InputError, match="4 doses above 0"):
        fit_dose(DOSES[:12], wells()[:12])
