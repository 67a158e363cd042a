"""Bright-field images of a chamber with cells whose places and states are known."""

import numpy as np
from scipy.ndimage import gaussian_filter


def chamber(cells, shape=(220, 240), seed=0, scale=1.0):
    """Render cells: live ones bright with a dark ring, dead ones dark and grainy.

    ``cells`` holds (y, x, dead) at scale 1; ``scale`` enlarges the whole image.
    """
    rng = np.random.default_rng(seed)
    rows, columns = (round(n * scale) for n in shape)
    y, x = np.mgrid[:rows, :columns] / scale
    image = 120 + 0.02 * x
    for cy, cx, dead in cells:
        away = np.hypot(y - cy, x - cx)
        ring = np.exp(-(((away - 7.5) / 3) ** 2))
        if dead:
            grain = gaussian_filter(rng.normal(0, 1, image.shape), 1.2 * scale)
            grain /= grain.std()
            inside = away < 8
            image += np.where(inside, -28 + 9 * grain, 0) - 8 * ring
        else:
            image += 110 * np.exp(-((away / 3.2) ** 2)) - 75 * ring
    image = gaussian_filter(image, 0.6) + rng.normal(0, 2, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


CELLS = [(40, 50, 0), (60, 150, 0), (150, 60, 0), (170, 180, 0), (110, 110, 0)]
