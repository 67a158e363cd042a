"""Nuclei of stacks: outlines of planes joined by overlap, or the maps of planes divided in space.

    FATESCOPE_DATA=DATA python -m benchmarks.nuclei_3d [DATA] [--part test]

Mouse embryos (`nuclei3d_mouse`, distance of planes unknown): embryos 1 to 7 chose the numbers in
`predict/decoders/solid.py`, 8 to 11 are for reports. Rendered worms, planes 1 um and pixels 0.22 um
apart, of 8 to 330 cells, as recorded well and with few photons, much blur and uneven brightness;
seeds of `--part test` chose nothing. F1 at IoU 0.3 and 0.5, of worms F1 of centres within 2.5 um;
intervals over embryos. `light alone` is classical: Otsu's threshold, smoothed light, known size.
`--polyhedra` adds what the decoder of star-convex networks makes of distances that are measured in
the truth, with noise (8 % of a distance, 0.02 of the probability): no network, only its decoder.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image, read_labels
from fatescope.base import Image
from fatescope.engine import peak_memory_mb
from fatescope.evaluate import ScoreSettings, score_centres, score_labels
from fatescope.numeric import bootstrap_interval
from fatescope.predict import Predictor, open_predictor
from fatescope.predict.decoders.polyhedra import Polyhedra, golden_rays, paint_polyhedra
from fatescope.predict.decoders.solid import SolidGrid, SolidSums, add_block, join_solids
from fatescope.predict.decoders.stars import distinct_stars
from fatescope.predict.frames import ImageFrame, Plane
from fatescope.predict.scratch import MemoryScratch
from fatescope.simulate.embryo import EmbryoScene, VolumeSettings
from fatescope.simulate.embryo.settings import LineageSettings
from fatescope.systems.nuclei.outline import segment_image
from fatescope.systems.nuclei.settings import NucleiSettings
from fatescope.systems.simulation.rendered import simulate_embryo

if TYPE_CHECKING:
    from numpy.typing import NDArray

UM = (1.0, 0.22, 0.22)
HARD = {"photons": 8, "blur_z_um": 1.2, "blur_um": 0.3, "brightness_spread": 0.4, "haze": 0.15}


@dataclass
class Stack:
    unit: str
    image: Image
    truth: "NDArray[Any]"
    diameter_px: float  # of a typical true nucleus, for `light_alone`


def mouse(data: Path, part: str) -> list[Stack]:
    """Return the stacks of the embryos of a part."""
    wanted = range(1, 8) if part == "validation" else range(8, 12)
    paths = sorted((data / "nuclei3d_mouse" / "images").glob("*.tif"))
    stacks = []
    for path in (p for p in paths if int(p.stem[3:5]) in wanted):
        labels = read_labels(path.parents[1] / "labels" / path.name).read()
        labels = np.asarray(labels, np.int32)
        stacks.append(Stack(path.stem[:5], read_image(path), labels, _diameter(labels)))
    return stacks


def worms(part: str, look: dict[str, float]) -> list[Stack]:
    """Render embryos of a part at six stages."""
    shape = {"planes": 30, "height": 224, "width": 320, "voxel_um": UM, "channels": ("nuclei",)}
    settings = VolumeSettings.from_values({**shape, **look})
    stacks = []
    for seed in (311, 312) if part == "validation" else (521, 522, 523):
        lives = simulate_embryo(LineageSettings(minutes=240), seed=seed)
        scene = EmbryoScene(lives, settings, seed=seed)
        frames, cells = lives.count()
        for n in (8, 24, 50, 100, 190, 330):
            volume = scene.render(int(frames[min(np.searchsorted(cells, n), len(cells) - 1)]))
            image = Image(pixels=np.squeeze(volume.pixels), axes="ZYX", name=f"{seed}_{n}")
            labels = np.asarray(volume.labels["nuclei"], np.int32)
            image = image.with_scale(spacing_um=UM)
            stacks.append(Stack(str(seed), image, labels, _diameter(labels)))
    return stacks


def _diameter(labels: "NDArray[Any]") -> float:
    """Return the median diameter of the largest outlines of nuclei, in pixels."""
    areas = np.stack([np.bincount(p.reshape(-1), minlength=labels.max() + 1) for p in labels])
    largest = areas.max(axis=0)[1:]
    return float(np.median(2 * np.sqrt(largest[largest > 0] / np.pi)))


def light_alone(stack: Stack, plane_px: float) -> "NDArray[Any]":
    """Divide what is brighter than Otsu's threshold by light smoothed to the size of nuclei."""
    from scipy import ndimage as ndi
    from skimage.filters import threshold_otsu

    values = np.asarray(stack.image.read(), np.float32)
    smooth = ndi.gaussian_filter(values, (0.5, 1, 1))
    low, high = np.percentile(smooth, (1, 99.8))
    smooth = np.clip((smooth - low) / max(high - low, 1e-6), 0, 1)
    light = np.uint8(np.rint(smooth * 255))
    full = np.full(light.shape, 255, np.uint8)
    inside = np.where(smooth >= threshold_otsu(smooth), 255, 0).astype(np.uint8)
    radius = stack.diameter_px / 2
    grid = SolidGrid(shape=light.shape, radius=radius, radius_planes=radius / plane_px)
    labels, sums = np.zeros(light.shape, np.uint32), SolidSums()
    for own, seen in grid.blocks():
        maps = (m[seen] for m in (inside, full, light))
        labels[own], _ = add_block(sums, *maps, grid=grid, own=own, seen=seen, least=0.4)
    return np.asarray(join_solids(sums, grid).label_of[labels], np.int32)


def star_convex(stack: Stack, noise: float) -> "NDArray[Any]":
    """Decode the distances of every third voxel to the surface of its true nucleus."""
    mesh, truth = golden_rays(96, (UM[0] / UM[1], 1.0, 1.0)), stack.truth
    rng = np.random.default_rng(7)
    at = np.argwhere(truth[:, ::3, ::3] > 0) * (1, 3, 3)
    own = truth[tuple(at.T)]
    distance = np.zeros((len(at), 96), np.float32)
    going = np.ones(distance.shape, np.bool_)
    for _ in range(400):
        i, ray = np.nonzero(going)
        if not len(i):
            break
        place = np.rint(at[i] + (distance[i, ray, None] + 0.5) * mesh.directions[ray]).astype(int)
        inside = ((place >= 0) & (place < truth.shape)).all(axis=1)
        inside[inside] = truth[tuple(place[inside].T)] == own[i[inside]]
        distance[i[inside], ray[inside]] += 0.5
        going[i[~inside], ray[~inside]] = False
    distance += 0.25
    depth = (distance * np.linalg.norm(mesh.directions * UM, axis=1)).min(axis=1)
    most = np.zeros(truth.max() + 1)
    np.maximum.at(most, own, depth)
    score = depth / most[own] + noise / 4 * rng.standard_normal(len(at))
    distance *= 1 + noise * rng.standard_normal(distance.shape, dtype=np.float32)
    order = np.argsort(-score, kind="stable")[: int((score > 0.4).sum())]
    stars = Polyhedra(
        at[order].astype(float), np.maximum(distance[order], 1e-3), score[order], mesh
    )
    planes = [Plane(stack.image, {"T": 0, "C": 0, "Z": z}) for z in range(len(truth))]
    found = paint_polyhedra(
        stars.rows(distinct_stars(stars, most_overlap=0.3)),
        ImageFrame(0, tuple(planes), True),
        scale=(1.0, 1.0, 1.0),
        scratch=MemoryScratch(),
    )
    return np.asarray(found.array(), np.int32)


def report(
    name: str, stacks: list[Stack], um: tuple[float, ...] | None, *, polyhedra: bool = False
) -> None:
    """Print a row for each way."""
    predictor = open_predictor("nuclei")

    by_rule = open_predictor("nuclei")
    by_rule.solid = None

    def network(way: str, predictor: Predictor) -> Callable[[Stack], "NDArray[Any]"]:
        settings = NucleiSettings(stack=way)
        return lambda s: np.asarray(
            segment_image(s.image, settings, predictor=predictor).labels, np.int32
        )

    apart = 1.25 if um is None else um[0] / um[1]
    ways = {
        "light alone": lambda s: light_alone(s, apart),
        "planes joined": network("planes", predictor),
        "divided by a rule": network("solid", by_rule),
        "drawn in space": network("solid", predictor),
    }
    megavoxels = sum(s.truth.size for s in stacks) / 1e6
    if polyhedra:
        ways |= {
            "polyhedra, exact distances": lambda s: star_convex(s, 0.0),
            "polyhedra, with noise": lambda s: star_convex(s, 0.08),
        }
    for way, find in ways.items():
        counts: dict[str, NDArray[np.float64]] = {}
        off, begun = [], time.process_time()
        found = [find(s) for s in stacks]
        seconds = time.process_time() - begun
        totals = np.zeros(2)
        for s, labels in zip(stacks, found, strict=True):
            score = score_labels(s.truth, labels)
            tp = score.tp[0] if um is None else _near(s, labels)
            both = score.n_true + score.n_pred
            counts[s.unit] = counts.get(s.unit, np.zeros(2)) + np.array([tp, both])
            off.append(abs(score.n_pred - score.n_true) / score.n_true)
            totals += (score.found[1], score.tp[0])
        table = np.stack(list(counts.values()))
        low, high = bootstrap_interval(
            table, lambda c: 2 * c[:, 0] / np.maximum(c[:, 1], 1), ScoreSettings()
        ) or (np.nan, np.nan)
        total = table.sum(axis=0)
        print(
            f"| {name} | {way} | {2 * totals[0] / total[1]:.3f} | {2 * totals[1] / total[1]:.3f} | "
            f"{'' if um is None else f'{2 * total[0] / total[1]:.3f}'} | {low:.3f} to {high:.3f} | "
            f"{np.mean(off):.1%} | {seconds / megavoxels:.2f} |",
            flush=True,
        )


def _near(stack: Stack, labels: "NDArray[Any]") -> int:
    """Return how many centres lie within 2.5 um of a true one."""
    from scipy import ndimage as ndi

    ours, theirs = (
        np.array(ndi.center_of_mass(v > 0, v, np.unique(v[v > 0]))).reshape(-1, 3) * UM
        for v in (stack.truth, labels)
    )
    return score_centres(ours, theirs, within=2.5).tp


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("FATESCOPE_DATA"))
    parser.add_argument("--part", choices=["validation", "test"], default="validation")
    parser.add_argument("--polyhedra", action="store_true")
    asked = parser.parse_args()
    print("| stacks | way | F1 0.3 | F1 0.5 | F1 of centres | 95 % | counts off | CPU-s / Mvoxel |")
    print("|--|--|--|--|--|--|--|--|")
    if asked.data:
        report("mouse embryos", mouse(Path(asked.data), asked.part), None)
    report("rendered worms", worms(asked.part, {}), UM, polyhedra=asked.polyhedra)
    report("rendered worms, hard", worms(asked.part, HARD), UM)
    print(f"\npeak memory {peak_memory_mb():.0f} MB")


if __name__ == "__main__":
    main()
