import numpy as np
import pytest

from fatescope.simulate.embryo.camera import Detector


@pytest.mark.parametrize("light", [0.0, 0.05, 0.4, 1.0, 2.0])
def test_grey_values_have_the_mean_and_the_spread_of_photons(light):
    photons, gain, read = 18.0, 60.0, 0.6
    detector = Detector(photons=photons, gain=gain, offset=20.0, read_noise=read)
    seen = detector.expose(np.full((400, 400), light, np.float32), np.random.default_rng(1))
    step = gain / photons
    assert seen.mean() == pytest.approx(20 + gain * light, rel=0.02)
    assert seen.std() == pytest.approx(step * np.sqrt(photons * light + read**2), rel=0.05)


def test_bright_light_saturates():
    detector = Detector(photons=20, gain=200.0, offset=2.0, read_noise=0.6)
    seen = detector.expose(np.full((50, 50), 4.0, np.float32), np.random.default_rng(1))
    assert (seen == 255).all()
