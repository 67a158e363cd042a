import numpy as np
import pytest

from fatescope.simulate.embryo.cells import blur_volume, tessellate
from fatescope.simulate.embryo.moments import Moment
from fatescope.simulate.embryo.shell import Grid, Shell

GRID = Grid(shape=(40, 100, 140), spacing_um=(0.5, 0.3, 0.3))
SHELL = Shell(
    centre_um=np.array([10.0, 15.0, 21.0]), half_um=np.array([8.0, 12.0, 18.0]), angle=0.0
)


def moment(*centres: tuple[float, float, float]) -> Moment:
    n = len(centres)
    return Moment(
        frame=0.0,
        cell=np.arange(n),
        name=np.full(n, "AB", dtype=object),
        centre_um=np.array(centres),
        radius_um=np.full(n, 2.0),
        age_min=np.full(n, np.inf),
        left_min=np.full(n, np.inf),
        axis=np.tile([0.0, 0.0, 1.0], (n, 1)),
        share=np.full(n, 1 / n),
    )


def cells(now: Moment, bend_um: float = 0.0):
    return tessellate(
        now,
        SHELL,
        grid=GRID,
        shell_depth_um=SHELL.depth(GRID),
        bend_um=bend_um,
        outer=0.6,
        wall_brightness=np.ones(len(now)),
        rng=np.random.default_rng(1),
    )


MANY = [(z, y, x) for z in (6, 13) for y in (10, 15, 21) for x in (10, 17, 24, 31)]


def test_two_equal_cells_meet_half_way():
    built = cells(moment((10, 15, 14), (10, 15, 28)))
    row = built.owner[20, 50]
    border = (np.flatnonzero(row == 1).max() + np.flatnonzero(row == 2).min()) / 2 * 0.3
    assert border == pytest.approx(21.0, abs=0.3)
    assert np.argmax(built.wall[20, 50, 50:90]) + 50 == pytest.approx(70, abs=1)


@pytest.mark.slow
def test_the_tessellation_is_that_of_power_distances():
    now = moment(*MANY)
    built = cells(now)
    z, y, x = np.meshgrid(*(GRID.along(a) for a in range(3)), indexing="ij")
    places = np.stack([z, y, x], axis=-1)[:, :, :, None]
    nearest = np.square(places - now.centre_um).sum(axis=-1).argmin(axis=-1)  # weights are equal
    seen = built.owner > 0
    assert (built.owner[seen] == nearest[seen] + 1).mean() > 0.999


@pytest.mark.parametrize("bend_um", [0.0, 0.6])
def test_every_nucleus_lies_in_its_own_cell_and_cells_fill_the_shell(bend_um):
    now = moment(*MANY)
    built = cells(now, bend_um)
    at = np.rint(GRID.to_voxels(now.centre_um)).astype(int)
    assert built.owner[tuple(at.T)].tolist() == list(range(1, len(now) + 1))
    shell = SHELL.depth(GRID) >= 0
    assert not built.owner[~shell].any()
    assert (built.owner[shell] > 0).mean() > 0.85


def test_a_wall_has_the_width_of_the_blur():
    grid = Grid(shape=(60, 160, 160), spacing_um=(0.2, 0.1, 0.1))
    shell = Shell(
        centre_um=np.array([6.0, 8.0, 8.0]), half_um=np.array([40.0, 40.0, 40.0]), angle=0.0
    )
    for axis, wanted in ((2, 0.85), (0, 1.8)):
        a, b = np.array([6.0, 8.0, 8.0]), np.array([6.0, 8.0, 8.0])
        a[axis] -= 3
        b[axis] += 3
        built = tessellate(
            moment(tuple(a), tuple(b)),
            shell,
            grid=grid,
            shell_depth_um=shell.depth(grid),
            bend_um=0.0,
            outer=0.6,
            wall_brightness=np.ones(2),
            rng=np.random.default_rng(1),
        )
        seen = blur_volume(built.wall, grid=grid, blur_um=(0.75, 0.33, 0.33))
        middle = [30, 80, 80]
        middle[axis] = slice(None)
        line = seen[tuple(middle)]
        width = (line > line.max() / 2).sum() * grid.spacing_um[axis]
        assert width == pytest.approx(wanted, abs=0.2)
