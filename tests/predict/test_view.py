import numpy as np
import pytest

from fatescope.base import Image
from fatescope.predict import open_frames, open_predictor
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.systems.nuclei.outline import segment_frame, segment_image
from fatescope.systems.nuclei.scales import choose_scale
from fatescope.systems.nuclei.settings import NucleiSettings


class Counted:
    """A predictor whose network counts what it runs."""

    def __init__(self):
        self._inner = open_predictor("nuclei")
        self.name, self.sha256 = self._inner.name, self._inner.sha256
        self.device, self.description = self._inner.device, self._inner.description
        self.solid = None
        self.n_runs = 0

    def network(self, parts, statistics):
        return self

    def run(self, batch):
        self.n_runs += 1
        return self._inner.network(None, None).run(batch)


def drawn(diameter, shape=(256, 256)):
    settings = NucleiMovieSettings(
        height=shape[0], width=shape[1], diameter_px=diameter, density=0.3
    )
    return Image(pixels=simulate_image(settings, seed=4)[0], axes="YX")


@pytest.mark.parametrize("diameter", [12, 16, 22, 30])
def test_a_small_image_is_seen_once_where_the_guess_is_right(diameter):
    predictor = Counted()
    found = segment_image(drawn(diameter), predictor=predictor)
    assert found.plan.source == "estimated"
    assert predictor.n_runs == 1
    assert found.labels.max() > 3


def test_a_stack_is_looked_at_and_then_seen_plane_by_plane():
    planes = drawn(16).pixels
    predictor = Counted()
    segment_image(Image(pixels=np.stack([planes] * 3), axes="ZYX"), predictor=predictor)
    assert predictor.n_runs >= 4


@pytest.mark.parametrize("diameter", [10, 16, 26, 45])
def test_what_a_look_has_seen_is_what_the_final_pass_would_see(diameter):
    image, predictor = drawn(diameter, (230, 251)), open_predictor("nuclei")
    frames, _ = open_frames(image)
    plan = choose_scale(frames, predictor, NucleiSettings())
    again, _ = open_frames(image)
    one = segment_frame(frames[0], predictor, plan, NucleiSettings())
    two = segment_frame(again[0], predictor, plan, NucleiSettings())
    np.testing.assert_array_equal(one.array(), two.array())
    np.testing.assert_array_equal(one.scores, two.scores)


def test_another_network_sees_for_itself():
    image, first, second = drawn(16), Counted(), Counted()
    frames, _ = open_frames(image)
    plan = choose_scale(frames, first, NucleiSettings())
    segment_frame(frames[0], second, plan, NucleiSettings())
    assert second.n_runs == 1
