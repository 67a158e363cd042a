"""Nuclei in electron micrographs: a floor without learning, and packages that have not seen them.

python -m benchmarks.nuclei_em DATA [PACKAGE...]

Otsu: bright parts of at least a quarter of a nucleus. Holes: the same, but only those that lie
whole inside the largest dark body, filled. Sizes are told by the truth, except where it says so.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu
from skimage.measure import label as components

from fatescope.base import Image, InputError
from fatescope.evaluate import pool_scores, score_labels
from fatescope.models import load_model
from fatescope.numeric import BootstrapSettings, bootstrap_interval
from fatescope.prepare import read_label_plane, read_plane, unit_hash
from fatescope.systems.nuclei.outline import segment_image
from fatescope.systems.nuclei_em.settings import NucleiEmSettings
from fatescope.train.planes import median_diameter
from fatescope.train.scoring import segment


def bright_parts(pixels, *, diameter, holes):
    """Label bright parts, of the whole image or only the holes of its largest dark body."""
    smooth = ndi.gaussian_filter(pixels.astype(float), 0.1 * diameter)
    bright = smooth > threshold_otsu(smooth)
    if holes:
        dark = components(~bright)
        size = np.bincount(dark.ravel())
        size[0] = 0
        body = ndi.binary_fill_holes(dark == size.argmax())
        bright &= body
    labels = components(bright)
    area = np.bincount(labels.ravel())
    typical = np.pi / 4 * diameter**2
    keep = (area > typical / 4) & (area < 4 * typical)
    keep[0] = False
    return np.where(keep[labels], labels, 0)


def row(name, scores):
    """Return one line: AP at 0.50 with its interval over images, AP at 0.75, pixel IoU."""
    pooled = pool_scores(scores)
    sums = np.array([[s.tp[0], s.n_true + s.n_pred - s.tp[0]] for s in scores])
    span = bootstrap_interval(sums, lambda s: s[:, 0] / np.maximum(s[:, 1], 1), BootstrapSettings())
    return (
        f"| {name} | {pooled.ap(50):.3f} ({span[0]:.3f}-{span[1]:.3f}) | {pooled.ap(75):.3f} | "
        f"{pooled.iou:.3f} | {pooled.n_true} | {pooled.n_pred} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder wormimage_em, or one that holds it")
    parser.add_argument("packages", nargs="*", help="packages that have not seen these images")
    given = parser.parse_args()
    try:
        print_table(given.data, given.packages)
    except InputError as error:
        parser.error(str(error))


def print_table(data, packages):
    """Print a row for each way; refuse packages that have seen the images."""
    data = data / "wormimage_em" if (data / "wormimage_em").is_dir() else data
    pairs = [
        (p.stem, read_plane(p), read_label_plane(data / "labels" / f"{p.stem}.png"))
        for p in sorted((data / "images").glob("*.jpg"))
    ]
    if not pairs:
        raise InputError(f"{data}: no images/*.jpg are there. Give the folder wormimage_em.")
    print("| | AP 0.50 (95 %) | AP 0.75 | pixel IoU | true | found |\n|--|--|--|--|--|--|")
    for name, holes in (("Otsu", False), ("Otsu, holes of the embryo", True)):
        found = [bright_parts(p, diameter=median_diameter(t), holes=holes) for _, p, t in pairs]
        scores = [score_labels(t, f) for (_, _, t), f in zip(pairs, found, strict=True)]
        print(row(name, scores))
    for package in packages:
        model = load_model(package)
        d = model.description
        seen = {unit_hash(f"{data.name}/{name}") for name, _, _ in pairs}
        if seen & set(d.training.units_seen):
            raise InputError(f"{package} has seen these images; its card has the left-out score.")
        told = [
            segment(
                model,
                p,
                description=d,
                thresholds=d.instances.thresholds,
                scale=d.image.diameter_px / median_diameter(t),
            )
            for _, p, t in pairs
        ]
        print(
            row(
                f"{d.name}, size given",
                [score_labels(t, f) for (_, _, t), f in zip(pairs, told, strict=True)],
            )
        )
        settings = NucleiEmSettings(model=package)
        free = [segment_image(Image(pixels=p, axes="YX"), settings).labels for _, p, _ in pairs]
        print(
            row(
                f"{d.name}, size not given",
                [score_labels(t, f.astype(int)) for (_, _, t), f in zip(pairs, free, strict=True)],
            )
        )


if __name__ == "__main__":
    main()
