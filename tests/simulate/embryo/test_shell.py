import numpy as np
import pytest

from fatescope.simulate.embryo.shell import Grid, Shell, fit_shell


def test_the_shell_is_found_again_from_nuclei_inside_it():
    rng = np.random.default_rng(1)
    u = rng.uniform(-1, 1, (20_000, 3))
    u = u[u[:, 1] ** 2 + u[:, 2] ** 2 + u[:, 0] ** 4 < 1] * (10.0, 16.0, 26.0)
    turn, centre = 0.4, np.array([12.0, 20.0, 30.0])
    y = u[:, 1] * np.cos(turn) + u[:, 2] * np.sin(turn)
    x = u[:, 2] * np.cos(turn) - u[:, 1] * np.sin(turn)
    shell = fit_shell(np.stack([u[:, 0], y, x], axis=1) + centre, margin_um=1.0)
    np.testing.assert_allclose(shell.centre_um, centre, atol=0.7)
    np.testing.assert_allclose(shell.half_um, [11.0, 17.0, 27.0], rtol=0.06)
    assert shell.angle == pytest.approx(turn, abs=0.05)


def test_depth_is_measured_in_micrometres_at_the_shell():
    shell = Shell(centre_um=np.array([15.0, 20.0, 30.0]), half_um=np.full(3, 12.0), angle=0.0)
    grid = Grid(shape=(31, 41, 61), spacing_um=(1.0, 1.0, 1.0))
    depth = shell.depth(grid)
    assert depth[15, 20, 30 + 11] == pytest.approx(1.0, abs=0.15)
    assert depth[15, 20, 30 + 13] == pytest.approx(-1.0, abs=0.15)
    assert depth[15 + 11, 20, 30] == pytest.approx(1.0, abs=0.25)


def test_a_table_of_early_stages_gets_a_shell_of_usual_size():
    shell = fit_shell(np.array([[10.0, 10.0, 10.0], [10.0, 10.0, 14.0]]), margin_um=1.0)
    assert shell.half_um[2] >= 22.0
