"""How a nuclei package does on images unlike its training data; sizes are never given.

    python -m benchmarks.nuclei_elsewhere nuclei [--plate data/plate_samples/mcf7_pi] [--half odd]

Rendered images with one property at a time made hard, and all of them together, of nuclei of 24,
60 and 100 px; then rendered nuclei of 12 to 120 px. AP at 0.50 / 0.75, pooled. Of the plate assay
(another laboratory; small cells between the labelled nuclei have no label, so AP would mean
nothing) the recall at 0.50 / 0.75: choices were made on the even fields, the odd ones are
for reports.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image
from fatescope.base import Image
from fatescope.evaluate import LabelScores, pool_scores, score_labels
from fatescope.predict import Predictor, open_predictor
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.systems.nuclei.outline import segment_image
from fatescope.systems.nuclei.settings import NucleiSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

HARD: dict[str, dict[str, float]] = {
    "plain": {},
    "brightness spread 0.7": {"brightness_spread": 0.7},
    "brightness spread 1.0": {"brightness_spread": 1.0},
    "brightness spread 1.5": {"brightness_spread": 1.5},
    "texture": {"texture": 2.0},
    "haze": {"haze": 0.5},
    "uneven background": {"unevenness": 1.0},
    "out of focus": {"defocus_share": 0.9},
    "crowded": {"density": 0.5, "touching_share": 0.8},
    "few photons": {"photons": 20.0},
    "long nuclei": {"aspect": 2.0},
    "sizes mixed": {"diameter_spread": 0.4},
}
HARD["much at once"] = {
    "brightness_spread": 0.9,
    "texture": 2.0,
    "haze": 0.4,
    "unevenness": 0.8,
    "defocus_share": 0.5,
    "density": 0.4,
    "aspect": 1.5,
    "diameter_spread": 0.25,
}
SIZES = (12, 16, 20, 24, 30, 40, 60, 80, 100, 120)


def score(pixels: "NDArray[Any]", truth: "NDArray[Any]", predictor: Predictor) -> LabelScores:
    found = segment_image(
        Image(pixels=pixels, axes="YX"), NucleiSettings(), predictor=predictor
    ).labels
    return score_labels(np.asarray(truth, np.int32), np.asarray(found, np.int32))


def rendered(look: dict[str, float], sizes: tuple[int, ...], predictor: Predictor) -> str:
    """Return AP at 0.50 / 0.75 of rendered images, two of each size."""
    scores = []
    for diameter in sizes:
        side = max(384, 10 * diameter)
        values = {"density": 0.3, "height": side, "width": side, "diameter_px": diameter, **look}
        for seed in (1011, 1012):
            image = simulate_image(NucleiMovieSettings.from_values(values), seed=seed)
            scores.append(score(*image, predictor))
    pooled = pool_scores(scores)
    return f"{pooled.ap(50):.3f} / {pooled.ap(75):.3f}"


def plate(folder: Path, predictor: Predictor, *, first: int) -> str:
    """Return the recall at 0.50 / 0.75 of every other field."""
    scores = []
    for path in sorted(folder.glob("*_lab.tif"))[first::2]:
        truth = np.asarray(read_image(path).read()).squeeze()
        planes = np.asarray(read_image(path.with_name(path.name.replace("_lab", ""))).read())
        scores.append(score(planes.squeeze()[1], truth, predictor))
    n = sum(s.n_true for s in scores)
    at50, at75 = (sum(s.tp[i] for s in scores) / n for i in (0, 5))
    return f"recall {at50:.3f} / {at75:.3f} of {n}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--plate", type=Path)
    parser.add_argument("--half", choices=["even", "odd"], default="odd")
    asked = parser.parse_args()
    predictor = open_predictor(asked.model)
    for name, look in HARD.items():
        print(f"| {name} | {rendered(look, (24, 60, 100), predictor)} |", flush=True)
    for size in SIZES:
        print(f"| {size} px | {rendered({}, (size,), predictor)} |", flush=True)
    if asked.plate:
        half = 0 if asked.half == "even" else 1
        print(f"| plate assay, {asked.half} fields | {plate(asked.plate, predictor, first=half)} |")


if __name__ == "__main__":
    main()
