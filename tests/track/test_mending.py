"""Wrong links are found by what is usual in the recording itself."""

import numpy as np
import pytest
from scipy.stats import multivariate_t

from fatescope.track import Motion, estimate_motion, mend_links


def never_young(first, last):
    return 0.0


def lattice(d, frames=8, seed=0, tremble=0.3):
    """A lattice of objects 6 µm apart that tremble; row ``f * n + k`` is object ``k``."""
    rng = np.random.default_rng(seed)
    start = np.stack(np.meshgrid(*[6.0 * np.arange(4)] * d), axis=-1).reshape(-1, d)
    n = len(start)
    place = np.concatenate([start + rng.normal(0, tremble, start.shape) for _ in range(frames)])
    parent = np.arange(n * frames) - n
    parent[:n] = -1
    return place, np.repeat(np.arange(frames), n), parent, n


@pytest.mark.parametrize("d", [2, 3])
def test_exchanged_links_are_put_right_and_all_others_kept(d):
    place, frame, parent, n = lattice(d)
    wrong = parent.copy()
    row = 4 * n + 5
    wrong[[row, row + 1]] = wrong[[row + 1, row]]
    mended = mend_links(place, frame, wrong, life_cost=never_young)
    assert mended.tolist() == parent.tolist()


@pytest.mark.parametrize("d", [2, 3])
def test_a_lost_link_is_found_and_a_right_tree_left_alone(d):
    place, frame, parent, n = lattice(d)
    assert mend_links(place, frame, parent, life_cost=never_young).tolist() == parent.tolist()
    lost = parent.copy()
    lost[3 * n] = -1
    assert mend_links(place, frame, lost, life_cost=never_young).tolist() == parent.tolist()


@pytest.mark.parametrize("d", [2, 3])
def test_the_usual_step_is_that_of_the_recording(d):
    place, frame, parent, _ = lattice(d, frames=30)
    found = estimate_motion(place, frame, parent)
    assert found.step_um == pytest.approx(0.3 * np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("d", [2, 3])
def test_the_cost_of_a_step_is_that_of_a_t_distribution(d):
    rng = np.random.default_rng(0)
    here, there, flow = (tuple(rng.normal(0, 1, d).tolist()) for _ in range(3))
    none = tuple([0.0] * d)
    motion = Motion([here, there], [flow, none], [0, 2], 0.7, 4.4)
    mean = np.array(here) + 2 * np.array(flow)
    theirs = multivariate_t(mean, 2 * 0.7**2 * np.eye(d), df=4).logpdf(there)
    assert motion.follow(0, 1) == pytest.approx(-theirs, abs=1e-3)


@pytest.mark.parametrize("d", [2, 3])
def test_a_daughter_missed_in_her_first_frame_is_no_daughter_of_her_sister(d):
    place, frame, parent, n = lattice(d, tremble=0.1)
    row = np.arange(len(frame))
    mother, one = 2 * n + 5, 3 * n + 5
    away = np.array([2.2] + [0.0] * (d - 1))
    place[(row % n == 5) & (frame >= 3)] += away
    sisters = place[(row % n == 5) & (frame >= 4)] - 2 * away
    place, frame = np.r_[place, sisters], np.r_[frame, np.arange(4, 8)]
    rest = np.arange(len(row), len(row) + 3)
    truth, wrong = np.r_[parent, mother, rest], np.r_[parent, one, rest]
    mended = mend_links(
        place, frame, wrong, life_cost=never_young, disbelief=1.0, most_missed=2, missed=4.0
    )
    assert mended.tolist() == truth.tolist()
    assert mend_links(place, frame, wrong, life_cost=never_young).tolist() != truth.tolist()
