"""What models see of their own kind of image and of 25 other kinds, for `unlike_training`."""

import csv
import io
from pathlib import Path

import numpy as np
import skimage.data
import skimage.io
import tifffile
from PIL import Image as Pillow
from PIL import ImageDraw
from scipy import ndimage
from scipy.io import loadmat

from fatescope.base import Image
from fatescope.models import check_input, describe_input, measure_grain, measure_traits
from fatescope.predict import modality, open_predictor
from fatescope.predict.channels import open_frames
from fatescope.predict.level import LevelledPlane
from fatescope.simulate.embryo import EmbryoScene, vary_volume
from fatescope.simulate.embryo.settings import LineageSettings, VolumeSettings
from fatescope.simulate.plate import PlateSettings
from fatescope.simulate.section import simulate_section, vary_section
from fatescope.simulate.settings import SectionSettings
from fatescope.systems.live_dead.boxes import choose_cell_scale
from fatescope.systems.live_dead.settings import LiveDeadSettings
from fatescope.systems.membranes.cells import MembraneSettings
from fatescope.systems.membranes.cells.walls import find_walls
from fatescope.systems.membranes.find import ASSUMED_UM
from fatescope.systems.membranes.findings import traits_of_plane
from fatescope.systems.nuclei.scales import choose_scale
from fatescope.systems.nuclei.settings import NucleiSettings
from fatescope.systems.nuclei_em.settings import NucleiEmSettings
from fatescope.systems.simulation.plates import simulate_plate
from fatescope.systems.simulation.rendered import read_or_draw
from fatescope.systems.viability import classes

SIDE, EACH = 300, 10
ALIKE = {
    "nuclei": {"fluo", "ce_slice", "hoechst", "reduced4"},
    "phase-cells": {"phase"},
    "live-dead": {"bf_chamber"},
    "viability": set(),
    "nuclei-em": {"em"},
    "membrane": {"membrane", "plant"},
}
"""Kinds that a model takes too: where images of nuclei that were reduced four times get objects at
all, F1 is 0.79 to 0.98 (decision record 0352)."""

PHOTOS = (
    *("camera.png", "coins.png", "astronaut.png", "brick.png", "grass.png", "gravel.png"),
    *("page.png", "moon.png", "coffee.png", "chelsea.png", "retina.jpg", "ihc.png"),
)


def collect(package, data, cache):
    """Return of each image its kind, its unit, its traits, and whether ranges alone flag it.

    An image that gets no objects has no traits, or says so: it is then fitted to and not counted.
    """
    model = package.name
    rng = np.random.default_rng(sum(map(ord, model)))
    own = OWN[model](data, cache, rng)
    images = [("own", unit, plane) for unit, plane in own]
    for kind, draw in DRAWN.items():
        images += [(kind, kind, draw(rng)) for _ in range(EACH)]
    recorded = recorded_kinds(data, rng)
    for kind, planes in recorded.items():
        if kind not in ALIKE[model]:
            images += [(kind, kind, plane) for plane in planes]
    for _, plane in pick(own, EACH, rng):
        plane = plane[0] if isinstance(plane, tuple) else plane
        changed = {k: change(plane, rng) for k, change in CHANGED.items()}
        images += [(k, k, there) for k, there in changed.items() if k not in ALIKE[model]]
    look = {"viability": viability_look, "membrane": membrane_look}.get(model, network_look)
    predictor = open_predictor(str(package.source))
    return [{"kind": kind, "unit": unit, **look(plane, predictor)} for kind, unit, plane in images]


def viability_look(plane, predictor):
    levelled = LevelledPlane(plane)
    if levelled.contrast.shows_nothing:
        return {"traits": {}, "today": False}
    tile = classes.middle_of_plane(levelled, (1.0, 1.0))
    said = check_input(describe_input(tile), predictor.description)
    return {"traits": measure_traits(np.asarray(tile, np.float32)), "today": bool(said)}


def network_look(plane, predictor):
    plane, model = np.ascontiguousarray(plane), predictor.description
    frames, _ = open_frames(Image(pixels=plane, axes="YX"), channel=None, predictor=predictor)
    if model.task == "live-dead":
        plan = choose_cell_scale(frames, predictor, LiveDeadSettings())
    else:
        settings = NucleiEmSettings if model.image.modality == "electron" else NucleiSettings
        plan = choose_scale(frames, predictor, settings(model=predictor.name))
    tile = modality.middle_tile(frames[0], plan, model)
    if tile is None or plan.source == "none":
        return {"traits": {}, "today": False}
    traits = measure_traits(np.asarray(tile, np.float32))
    traits |= measure_grain(modality.middle_as_taken(frames[0], model)) if traits else {}
    return {"traits": traits, "today": bool(check_input(modality.measure_tile(tile, plan), model))}


def membrane_look(plane, predictor):
    """A plane comes with its pixel size where one is known; others have the one that is assumed."""
    plane, step = plane if isinstance(plane, tuple) else (plane, ASSUMED_UM["X"])
    seen = traits_of_plane(plane, (step, step), predictor.description)
    walls = find_walls(plane, (step, step), MembraneSettings(), network=None)
    if seen is None or walls is None:
        return {"traits": {}, "today": False}
    traits, taken = seen
    return {
        "traits": traits,
        "today": bool(check_input(describe_input(taken), predictor.description)),
        "objects": walls.looks_like_membrane,
    }


# Own images, with their units.


def own_nuclei(data, cache, rng):
    stained = pick(rows_of(data / "nuclei2d_dsb2018/index.csv"), 150, rng)
    slices = pick(rows_of(data / "nuclei_ce_slices/index.csv"), 80, rng)
    images = [
        (row["field_group"], grey(data / f"nuclei2d_dsb2018/images/{row['name']}.png"))
        for row in stained
    ]
    return images + [
        (str(int(row["time"]) // 8), grey(data / f"nuclei_ce_slices/images/{row['name']}.png"))
        for row in slices
    ]


def own_phase_cells(data, cache, rng):
    """Each field whole, and its quarters."""
    images = []
    for row in rows_of(data / "phase_usiigaci/index.csv"):
        plane = grey(data / f"phase_usiigaci/half/{row['field']}_img.png")
        parts = [plane[y : y + 360, x : x + 360] for y in (0, 150) for x in (0, 150)]
        images += [(row["field"], np.ascontiguousarray(part)) for part in (plane, *parts)]
    return images


def own_live_dead(data, cache, rng):
    rows = pick(rows_of(data / "live_dead_brightfield/index.csv"), 250, rng)
    folder = data / "live_dead_brightfield/images"
    return [(row["group"], grey(folder / row["image"])) for row in rows]


def own_viability(data, cache, rng):
    """Fields of five rendered plates, as the model was trained on; the last as the command does."""
    images = []
    for seed, density in enumerate((0.2, 0.3, 0.4, 0.05), start=1):
        folder = cache / f"plate{seed}"
        settings = PlateSettings(
            height=SIDE, width=400, frames=6, density=density, cells=40 if seed == 4 else None
        )
        simulate_plate(folder, settings=settings, seed=seed)
        for path in sorted(folder.glob("images/*_w1.tif")):
            frames = skimage.io.imread(path)
            images += [(folder.name + path.stem, frames[t]) for t in (0, 2, 5)]
    folder = cache / "plate11"
    usual = PlateSettings(height=SIDE, width=SIDE, frames=2)
    simulate_plate(folder, settings=usual, seed=11)
    paths = sorted(folder.glob("images/*_w1.tif"))[:90]
    return images + [
        (folder.name + path.stem.split("_")[2], skimage.io.imread(path)[0]) for path in paths
    ]


def own_nuclei_em(data, cache, rng):
    """Each section whole, and its quarters; rendered ones, with other seeds than in training."""
    images = []
    for path in sorted((data / "wormimage_em/images").glob("*.jpg")):
        plane = grey(path)
        rows, columns = (n * 2 // 3 for n in plane.shape)
        parts = [plane[y:, x:][:rows, :columns] for y in (0, rows // 2) for x in (0, columns // 2)]
        images += [(path.stem, np.ascontiguousarray(part)) for part in (plane, *parts)]
    looks = [vary_section(SectionSettings(), seed=7000 + k) for k in range(500)]
    sections = [simulate_section(look, seed=7000 + k).pixels for k, look in enumerate(looks)]
    return images + [(f"rendered{k}", plane) for k, plane in enumerate(sections)]


def own_membrane(data, cache, rng):
    """Planes of the recorded embryo, each volume a unit; of rendered ones in many looks."""
    images = []
    for path in sorted((data / "membrane_3dmms/raw").glob("*.mat")):
        volume = loadmat(path)["embryo"]
        images += [(path.stem, volume[..., z]) for z in range(14, 57, 6)]
    for seed in range(120):
        images += rendered_membranes(9000 + seed)
    return images


def rendered_membranes(seed):
    rng = np.random.default_rng(seed)
    step = float(np.exp(rng.uniform(np.log(0.1), np.log(0.4))))
    settings = VolumeSettings(
        channels=("membrane",),
        planes=13,
        height=int(52 / step),
        width=int(64 / step),
        voxel_um=(float(rng.uniform(0.4, 1.0)), step, step),
        photons=float(np.exp(rng.uniform(np.log(8), np.log(80)))),
        wall_haze=float(rng.uniform(0.05, 0.35)),
        wall_blur_um=float(rng.uniform(0.2, 0.35)),
        outer_wall=float(rng.uniform(0.4, 1.0)),
        membrane_look="raw" if rng.random() < 0.5 else "deconvolved",
    )
    lives = read_or_draw(LineageSettings(), table=None, seed=seed)
    scene = EmbryoScene(lives, vary_volume(settings, seed=seed), seed=seed)
    frames, cells = (n[5:-5] for n in lives.count())
    wanted = np.exp(rng.uniform(np.log(cells[0]), np.log(cells[-1])))  # as often 2 as 200 cells
    volume = scene.render(float(frames[np.searchsorted(cells, wanted)]))
    planes = volume.pixels[0, [3, 6, 9]]
    if rng.random() < 0.4:  # a part of the embryo fills the field
        planes = planes[:, 40:-40, 50:-50]
    return [(f"rendered{seed}", (np.ascontiguousarray(p), step)) for p in planes]


OWN = {
    "nuclei-em": own_nuclei_em,
    "membrane": own_membrane,
    "nuclei": own_nuclei,
    "phase-cells": own_phase_cells,
    "live-dead": own_live_dead,
    "viability": own_viability,
}

# Other kinds: recorded.


def recorded_kinds(data, rng):
    def some(pattern):
        return [grey(p) for p in pick(sorted(data.glob(pattern)), EACH, rng)]

    plates = sorted(data.glob("plate_samples/mcf7_pi/*.tif"))
    fields = pick([p for p in plates if "_lab" not in p.name], EACH, rng)
    stacks = [tifffile.imread(p) for p in fields]
    walls = [
        loadmat(data / f"membrane_3dmms/raw/membt{t:03d}.mat")["embryo"][..., rng.integers(20, 50)]
        for t in (24, 34, 40, 44, 48, 54, 60, 64)
    ]
    tissues = {"meristem_timagetk": (2, 4, 6, 8), "ovule_membrane": (6, 12, 18, 24)}
    photos = Path(skimage.data.__file__).parent
    slices = [r for r in rows_of(data / "nuclei_ce_slices/index.csv") if int(r["n_nuclei"]) > 2]
    return {
        "fluo": some("nuclei2d_dsb2018/images/*.png"),
        "ce_slice": [
            grey(data / f"nuclei_ce_slices/images/{row['name']}.png")
            for row in pick(slices, EACH, rng)
        ],
        "em": some("wormimage_em/images/*"),
        "phase": some("phase_usiigaci/half/*_img.png"),
        "bf_chamber": some("live_dead_brightfield/images/*.png"),
        "bf_field": [as_bytes(stack[0]) for stack in stacks],
        "hoechst": [as_bytes(stack[1]) for stack in stacks],
        "membrane": walls,
        "plant": [
            as_bytes(skimage.io.imread(data / f"tissue_volumes/{name}.tif")[z])
            for name, planes in tissues.items()
            for z in planes
        ],
        "photo": [as_bytes(grey(photos / name))[:512, :512] for name in PHOTOS],
    }


# Other kinds: own images changed.


def negative(plane, rng):
    values = as_bytes(plane)
    return values.max() - values


def blurred(plane, rng):
    soft = ndimage.gaussian_filter(plane.astype(float), 8)
    return as_bytes(soft + rng.normal(0, 0.3, soft.shape))


def crushed(plane, rng):
    image = Pillow.fromarray(as_bytes(plane))
    stream = io.BytesIO()
    image.resize((image.width // 3, image.height // 3)).save(stream, "JPEG", quality=3)
    return np.asarray(Pillow.open(stream).resize(image.size, 0))


def enlarged(plane, rng):
    part = Pillow.fromarray(
        as_bytes(plane)[: max(plane.shape[0] // 4, 70), : max(plane.shape[1] // 4, 70)]
    )
    return np.asarray(part.resize((part.width * 4, part.height * 4), Pillow.Resampling.BICUBIC))


def reduced(plane, rng):
    small = np.asarray(Pillow.fromarray(as_bytes(plane)).reduce(4))
    return np.tile(np.hstack([small, small[:, ::-1]]), (3, 2))


CHANGED = {
    "inverted": negative,
    "blurred": blurred,
    "crushed": crushed,
    "enlarged4": enlarged,
    "reduced4": reduced,
}

# Other kinds: drawn.


def noise(rng):
    values = rng.normal(100, 12, (SIDE, SIDE))
    kind = rng.integers(3)
    if kind == 1:
        values = rng.poisson(3, (SIDE, SIDE)) * 20.0
    elif kind == 2:
        values = ndimage.gaussian_filter(values, rng.uniform(0.5, 1.5)) * 3
    return bounded(values)


def texture(rng, slope=1.5):
    f = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None])
    f[0, 0] = 1
    return as_bytes(np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIDE, SIDE))) / f**slope).real)


def clouds(rng):
    return texture(rng, 2.5)


def gradient(rng):
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    way = rng.uniform(0, 2 * np.pi)
    light = 60 + 120 * (np.cos(way) * x + np.sin(way) * y) + 40 * (x - 0.5) ** 2
    return bounded(light + rng.normal(0, 2, light.shape))


def text(rng):
    paper, ink = (255, 10) if rng.random() < 0.5 else (12, 235)
    image = Pillow.new("L", (SIDE, SIDE), paper)
    pen = ImageDraw.Draw(image)
    for y in range(6, SIDE, rng.integers(12, 18)):
        x = int(rng.integers(2, 12))
        while x < SIDE - 10:
            word = "".join(chr(97 + c) for c in rng.integers(0, 26, rng.integers(2, 9)))
            pen.text((x, y), word, fill=ink)
            x += 7 * len(word) + 6
    return np.asarray(image)


def screen(rng):
    image = Pillow.new("L", (SIDE, SIDE), int(rng.integers(190, 245)))
    pen = ImageDraw.Draw(image)
    pen.rectangle([0, 0, SIDE, 24], fill=int(rng.integers(40, 120)))
    for _ in range(7):
        x, y = rng.integers(0, SIDE - 70), rng.integers(24, SIDE - 50)
        corner = x + rng.integers(30, 120), y + rng.integers(14, 60)
        pen.rectangle([x, y, *corner], fill=int(rng.integers(90, 255)), outline=60)
        pen.text((x + 4, y + 3), "Save file", fill=20)
    return np.asarray(image)


def histology(rng):
    values = 200 + ndimage.gaussian_filter(rng.normal(0, 1, (SIDE, SIDE)), 6) * 180
    values += ndimage.gaussian_filter(rng.normal(0, 1, (SIDE, SIDE)), 1.5) * 40
    yy, xx = np.mgrid[:SIDE, :SIDE]
    for _ in range(130):
        (y, x), radius = rng.uniform(0, SIDE, 2), rng.uniform(5, 9)
        long, way = rng.uniform(0.6, 1.6), rng.uniform(0, np.pi)
        u = (yy - y) * np.cos(way) + (xx - x) * np.sin(way)
        v = -(yy - y) * np.sin(way) + (xx - x) * np.cos(way)
        values -= 90 / (1 + np.exp(np.minimum((np.hypot(u * long, v) - radius) * 1.5, 50)))
    return bounded(values + rng.normal(0, 4, values.shape))


def halo_cells(rng):
    """Bright halos around dim bodies, on grey: phase contrast, drawn."""
    values, size = np.full((SIDE, SIDE), 120.0), rng.uniform(0.8, 1.5)
    yy, xx = np.mgrid[:SIDE, :SIDE]
    for _ in range(int(45 / size)):
        y, x = rng.uniform(10, SIDE - 10, 2)
        far = np.hypot(yy - y, xx - x) / size
        values += 70 * np.exp(-(((far - 13) / 2.2) ** 2)) - 25 * np.exp(-((far / 9) ** 2))
        values -= 15 * np.exp(-(((far - 3) / 1.5) ** 2))
    return bounded(values + rng.normal(0, 3, values.shape))


def relief(rng):
    """Cells lit from one side: differential interference contrast, drawn."""
    height = np.zeros((SIDE, SIDE))
    yy, xx = np.mgrid[:SIDE, :SIDE]
    for _ in range(25):
        (y, x), radius = rng.uniform(0, SIDE, 2), rng.uniform(10, 18)
        far = np.hypot(yy - y, (xx - x) * rng.uniform(0.7, 1.4))
        height += 1 / (1 + np.exp((far - radius) / 1.5))
    down, across = np.gradient(ndimage.gaussian_filter(height, 1.2))
    way = rng.uniform(0, 2 * np.pi)
    light = 128 + 400 * (np.cos(way) * down + np.sin(way) * across)
    return bounded(light + rng.normal(0, 4, light.shape))


def stripes(rng):
    y, x = np.mgrid[:SIDE, :SIDE]
    way, period = rng.uniform(0, np.pi), rng.uniform(8, 40)
    waves = np.sin(2 * np.pi * (np.cos(way) * x + np.sin(way) * y) / period)
    return bounded(120 + 90 * waves + rng.normal(0, 6, waves.shape))


def fibres(rng):
    """Bent lines that cross and enclose nothing: hair, vessels, threads."""
    image = Pillow.new("F", (SIDE, SIDE), 30.0)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(15, 45)):
        at, way = rng.uniform(0, SIDE, 2), rng.uniform(0, 2 * np.pi)
        line = [tuple(at)]
        for _ in range(40):
            way += rng.normal(0, 0.2)
            at = at + 8 * np.array([np.cos(way), np.sin(way)])
            line.append(tuple(at))
        pen.line(line, fill=float(rng.uniform(90, 230)), width=int(rng.integers(1, 5)))
    values = ndimage.gaussian_filter(np.asarray(image), rng.uniform(0.6, 1.5))
    return bounded(values + rng.normal(0, 5, values.shape))


def needles(rng):
    """Straight lines of any length that cross: crystals, collagen, scratches."""
    image = Pillow.new("F", (SIDE, SIDE), 25.0)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(20, 70)):
        (y, x), way, long = rng.uniform(0, SIDE, 2), rng.uniform(0, np.pi), rng.uniform(30, 250)
        up, on = np.sin(way) * long, np.cos(way) * long
        pen.line(
            [(x, y), (x + on, y + up)],
            fill=float(rng.uniform(60, 230)),
            width=int(rng.integers(1, 4)),
        )
    values = ndimage.gaussian_filter(np.asarray(image), rng.uniform(0.6, 1.5))
    return bounded(values + rng.normal(0, 5, values.shape))


def neurites(rng):
    """Bodies with arms that branch and fade: neurons, roots, vessels."""
    image = Pillow.new("F", (SIDE, SIDE), 20.0)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(3, 9)):
        body = rng.uniform(20, SIDE - 20, 2)
        arms = [
            (body, rng.uniform(0, 2 * np.pi), rng.uniform(2, 5)) for _ in range(rng.integers(3, 7))
        ]
        light = rng.uniform(120, 220)
        while arms:
            at, way, wide = arms.pop()
            for _ in range(int(rng.integers(4, 14))):
                way += rng.normal(0, 0.25)
                to = at + 7 * np.array([np.cos(way), np.sin(way)])
                pen.line(
                    [tuple(at), tuple(to)],
                    fill=float(light * min(1, 0.4 + wide / 5)),
                    width=max(1, round(wide)),
                )
                at = to
            if wide > 1.2:
                arms += [
                    (at, way + turn, wide * 0.7) for turn in rng.uniform(0.2, 0.8, 2) * (-1, 1)
                ]
        radius = rng.uniform(5, 10)
        pen.ellipse([*(body - radius), *(body + radius)], fill=float(light))
    values = ndimage.gaussian_filter(np.asarray(image), rng.uniform(0.6, 1.5))
    return bounded(values + rng.normal(0, 5, values.shape))


def bricks(rng):
    """Straight bright joints between grey blocks."""
    y, x = np.mgrid[:SIDE, :SIDE]
    high, wide = rng.integers(14, 40), rng.integers(24, 80)
    row = y // high
    joint = np.minimum(y % high, (x + row % 2 * wide // 2) % wide) < rng.integers(2, 5)
    values = np.where(joint, 200, 80) + 6 * ndimage.gaussian_filter(rng.normal(size=x.shape), 2)
    return bounded(ndimage.gaussian_filter(values, 0.8) + rng.normal(0, 5, values.shape))


DRAWN = {
    f.__name__: f
    for f in (
        *(noise, texture, clouds, gradient, text),
        *(screen, histology, halo_cells, relief, stripes, fibres, bricks),
        *(needles, neurites),
    )
}


def pick(items, n, rng):
    return [items[i] for i in rng.permutation(len(items))[:n]]


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def grey(path):
    plane = skimage.io.imread(path)
    return plane[..., :3].mean(-1) if plane.ndim == 3 else plane


def as_bytes(plane):
    low, high = np.percentile(plane, [0.05, 99.95])
    return bounded((plane.astype(float) - low) / max(high - low, 1e-9) * 255)


def bounded(values):
    return np.clip(values, 0, 255).astype(np.uint8)
