"""Tables laid on rendered movies: turned, moved, scaled, off in time, and of another embryo."""

from dataclasses import replace

import numpy as np
import pytest

from fatescope.acquire import write_table
from fatescope.acquire.lineages import read_lineage
from fatescope.base import InputError
from fatescope.lineage.movie_fit import FrameStack, Pose, fit_table
from fatescope.simulate.embryo import LineageSettings, MovieScene, MovieSettings
from fatescope.simulate.embryo.truth import epic_table, spots_of
from fatescope.systems.simulation.rendered import read_or_draw

SHAPE = (96, 132)
LOOK = {
    "height": SHAPE[0],
    "width": SHAPE[1],
    "voxel_um": (2.0, 0.5, 0.5),
    "planes": 16,
    "neighbour": 0.0,
    "photons": 200.0,
}
FRAMES = range(40, 90)


def recording(folder, seed):
    """A movie of 50 frames (planes of green), and its table, whose frame 0 is that of the movie."""
    scene = MovieScene(
        read_or_draw(LineageSettings(minutes=100), table=None, seed=seed),
        MovieSettings.from_values(LOOK),
        seed=seed,
    )
    planes = np.stack([scene.render(k)[..., 1] for k in FRAMES])
    spots = spots_of(scene.lives, list(FRAMES), grid=scene.grid)
    table = epic_table(spots, pixel_um=0.5, reporter=np.zeros(len(spots)))
    write_table(table, folder / f"CD{seed}.csv")
    return planes, read_lineage(folder / f"CD{seed}.csv")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return recording(tmp_path_factory.mktemp("pair"), 3)


@pytest.fixture(scope="module")
def stack(pair):
    return FrameStack.of(pair[0])


def changed(lineage, pose):
    """The table whose place on the movie is ``pose``: the opposite of `Pose.apply`."""
    position = lineage.position.copy()
    matrix = pose.scale * pose.matrix
    position[:, 1:] = (position[:, 1:] - np.array(pose.shift_px)) @ np.linalg.inv(matrix).T
    return replace(
        lineage,
        position=position,
        radius_px=lineage.radius_px / pose.scale,
        frame=lineage.frame - int(pose.offset),
    )


@pytest.mark.parametrize(
    "truth",
    [
        Pose(),
        Pose(flip_x=True, shift_px=(0.0, SHAPE[1] - 1.0), offset=-7.0),
        Pose(transposed=True, flip_y=True, scale=0.6, shift_px=(90.0, 4.0), offset=5.0),
    ],
)
def test_frames_size_place_and_orientation_are_found(pair, stack, truth):
    given = changed(pair[1], truth)
    fit = fit_table(stack, given)
    assert fit.is_told
    assert fit.pose.offset == truth.offset
    assert fit.pose.rate == 1
    assert np.array_equal(fit.pose.matrix, truth.matrix)
    assert fit.pose.scale == pytest.approx(truth.scale, rel=0.03)
    laid = fit.pose.apply(given, n_frames=len(stack))
    assert np.array_equal(laid.frame, pair[1].frame[np.isin(pair[1].frame, range(len(stack)))])
    whole = pair[1].position[(pair[1].frame >= 0) & (pair[1].frame < len(stack)), 1:]
    assert np.abs(laid.position[:, 1:] - whole).mean() < 2


@pytest.mark.slow
def test_a_movie_that_shows_every_second_time_is_found(pair):
    fit = fit_table(FrameStack.of(pair[0][::2]), pair[1])
    assert fit.is_told
    assert (fit.pose.rate, fit.pose.offset) == (0.5, 0)
    laid = fit.pose.apply(pair[1], n_frames=25)
    assert set(laid.frame.tolist()) <= set(range(25))
    here = laid.frame == 10
    assert len(set(laid.name[here].tolist())) == here.sum()  # each nucleus once
    assert (laid.parent[laid.frame > 0] >= 0).mean() > 0.9  # and linked over times left out


@pytest.mark.slow
def test_the_table_of_another_embryo_cannot_be_told(stack, tmp_path):
    other = recording(tmp_path, 8)[1]
    fit = fit_table(stack, other)
    assert not fit.is_told
    assert fit.sure_pair < 0.1


@pytest.mark.slow
def test_a_movie_without_nuclei_tells_nothing(pair):
    noise = np.random.default_rng(0).integers(0, 60, (20, *SHAPE)).astype(np.uint8)
    assert not fit_table(FrameStack.of(noise), pair[1]).is_told


def test_too_few_frames_are_refused(pair):
    with pytest.raises(InputError, match="8 are the least"):
        fit_table(FrameStack.of(pair[0][:5]), pair[1])
    one = replace(pair[1], frame=np.zeros_like(pair[1].frame), parent=np.full(len(pair[1]), -1))
    with pytest.raises(InputError, match="4 are the least"):
        fit_table(FrameStack.of(pair[0]), one)


def test_a_pose_carries_places_and_frames():
    pose = Pose(transposed=True, flip_x=True, scale=2.0, shift_px=(1.0, 10.0), offset=3.0, rate=2.0)
    assert pose.places(np.array([[1.0, 4.0]])).tolist() == [[9.0, 8.0]]
    assert pose.frames(np.array([0, 5])).tolist() == [3, 13]
    assert not pose.is_plain
    assert Pose(offset=4.0).is_plain
