"""Draw what `predict membrane` makes of images that it was not written on, for the docs.

    FATESCOPE_DATA=DATA python -m benchmarks.membrane_others docs/images/membrane-others.png

Two frames of a screen recording of an embryo (DevoLearn, MIT) and a plane of an ovule (plant-seg,
MIT): above the image, below the cells. The ovule has labels: prints how many cells are found.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from fatescope.acquire import read_image, read_labels
from fatescope.evaluate import score_labels
from fatescope.pages.images import display_limits, to_grey
from fatescope.systems.membranes.cells import (
    MembraneSettings,
    cells_in_frame,
    open_membrane_model,
    wall_network,
)
from fatescope.systems.membranes.compare_page import painted

FILM_FRAMES, FILM_UM = (20, 330), (0.155, 0.155)
OVULE_UM, OVULE_PLANE = (0.235, 0.15, 0.15), 16
HEIGHT_PX, GAP_PX = 276, 6
COLOURS = 128


def main() -> None:
    """Write the figure and print the score of the ovule."""
    data = Path(os.environ["FATESCOPE_DATA"])
    settings = MembraneSettings()
    network = wall_network(open_membrane_model(settings.model))
    film = read_image(data / "devolearn_samples" / "seg_sample.mov")
    columns = []
    for frame in FILM_FRAMES:
        pixels = film.read(T=frame, C=1)
        found = cells_in_frame(pixels, FILM_UM, settings, network=network).labels
        columns.append((pixels, found))
    volume = read_image(data / "tissue_volumes" / "ovule_membrane.tif").read()
    true = read_labels(data / "tissue_volumes" / "labels" / "ovule_membrane.tif").read()
    cells = cells_in_frame(volume, OVULE_UM, settings, network=network).labels
    scores = score_labels(true.astype(np.int32), cells)
    print(f"ovule: {scores.n_pred} cells found, {scores.n_true} in truth, {scores.tp[0]} at 0.5")
    columns.append((volume[OVULE_PLANE], cells[OVULE_PLANE]))
    drawn = []
    for pixels, found in columns:
        grey = to_grey(pixels, limits=display_limits(pixels))
        pair = [np.repeat(grey[..., None], 3, axis=2), painted(grey, found)]
        times = HEIGHT_PX // grey.shape[0]
        large = [p.repeat(times, axis=0).repeat(times, axis=1) for p in pair]
        room = HEIGHT_PX - large[0].shape[0]
        padded = [
            np.pad(p, ((0, room + GAP_PX), (0, GAP_PX), (0, 0)), constant_values=255) for p in large
        ]
        drawn.append(np.concatenate(padded))
    figure = np.concatenate(drawn, axis=1)[:-GAP_PX, :-GAP_PX]
    few = Image.fromarray(figure).quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
