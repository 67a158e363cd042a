"""Score the measurement of expression on rendered embryos whose brightness per cell is known.

    python -m benchmarks.expression [--cells 28,100,190] [--seeds 1,2,3]

Nuclei of drawn embryos get a brightness of their own (a spread of a factor of about 2.2 either
way), the background rises from one side of the volume to the other, planes are 1 µm apart, and
light is counted in photons. Scored are nuclei between divisions, whose light is what was given; the
error is that of `corrected` beside the true brightness, which holds the voxels of the nucleus
before the blur. `shell` is the background of the whole shell, neighbours included.
"""

from __future__ import annotations

import argparse

import numpy as np

from fatescope.measurement import measure_spots
from fatescope.simulate.embryo import EmbryoScene, LineageSettings, VolumeSettings
from fatescope.simulate.embryo.nuclei import draw_nuclear_light, nuclear_bodies
from fatescope.systems.lineages.settings import ExpressionSettings
from fatescope.systems.simulation.rendered import read_or_draw

_GREY, _SPREAD, _PHOTONS = 1000.0, 0.8, 40.0
_BLUR_UM = (0.7, 0.2, 0.2)
_TEXTURE = 0.05
"""Of a reporter in the nucleoplasm, which is smoother than chromatin."""


def errors(n_cells: int, seed: int, *, settings: ExpressionSettings) -> dict[str, np.ndarray]:
    """Return the relative errors of the cells of one embryo, by rule of the background."""
    look = VolumeSettings(
        planes=34, height=150, width=230, voxel_um=(1.0, 0.25, 0.25), channels=("nuclei",)
    )
    lives = read_or_draw(LineageSettings(minutes=230), table=None, seed=seed)
    scene = EmbryoScene(lives, look, seed=seed)
    frames, count = lives.count()
    moment = lives.at(int(frames[np.flatnonzero(count >= n_cells)[0]]))
    rng = np.random.default_rng([seed, n_cells])
    bodies = nuclear_bodies(moment)
    truth = np.exp(rng.normal(0, _SPREAD, len(moment.cell)))
    light = np.zeros(scene.grid.shape, dtype=np.float32)
    draw_nuclear_light(
        light,
        bodies,
        truth,
        grid=scene.grid,
        blur_um=_BLUR_UM,
        texture=scene.texture,
        texture_at=scene.texture_at[moment.cell],
        texture_strength=_TEXTURE,
    )
    light += np.linspace(0.2, 0.5, scene.grid.shape[2], dtype=np.float32)
    pixels = rng.poisson(light * _PHOTONS) * (_GREY / _PHOTONS)
    found = measure_spots(
        pixels[None],
        scene.grid.to_voxels(moment.centre_um),
        moment.radius_um,
        look.voxel_um,
        core=settings.core,
        inner=settings.ring_from,
        outer=settings.ring_to,
    )
    whole = bodies.density == 1
    by_rule = {
        "ring": found.ring[0],
        "shell": found.shell[0],
        "global": np.full(len(truth), found.outside[0]),
        "none": np.zeros(len(truth)),
    }
    return {
        rule: np.abs((found.nucleus[0] - background) / _GREY / truth - 1)[whole]
        for rule, background in by_rule.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", default="28,100,190")
    parser.add_argument("--seeds", default="1,2,3")
    asked = parser.parse_args()
    print("cells | scored | ring without neighbours | whole shell | global | none (median, %)")
    for n in map(int, asked.cells.split(",")):
        each = [errors(n, int(s), settings=ExpressionSettings()) for s in asked.seeds.split(",")]
        joined = {rule: np.concatenate([e[rule] for e in each]) for rule in each[0]}
        said = " | ".join(f"{100 * np.nanmedian(v):.1f}" for v in joined.values())
        lost = int(np.isnan(joined["ring"]).sum())
        print(f"{n} | {len(joined['ring'])} ({lost} without) | {said}", flush=True)


if __name__ == "__main__":
    main()
