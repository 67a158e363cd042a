import numpy as np
import pytest

from fatescope.simulate.embryo import EmbryoScene, Lives, MovieScene, MovieSettings, VolumeSettings
from fatescope.simulate.embryo.camera import Detector
from fatescope.simulate.embryo.nuclei import draw_nuclear_light, nuclear_bodies
from fatescope.simulate.embryo.projection import project_labels, project_light
from fatescope.simulate.embryo.shell import Grid
from fatescope.simulate.lineage import LineagePlan, simulate_lineage

SMALL = MovieSettings(height=160, width=220, voxel_um=(1.0, 0.3, 0.3), place="centre")
PLAN = LineagePlan(minutes=90.0)


def lives(seed: int = 3) -> Lives:
    return Lives(simulate_lineage(PLAN, seed=seed), spacing_um=PLAN.spacing_um, interval_min=1.5)


def scene(settings: MovieSettings = SMALL, *, seed: int = 1, beside: bool = False) -> MovieScene:
    return MovieScene(lives(), settings, beside=lives(8) if beside else None, seed=seed)


def test_the_projection_is_that_of_the_volume():
    embryo = EmbryoScene(
        lives(),
        VolumeSettings(planes=200, height=100, width=140, voxel_um=(0.15, 0.5, 0.5)),
        seed=1,
    )
    grid, bodies = embryo.grid, nuclear_bodies(embryo.lives.at(50))
    n = len(bodies.density)
    shared = {"blur_um": (0.75, 0.2, 0.2), "texture_strength": 0.0, "grid": grid}
    volume = np.zeros(grid.shape, np.float32)
    draw_nuclear_light(
        volume,
        bodies,
        np.ones(n),
        texture=np.zeros((1, 1, 1), np.float32),
        texture_at=np.zeros((n, 3), int),
        **shared,
    )
    flat = np.zeros((1, *grid.shape[1:]), np.float32)
    project_light(
        flat,
        bodies,
        np.ones((1, n)),
        texture=np.zeros((1, 1), np.float32),
        texture_at=np.zeros((n, 2), int),
        **shared,
    )
    away = np.abs(flat[0] - volume.max(axis=0))
    assert away.mean() < 0.01
    assert (away > 0.1).mean() < 0.01  # where two nuclei touch along z their light adds


def test_labels_show_the_upper_nucleus():
    grid = Grid(shape=(20, 100, 100), spacing_um=(1.0, 0.1, 0.1))
    embryo = lives()
    moment = embryo.at(20)
    bodies = nuclear_bodies(moment)
    bodies.centre_um[:] = (10.0, 5.0, 5.0)
    bodies.centre_um[1, 0] = 2.0
    labels = np.zeros((100, 100), np.uint16)
    project_labels(labels, bodies, moment.cell + 1, grid=grid)
    assert labels[50, 50] == moment.cell[1] + 1


def test_noise_of_a_projection_is_the_highest_of_its_planes():
    detector = Detector(photons=20, gain=100, offset=10, read_noise=0.5)
    light = np.full((300, 300), 0.1, np.float32)
    rng = np.random.default_rng(1)
    stack = np.stack([detector.expose(light, rng) for _ in range(31)]).max(axis=0)
    at_once = detector.expose_brightest(light, 31, np.random.default_rng(2))
    assert at_once.mean() == pytest.approx(stack.mean(), rel=0.02)
    assert at_once.std() == pytest.approx(stack.std(), rel=0.1)


def test_frames_do_not_depend_on_what_was_rendered_before():
    once, again = scene(), scene()
    again.render(10)
    np.testing.assert_array_equal(once.render(40), again.render(40))


def test_labels_are_where_the_green_is():
    movie = scene(SMALL.replace(speckle=0, debris=0))
    frame, labels = movie.render(50), movie.labels(50)
    green = frame[..., 1].astype(float)
    assert green[labels > 0].mean() > 4 * green[labels == 0].mean()
    assert set(np.unique(labels)) <= {0, *(movie.moment(50).cell + 1).tolist()}


def test_the_marker_brightens_when_the_embryo_expresses_it_itself():
    plan = LineagePlan(minutes=140.0)
    long = Lives(simulate_lineage(plan, seed=3), spacing_um=plan.spacing_um, interval_min=1.5)
    settings = SMALL.replace(laser_steps=0, bleaching=0, early=0.3)
    movie = MovieScene(long, settings, seed=1)
    early, late = (movie.render(k)[..., 1] for k in (5, movie.length - 1))
    bright = [np.percentile(f[f > 15], 90) for f in (early, late)]
    assert len(movie.moment(movie.length - 1)) > 64
    assert bright[1] > 1.8 * bright[0]


def test_the_reporter_rises_slowly_and_never_falls():
    movie = scene()
    seen = [movie.reporter.at(movie.moment(k)).max() for k in range(movie.length)]
    assert seen[0] == 0
    assert max(np.diff(seen)) < 0.25


def test_without_a_reporter_there_is_none():
    movie = scene(SMALL.replace(reporter="none"))
    assert not movie.reporter.level.any()


def test_a_neighbour_is_seen_and_is_in_no_label():
    settings = SMALL.replace(height=260, width=320, speckle=0, debris=0)
    alone, two = scene(settings), scene(settings, beside=True)
    added = two.render(40)[..., 1].astype(int) - alone.render(40)[..., 1]
    assert (added > 25).sum() > 50
    np.testing.assert_array_equal(alone.labels(40), two.labels(40))
    inside = two.shell.silhouette(two.grid) < 0.8
    assert (added[inside] > 25).mean() < 0.01


def test_before_the_first_annotated_frame_the_first_one_is_seen():
    movie = scene()
    np.testing.assert_array_equal(movie.moment(0).cell, movie.lives.at(0).cell)
