"""What a training crop costs, cut by our own code and by Albumentations (decision record 0237).

    OMP_NUM_THREADS=1 python -m benchmarks.augmentation

Rendered nuclei, 512 x 512 px; crops of 152 px (128 and their margin), rotated by any angle, zoomed
and degraded. CPU-ms a crop, median of 5 rounds of 40; one thread. Needs the extra ``train``.
"""

from __future__ import annotations

import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations
import cv2
import numpy as np
from benchmarks.measuring import cost_ms

from fatescope.predict.normalise import normalise, plane_statistics
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.train.crops import MARGIN_PX, cut, degrade
from fatescope.train.planes import TrainingPlane
from fatescope.train.settings import CropSettings

_CROPS = 40


def rendered_plane() -> TrainingPlane:
    """Return a plane of nuclei of 22 px, as training holds it."""
    pixels, labels = simulate_image(
        NucleiMovieSettings(height=512, width=512, density=0.4, diameter_px=22), seed=1
    )
    return TrainingPlane(
        pixels=pixels,
        statistics=plane_statistics(lambda: [pixels], percentiles=(1.0, 99.8)),
        labels=labels.astype(np.int32),
        touching=np.zeros((0, 2), np.int64),
        diameter_px=22.0,
        n_nuclei=int(labels.max()),
        kind="rendered",
        stretch=1.0,
        instances=True,
        complete=True,
    )


def main() -> None:
    """Print the table."""
    plane, settings = rendered_plane(), CropSettings(turn=1.0)
    side = settings.size_px + 2 * MARGIN_PX
    image = normalise(plane.pixels, plane.statistics)
    geometry = albumentations.Compose(
        [
            albumentations.Affine(
                scale=settings.zoom, rotate=(0, 360), border_mode=cv2.BORDER_REFLECT_101, p=1
            ),
            albumentations.RandomCrop(side, side),
            albumentations.HorizontalFlip(p=0.5),
        ],
        seed=0,
    )
    intensity = albumentations.Compose(
        [
            albumentations.RandomGamma((50, 180), p=0.6),
            albumentations.GaussianBlur(sigma_limit=(0.3, settings.blur_px), p=0.3),
            albumentations.RandomBrightnessContrast(p=0.6),
            albumentations.GaussNoise(std_range=(0, settings.noise), p=0.5),
        ],
        seed=0,
    )
    rng = np.random.default_rng(0)
    crop = cut(plane, settings=settings, rng=rng)[0]
    limited = np.clip(crop, 0, 1)
    works = {
        "geometry, ours": lambda: cut(plane, settings=settings, rng=rng),
        "geometry, Albumentations": lambda: geometry(image=image, mask=plane.labels),
        "intensity, ours": lambda: degrade(crop, settings=settings, rng=rng),
        "intensity, Albumentations": lambda: intensity(image=limited),
    }
    for name, work in works.items():

        def many(work=work) -> None:  # type: ignore[no-untyped-def]
            for _ in range(_CROPS):
                work()

        print(f"{name:28s} {cost_ms(many, runs=5) / _CROPS:6.2f} CPU-ms a crop")
    print(f"normalised pixels outside 0..1, which its float images may not hold: "
          f"{((image < 0) | (image > 1)).mean():.1%}, up to {image.max():.1f}")  # fmt: skip
    drawn = intensity(image=crop)["image"]
    print(f"values after its intensities: {drawn.min():.2f} to {drawn.max():.2f}, before "
          f"{crop.min():.2f} to {crop.max():.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
