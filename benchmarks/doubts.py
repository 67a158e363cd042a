"""Are doubtful objects really wrong? Otsu's threshold on the DSB2018 images, against the truth.

    FATESCOPE_DATA=../shared/data python -m benchmarks.doubts

Prints how many objects are called doubtful, how many of those are wrong, and which share of the
merged ones is found, for several limits of `min_ellipse_fill`.
"""

from __future__ import annotations

import os
from pathlib import Path

import cc3d
import numpy as np
from skimage.filters import threshold_otsu

from fatescope.acquire import read_image, read_labels
from fatescope.evaluate import explain_errors
from fatescope.measurement import DoubtSettings, doubtful_objects, measure_objects


def wrong_objects(true: np.ndarray, pred: np.ndarray) -> dict[int, str]:
    """Return what is wrong with each predicted object that is wrong."""
    errors = explain_errors(true, pred)
    pairs = zip(errors["label_pred"].tolist(), errors["kind"], strict=True)
    return {label: kind for label, kind in pairs if label and kind != "matched"}


def main() -> None:
    """Print the table."""
    folder = Path(os.environ.get("FATESCOPE_DATA", "../shared/data")) / "nuclei2d_dsb2018"
    images = []
    for path in sorted((folder / "images").glob("*.png"))[::2]:
        pixels = read_image(path).read()
        found = cc3d.connected_components(pixels > threshold_otsu(pixels), connectivity=4)
        found = cc3d.dust(found, threshold=20).astype(np.int64)
        true = read_labels(folder / "labels" / path.name).read()
        images.append((measure_objects(found), wrong_objects(true, found)))
    kinds = [[w.get(label, "") for label in t["label"].tolist()] for t, w in images]
    kind = np.array([k for of_image in kinds for k in of_image])
    print(f"{len(kind)} objects in {len(images)} images; {(kind != '').mean():.1%} wrong")
    print("min_ellipse_fill  doubtful  wrong among them  of merged ones found")
    for limit in (0.90, 0.92, 0.94, 0.96, 0.98):
        settings = DoubtSettings(min_ellipse_fill=limit)
        marks = []
        for table, _ in images:
            doubtful = np.zeros(len(table), dtype=bool)
            doubtful[doubtful_objects(table, settings)["row"]] = True
            marks.append(doubtful)
        mark = np.concatenate(marks)
        wrong, found_merged = (kind[mark] != "").mean(), mark[kind == "merged"].mean()
        print(f"{limit:16.2f}  {mark.mean():8.1%}  {wrong:16.1%}  {found_merged:20.1%}")


if __name__ == "__main__":
    main()
