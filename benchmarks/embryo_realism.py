"""How far rendered embryos are from real ones, and the ranges that bring them nearest.

    python -m benchmarks.embryo_realism            distances, and the figure of the docs
    python -m benchmarks.embryo_realism --fit      try other values of one setting after the other
    python -m benchmarks.embryo_realism --beside X.png     real above rendered, for your eyes only

The EPIC movie of the data folder is rendered again from its own table, pixel on pixel, and each
3DMMS volume beside a drawn embryo of as many cells. Four properties are compared:

intensity   Wasserstein distance of the grey values inside the embryo (grey values)
size        median radius at half height of nuclei at the places of the table (log of the ratio)
spectrum    root mean square difference of the logarithm of the radial power spectrum (dB)
texture     Wasserstein distance of the local standard deviation, 5 x 5 px (grey values)

"real" is the distance between real frames a few minutes apart: nobody can be asked for less.
"plain" is the same rendering without noise, texture, depth and codec.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from PIL import Image
from scipy import ndimage as ndi

from fatescope.acquire.movies import read_frames, write_frames
from fatescope.simulate.embryo import (
    EmbryoScene,
    LineageSettings,
    MovieScene,
    MovieSettings,
    VolumeSettings,
)
from fatescope.systems.simulation.rendered import read_or_draw

FIGURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "embryo-realism.png"
BLOCKS = (8, 40, 75, 110, 145, 180, 200)
"""First frames of runs that are compared; each run is encoded, so that the codec is in it."""
LONG = 6
PLAIN = {
    "photons": 5000.0,
    "nuclear_texture": 0.0,
    "attenuation": 0.0,
    "shade": 0.0,
    "glow": 0.0,
    "brightness_spread": 0.0,
    "speckle": 0.0,
    "debris": 0.0,
    "codec": "lossless",
}
TRIED = {
    "brightness": (140, 165, 185, 205, 230, 260),
    "early": (0.3, 0.36, 0.42, 0.48, 0.55),
    "photons": (4, 6, 9, 12, 16, 24, 40),
    "blur_um": (0.12, 0.16, 0.2, 0.25, 0.32, 0.4),
    "shade": (0.0, 0.12, 0.25, 0.35, 0.5),
    "attenuation": (0.0, 0.015, 0.03, 0.045, 0.06),
    "nuclear_texture": (0.0, 0.06, 0.12, 0.2, 0.3),
    "brightness_spread": (0.0, 0.1, 0.2, 0.3),
    "glow": (0.0, 0.15, 0.25, 0.35, 0.5),
    "haze": (0.0, 0.002, 0.006, 0.012, 0.02),
    "dark": (0.0, 0.0002, 0.001, 0.003),
    "speckle": (0.0, 0.5, 1.0, 2.0, 3.0),
    "nuclear_size": (0.9, 1.0, 1.1, 1.2, 1.3),
}


def real_runs(movie: Path) -> list[np.ndarray]:
    wanted = {b + k: i for i, b in enumerate(BLOCKS) for k in range(LONG)}
    runs: list[list[np.ndarray]] = [[] for _ in BLOCKS]
    for k, frame in enumerate(read_frames(movie)):
        if k in wanted:
            runs[wanted[k]].append(frame)
    return [np.stack(r) for r in runs]


def rendered_runs(lives: Any, settings: MovieSettings) -> list[np.ndarray]:
    scene = MovieScene(lives, settings, seed=1)
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for begin in BLOCKS:
            path = Path(folder) / "a.mp4"
            write_frames(
                path,
                (scene.render(begin + k) for k in range(LONG)),
                frames_per_second=settings.frames_per_second,
                codec=settings.codec,
                kbit_s=settings.kbit_s,
            )
            runs.append(np.stack(list(read_frames(path))))
    return runs


def median_radius(frame: np.ndarray, places: np.ndarray) -> float:
    """Return the median radius at half height (px) of the mean profile around places (y, x)."""
    green = ndi.gaussian_filter(frame[..., 1].astype(np.float32), 1.0)
    angle, far = np.linspace(0, 2 * np.pi, 16, endpoint=False), np.arange(45)
    out = far[None, :, None]
    chosen = places[:: max(1, len(places) // 40), :, None, None]
    at = np.stack([chosen[:, 0] + out * np.sin(angle), chosen[:, 1] + out * np.cos(angle)])
    profile = np.quantile(ndi.map_coordinates(green, at, order=1), 0.3, axis=2)
    seen = profile[:, 0] > 20
    below = profile < profile[:, :4].mean(axis=1, keepdims=True) / 2
    return float(np.median(below.argmax(axis=1)[seen & below.any(axis=1)]))


def spectrum(plane: np.ndarray) -> np.ndarray:
    """Return the radial power spectrum in dB at 24 frequencies."""
    plane = plane - plane.mean()
    window = np.hanning(plane.shape[0])[:, None] * np.hanning(plane.shape[1])[None]
    power = np.abs(np.fft.rfft2(plane * window)) ** 2
    f = np.hypot(np.fft.fftfreq(plane.shape[0])[:, None], np.fft.rfftfreq(plane.shape[1])[None])
    edges = np.geomspace(0.008, 0.5, 25)
    ring = np.digitize(f.ravel(), edges)
    mean = [power.ravel()[ring == i].mean() for i in range(1, 25)]
    return 10 * np.log10(np.array(mean) + 1.0)


def local_sd(plane: np.ndarray) -> np.ndarray:
    mean = ndi.uniform_filter(plane, 5)
    return np.sqrt(np.maximum(ndi.uniform_filter(plane**2, 5) - mean**2, 0))


def share(values: np.ndarray, step: float) -> np.ndarray:
    """Return the cumulative histogram of values from 0 to 256 in steps."""
    count = np.bincount((values / step).astype(int), minlength=int(256 / step) + 1)
    return np.cumsum(count) / max(len(values), 1)


def features(plane: np.ndarray, inside: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is compared of one plane (Y, X), where ``inside`` holds."""
    plane = plane.astype(np.float32)
    return {
        "intensity": share(plane[inside], 1.0),
        "spectrum": spectrum(plane),
        "texture": share(local_sd(plane)[inside], 0.25) * 0.25,
    }


def gap(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the distances between two planes' features."""
    found = {k: float(np.abs(a[k] - b[k]).sum()) for k in ("intensity", "texture")}
    return found | {"spectrum": float(np.sqrt(np.mean((a["spectrum"] - b["spectrum"]) ** 2)))}


def look_at(runs: list[np.ndarray], scene: MovieScene, at: int) -> list[dict[str, Any]]:
    """Return the features of one frame of each run."""
    inside = scene.shell.silhouette(scene.grid) < 1.1
    seen = []
    for begin, run in zip(BLOCKS, runs, strict=True):
        places = scene.grid.to_voxels(scene.moment(begin + at).centre_um)[:, 1:]
        seen.append(
            {
                "green": features(run[at][..., 1], inside),
                "red": features(run[at][..., 0], inside),
                "radius": median_radius(run[at], places),
            }
        )
    return seen


def distances(one: list[dict[str, Any]], two: list[dict[str, Any]]) -> dict[str, float]:
    """Return mean distances over runs."""
    rows = []
    for a, b in zip(one, two, strict=True):
        red = gap(a["red"], b["red"])
        rows.append(
            gap(a["green"], b["green"])
            | {
                "size": abs(float(np.log(b["radius"] / a["radius"]))),
                "red intensity": red["intensity"],
                "red texture": red["texture"],
            }
        )
    return {k: float(np.mean([r[k] for r in rows])) for k in rows[0]}


def cost(found: dict[str, float], floor: dict[str, float]) -> float:
    """Return the mean of the distances, each beside that of real frames from one another."""
    return float(np.mean([np.log(1 + found[k] / max(floor[k], 1e-3)) for k in found]))


def fit(real: list[Any], lives: Any, settings: MovieSettings, floor: dict[str, float]) -> None:
    """Try the values of `TRIED` in turn, keep what is nearest, and print what is nearly as near."""
    scene = MovieScene(lives, settings, seed=1)

    def away(other: MovieSettings) -> float:
        seen = look_at(rendered_runs(lives, other), scene, LONG - 1)
        return cost(distances(real, seen), floor)

    best = away(settings)
    print(f"as they ship {best:.3f}", flush=True)
    for name, values in TRIED.items():
        tried = {value: away(settings.replace(**{name: value})) for value in values}
        value = min(tried, key=tried.__getitem__)
        if tried[value] < best:
            best, settings = tried[value], settings.replace(**{name: value})
        near = [v for v, c in tried.items() if c < best + 0.04]
        print(f"{name}: {getattr(settings, name):g}, nearly as near {near}; {best:.3f}", flush=True)


def membrane_rows(folder: Path) -> tuple[list[dict[str, float]], list[np.ndarray]]:
    """Return distances of membrane volumes, the floor in the last row, and a strip of images."""
    planes, rows = [], []
    pairs = ((24, 14), (54, 47), (70, 87))
    real = {}
    for frame, cells in pairs:
        raw = scipy.io.loadmat(folder / "raw" / f"membt{frame:03d}.mat")["embryo"]
        real[frame] = np.moveaxis(raw, 2, 0)
        lives = read_or_draw(LineageSettings(), table=None, seed=frame)
        frames, count = lives.count()
        scene = EmbryoScene(lives, VolumeSettings(channels=("membrane",)), seed=frame)
        ours = scene.render(int(frames[np.argmax(count >= cells)])).pixels[0]
        rows.append(compare_volumes(real[frame], ours))
        planes.append(np.concatenate([real[frame][38], ours[38]], axis=1))
    rows.append(compare_volumes(real[54], real[70]))
    return rows, planes


def compare_volumes(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Return mean distances over planes; each volume is judged where it is not empty."""
    rows = []
    for k in range(18, 56, 6):
        seen = [features(v[k], ndi.gaussian_filter(v[k].astype(float), 3) > 4) for v in (a, b)]
        rows.append(gap(*seen))
    return {k: float(np.mean([r[k] for r in rows])) for k in rows[0]}


def as_table(rows: dict[str, dict[str, float]]) -> str:
    names = list(next(iter(rows.values())))
    lines = ["| | " + " | ".join(names) + " |", "|--" * (len(names) + 1) + "|"]
    for title, row in rows.items():
        lines.append(f"| {title} | " + " | ".join(f"{row[n]:.2f}" for n in names) + " |")
    return "\n".join(lines)


def write_beside(
    path: Path, real: list[np.ndarray], ours: list[np.ndarray], membranes: list[np.ndarray]
) -> None:
    """Write real above rendered, movie frames and membrane planes."""
    shown = [1, 2, 3, 5]
    rows = [
        np.concatenate([run[i][LONG - 1][:, :640] for i in shown], axis=1) for run in (real, ours)
    ]
    movie = Image.fromarray(np.concatenate(rows)).resize((1280, 512), Image.Resampling.LANCZOS)
    wide = [np.split(p, 2, axis=1) for p in membranes]
    walls = Image.fromarray(
        np.concatenate([np.concatenate([w[i] for w in wide], axis=1) for i in (0, 1)])
    )
    walls = walls.resize((1280, round(1280 * walls.height / walls.width)), Image.Resampling.LANCZOS)
    page = Image.new("RGB", (1280, movie.height + walls.height + 8), "white")
    page.paste(movie, (0, 0))
    page.paste(walls.convert("RGB"), (0, movie.height + 8))
    page.save(path)


def write_figure(
    real: list[Any], ours: list[Any], runs: list[np.ndarray], membranes: list[np.ndarray]
) -> None:
    """Write rendered frames, and below them what is measured of real and rendered ones."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    fig, axes = plt.subplots(2, 4, figsize=(12.8, 5.6), layout="constrained")
    for ax, i in zip(axes[0], (1, 3, 5), strict=False):
        ax.imshow(runs[i][LONG - 1])
        ax.set_title(f"rendered, frame {BLOCKS[i] + LONG - 1}", fontsize=10)
    axes[0, 3].imshow(np.split(membranes[1], 2, axis=1)[1], cmap="gray")
    axes[0, 3].set_title("rendered membranes, 47 cells", fontsize=10)
    for ax in axes[0]:
        ax.axis("off")
    colours = {"real": "#000000", "rendered": "#009E73"}
    frequency = np.geomspace(0.008, 0.5, 25)[:-1]
    for name, seen in (("real", real), ("rendered", ours)):
        style = {"color": colours[name], "lw": 1.2}
        for number, i in enumerate((1, 3, 5)):
            label = {"label": name} if number == 0 else {}
            green = seen[i]["green"]
            axes[1, 0].plot(1 - green["intensity"], **style, **label)
            axes[1, 1].plot(frequency, green["spectrum"], **style)
            axes[1, 2].plot(np.arange(0, 256.25, 0.25)[:240], 4 * green["texture"][:240], **style)
        radius = [s["radius"] * 0.09 for s in seen]
        axes[1, 3].plot([b + LONG - 1 for b in BLOCKS], radius, "o-", ms=4, **style)
    words = (
        ("grey value (green)", "share of pixels above"),
        ("spatial frequency (1/px)", "power (dB)"),
        ("standard deviation in 5 x 5 px", "share of pixels below"),
        ("frame (min)", "radius of nuclei (µm)"),
    )
    for ax, (x, y) in zip(axes[1], words, strict=True):
        ax.set_xlabel(x)
        ax.set_ylabel(y)
        ax.spines[["top", "right"]].set_visible(False)
    axes[1, 0].legend(frameon=False)
    axes[1, 0].set_ylim(0, 0.6)
    axes[1, 1].set_xscale("log")
    axes[1, 3].set_ylim(0)
    buffer = io.BytesIO()
    fig.savefig(buffer, dpi=100)
    Image.open(buffer).convert("RGB").quantize(160).save(FIGURE, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--beside", type=Path)
    given = parser.parse_args()
    data = Path(os.environ.get("FATESCOPE_DATA", "../shared/data"))
    table_file = data / "devolearn_samples" / "CD20071217_ceh-432x3.csv"
    lives = read_or_draw(LineageSettings(), table=table_file, seed=1)
    settings = MovieSettings(
        width=752, place="table", vary=0, neighbour=0, laser_steps=0, bleaching=0
    )
    scene = MovieScene(lives, settings, seed=1)
    real = real_runs(data / "devolearn_samples" / "embryo_timelapse.mov")
    seen = look_at(real, scene, LONG - 1)
    floor = distances(seen, look_at(real, scene, 0))
    if given.fit:
        fit(seen, lives, settings, floor)
        return
    runs = rendered_runs(lives, settings)
    ours = look_at(runs, scene, LONG - 1)
    plain = look_at(rendered_runs(lives, settings.replace(**PLAIN)), scene, LONG - 1)
    rows = {
        f"real, {LONG - 1} minutes apart": floor,
        "rendered": distances(seen, ours),
        "plain": distances(seen, plain),
    }
    print(as_table(rows))
    found, membranes = membrane_rows(data / "membrane_3dmms")
    titles = ("14 cells", "47 cells", "87 cells", "real, frame 54 against 70")
    print(as_table(dict(zip(titles, found, strict=True))))
    if given.beside:
        write_beside(given.beside, real, runs, membranes)
    else:
        write_figure(seen, ours, runs, membranes)


if __name__ == "__main__":
    main()
