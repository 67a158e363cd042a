from itertools import pairwise
from typing import get_args

import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.simulate.embryo.faults import (
    FRAME_FAULTS,
    PlannedFault,
    fault_rows,
    faulty_frame,
    plan_faults,
)
from fatescope.simulate.embryo.settings import FrameRule


def recording(frame: int) -> np.ndarray:
    """A disc that moves and grows a little, in noise; any frame by its number."""
    rng = np.random.default_rng([7, frame])
    y, x = np.mgrid[:120, :160]
    disc = np.hypot(y - 60, x - 70 - 0.2 * frame) < 30 + 0.05 * frame
    pixels = rng.integers(0, 12, (120, 160, 3))
    pixels[disc, 1] += 120
    return pixels.astype(np.uint8)


def shown(rule: str, frame: int = 100, *, last: int = 104, strength: float = 1.0, seed: int = 5):
    fault = PlannedFault(rule, 100, last, strength, seed)
    return faulty_frame(recording, frame, [fault]).astype(int)


TRUE = recording(100).astype(int)


def test_every_rule_that_a_user_can_ask_for_can_be_put_in():
    assert set(FRAME_FAULTS) == set(get_args(FrameRule))


@pytest.mark.parametrize("rule", sorted(FRAME_FAULTS))
def test_a_fault_changes_its_frames_and_no_others_and_keeps_their_form(rule):
    fault = PlannedFault(rule, 100, 104, 1.0, 5)
    for frame in (99, 105):
        np.testing.assert_array_equal(faulty_frame(recording, frame, [fault]), recording(frame))
    seen = faulty_frame(recording, 100, [fault])
    assert seen.dtype == np.uint8
    assert seen.shape == (120, 160, 3)
    assert (seen != recording(100)).mean() > 0.01
    np.testing.assert_array_equal(seen, faulty_frame(recording, 100, [fault]))


def test_what_each_fault_does():
    assert shown("black").mean() < 0.1
    assert shown("dark").mean() < 0.4 * TRUE.mean()
    np.testing.assert_array_equal(shown("frozen", 103), recording(99))
    np.testing.assert_array_equal(shown("duplicate", last=100), recording(99))
    assert (shown("saturated")[..., 1] == 255).mean() > 0.1
    assert np.abs(np.diff(shown("blurred"), axis=1)).mean() < 2
    bright = [shown("flicker", f)[..., 1].mean() for f in range(100, 104)]
    assert bright[0] < bright[1] > bright[2] < bright[3]
    np.testing.assert_array_equal(shown("torn")[:30], TRUE[:30])
    assert np.abs(shown("foreign") - TRUE).mean() > 5


def test_a_cropped_side_is_black_and_the_rest_untouched():
    seen = shown("cropped")
    gone = (seen == 0).all(axis=2)
    whole = gone.all(axis=1).sum() + gone.all(axis=0).sum()
    assert whole > 15
    np.testing.assert_array_equal(seen[~gone], TRUE[~gone])


def test_a_jump_moves_everything_and_the_next_frame_is_back():
    seen, true = shown("jump")[..., 1] > 60, TRUE[..., 1] > 60
    middle = [np.mean(np.nonzero(m), axis=1) for m in (seen, true)]
    assert np.hypot(*(middle[0] - middle[1])) > 4


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rule", ["line", "patch"])
def test_dirt_is_saturated_red(rule, seed):
    changed = (shown(rule, seed=seed) != TRUE).any(axis=2)
    assert 0.003 < changed.mean() < 0.4
    assert (shown(rule, seed=seed)[changed][:, 0] > 240).all()


def test_weak_faults_change_less():
    for rule in ("dark", "blurred", "flicker"):
        strong = np.abs(shown(rule) - TRUE).mean()
        assert np.abs(shown(rule, strength=0.3) - TRUE).mean() < 0.7 * strong


def test_planned_faults_stay_apart_and_off_the_ends():
    faults = plan_faults(tuple(FRAME_FAULTS), each=2, frames=500, strength=1.0, seed=3)
    assert len(faults) == 26
    assert faults[0].first >= 4
    assert faults[-1].last < 496
    for before, after in pairwise(faults):
        assert after.first - before.last > 6
    assert plan_faults(tuple(FRAME_FAULTS), each=2, frames=500, strength=1.0, seed=3) == faults


def test_a_movie_too_short_for_its_faults_is_refused():
    with pytest.raises(InputError, match="do not fit into 30 frames"):
        plan_faults(tuple(FRAME_FAULTS), each=3, frames=30, strength=1.0, seed=1)


def test_the_truth_has_a_row_for_every_frame_of_a_fault():
    rows = fault_rows([PlannedFault("dark", 3, 5, 1.0, 1), PlannedFault("torn", 9, 9, 1.0, 1)])
    assert rows["frame"].tolist() == [3, 4, 5, 9]
    assert rows["rule"].tolist() == ["dark", "dark", "dark", "torn"]
