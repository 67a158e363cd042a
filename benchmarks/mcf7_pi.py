"""Are dead nuclei of real cells told without a stain? Leave groups of fields out.

    python -m benchmarks.mcf7_pi DATA --out DIR [--steps 700] [--folds 16]

DATA holds ``plate_samples/mcf7_pi`` (72 fields of MCF-7 cells with killer cells, in 16 groups).
Labels come from the dyes (`plate labels`: Hoechst, propidium iodide, limits of each group). Groups
are divided into folds, by default of one group each. For each fold a small U-Net, the recipe
``viability``, learns bright field from the groups of all others, at half size; it then says of each
pixel of its groups whether it is a live or a dead nucleus. Scored are

* pixels of whole fields, against the labels of dyes;
* nuclei that were outlined by hand, whose state propidium iodide tells (those between the limits
  are left out): `p_dead` is the share of dead in what was said of their pixels.

Areas under precision-recall and under ROC, with 95 % intervals by bootstrap over groups. Beside
them the shipped package ``viability``, which has seen rendered cells alone. The licence of the
images forbids to ship what was trained on them: only figures come of this.

A fold that is done lies in DIR and is not trained again.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from fatescope.acquire import read_image, read_labels, read_table, write_table
from fatescope.evaluate import PixelCounts, score_classes
from fatescope.models import PixelClasses
from fatescope.plate import DEAD, DOUBTFUL, Limits, join_nuclei, states_of
from fatescope.predict import LevelledPlane
from fatescope.prepare import FIVE, CropStoreSettings
from fatescope.prepare.crop_store import PlaneCrops
from fatescope.systems.viability.classes import draw_maps, open_viability_model
from fatescope.systems.viability.crops import prepare_crops
from fatescope.systems.viability.reproduce.real import (
    bin_pixels,
    find_real_fields,
    label_groups,
    write_group_plates,
)
from fatescope.systems.viability.training.task import DRAFT, ViabilityTask
from fatescope.train import fit, read_recipe
from fatescope.train.class_labels import merged_classes
from fatescope.train.evaluated import EvaluatedNetwork

BINNING = 2
PIXEL_UM = 0.3112 * BINNING
LEAST_PX = 60
"""Smaller outlines by hand, on the binned grid, are crumbs."""
ROWS = {
    "pixels, live nuclei": ("pixels", 1),
    "pixels, dead nuclei": ("pixels", 2),
    "nuclei by hand, dead": ("nuclei", 1),
}


def prepare(data, out):
    """Write plates of groups, labels and crops; return the plates and their label folders."""
    fields = find_real_fields(data)
    if fields is None:
        raise SystemExit(f"{data}: no mcf7_pi is there.")
    plates = write_group_plates(fields, out / "plates", binning=BINNING)
    labelled = label_groups(plates, out / "labels", rule="nuclei")
    crops = CropStoreSettings(
        size_px=96, stride_px=48, one_class="keep", unit="plate", validation=0, test=0
    )
    prepare_crops(labelled, out=out / "crops", settings=crops)
    return fields, plates, labelled


def fold(out, names):
    """Return a folder of crops in which some groups are for testing alone."""
    folder = out / "folds" / "_".join(names)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "planes").exists():
        (folder / "planes").symlink_to((out / "crops" / "planes").absolute())
    (folder / "crops.json").write_bytes((out / "crops" / "crops.json").read_bytes())
    table = read_table(out / "crops" / "crops.parquet")
    split = np.where(np.isin(groups_of(table), names), "test", "train").astype(object)
    write_table(table.with_columns({"split": split}), folder / "crops.parquet")
    return folder


def groups_of(table):
    """Return the group of each crop: the plate of its unit."""
    return np.array([str(u).split("/")[0] for u in table["unit"]])


def planes_of(folder, name):
    """Return the planes of one group."""
    table = read_table(folder / "crops.parquet")
    table = table.rows(groups_of(table) == name)
    keys = list(dict.fromkeys(str(k) for k in table["image"]))
    return PlaneCrops(folder, keys, table, size_px=96)


def recipe_of(steps):
    """Return the shipped recipe, shorter, on crops of 80 px."""
    recipe = read_recipe("viability")
    plan = recipe.fit.replace(steps=steps, steps_per_epoch=100, validate_every=1000)
    crops = recipe.crops.replace(size_px=80)
    return recipe.replace(
        classes="three", crops=crops.model_dump(), fit=plan.model_dump(), variants={}
    )


def nuclei_of_hand(fields, plate, folder):
    """Return, for each field of a group, outlines by hand and their states by the dye."""
    counts = read_table(folder / "counts.csv")
    limits = Limits(
        low=float(counts["low_counts"][0]), high=float(counts["high_counts"][0]), source="given"
    )
    found = []
    for name in plate.fields:
        true = read_labels(fields / f"{name}_lab.tif").read()[::BINNING, ::BINNING]
        stains = [
            bin_pixels(p, BINNING) for p in read_image(fields / f"{name}.tif", axes="CYX").read()
        ]
        number = np.unique(true, return_inverse=True)[1].reshape(true.shape).astype(np.int32)
        nothing = np.zeros_like(number)
        seen = join_nuclei((number, nothing), stains[1], stains[2], diameter_px=22.0)
        found.append((seen.labels, states_of(seen.dead, limits), seen.area))
    return found


def score_group(maps_of, planes, by_hand):
    """Return counts of a group: of pixels by class, and of nuclei by hand by state."""
    merge = merged_classes(FIVE, "three")[1]
    pixels, nuclei = [], []
    for i in range(planes.n_planes):
        image, classes = planes.plane(i)
        maps = maps_of(np.asarray(image))
        pixels.append(PixelCounts.of_plane(maps, merge[classes]))
        labels, states, area = by_hand[i]
        for k in np.flatnonzero((area >= LEAST_PX) & (states != DOUBTFUL)):
            live, dead = (float(maps[c][labels == k + 1].sum()) for c in (1, 2))
            said = np.rint(255 * dead / max(live + dead, 1e-9))
            nuclei.append((255 - said, said, states[k] == DEAD))
    table = np.array(nuclei, np.uint8).reshape(-1, 3).T
    return {
        "pixels": PixelCounts.total(pixels),
        "nuclei": PixelCounts.of_plane(table[:2, None], table[2:3]),
    }


def trained(network, description):
    """Return what draws the three maps of a plane with a network of a fold."""
    return lambda image: draw_maps(
        EvaluatedNetwork(network), LevelledPlane(image), description, (1.0, 1.0)
    )


def shipped():
    """Return what draws the three maps of a plane with the shipped package, at its own size."""
    predictor = open_viability_model("viability")
    model = predictor.description
    scale = PIXEL_UM / model.image.spacing_um[0]

    def maps_of(image):
        plane = LevelledPlane(image)
        network = predictor.network(None, plane.contrast.statistics)
        maps = draw_maps(network, plane, model, (scale, scale))
        names = list(model.output_as(PixelClasses).channels)
        both = np.stack([maps[names.index(c)] for c in ("live", "dead")])
        large = [cv2.resize(m, image.shape[::-1], interpolation=cv2.INTER_LINEAR) for m in both]
        rest = 255 - np.minimum(large[0].astype(int) + large[1], 255)
        return np.stack([rest.astype(np.uint8), *large])

    return maps_of


def figure(groups, kind, k, measure):
    """Return an area over all groups and its 95 % interval over groups."""
    parts = [g[kind] for g in groups]

    def of(chosen):
        return float(getattr(score_classes(PixelCounts.total(chosen)), measure)[k])

    rng = np.random.default_rng(0)
    draws = [of([parts[i] for i in rng.integers(len(parts), size=len(parts))]) for _ in range(1000)]
    return of(parts), *np.nanpercentile(draws, [2.5, 97.5])


def share(groups, kind, k):
    """Return the share of a class: what guessing reaches under precision-recall."""
    confusion = PixelCounts.total([g[kind] for g in groups]).confusion
    return confusion[k].sum() / confusion.sum()


def main():
    """Train a network for each group that is not done, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--folds", type=int, help="fewer trainings: several groups are left out")
    asked = parser.parse_args()
    fields, plates, labelled = prepare(asked.data, asked.out)
    recipe, begun = recipe_of(asked.steps), time.process_time()
    ours, theirs = [], []
    maps_of_shipped = shipped()
    places = dict(zip((p.name for p in plates), zip(plates, labelled, strict=True), strict=True))
    n_folds = min(asked.folds or len(places), len(places))
    for names in ([*places][i::n_folds] for i in range(n_folds)):
        folder = fold(asked.out, names)
        task = ViabilityTask(recipe, data=folder)
        fitted = fit(task, recipe.fit, folder=folder)
        for name in names:
            planes, by_hand = planes_of(folder, name), nuclei_of_hand(fields, *places[name])
            ours.append(score_group(trained(fitted.network, DRAFT), planes, by_hand))
            theirs.append(score_group(maps_of_shipped, planes, by_hand))
            n = ours[-1]["nuclei"].confusion.sum(axis=1)
            auroc = [score_classes(g[-1]["nuclei"]).auroc[1] for g in (ours, theirs)]
            said = "group {}: {} fields, {} live, {} dead; AUROC {:.3f}; shipped {:.3f}"
            print(said.format(name, planes.n_planes, *n, *auroc),
                  f"({fitted.cpu_minutes:.1f} CPU-min)", flush=True)  # fmt: skip
    print("what | share | AUPRC | AUROC | AUPRC, shipped | AUROC, shipped")
    for what, (kind, k) in ROWS.items():
        cells = [
            "{:.3f} ({:.3f}-{:.3f})".format(*figure(groups, kind, k, measure))
            for groups in (ours, theirs)
            for measure in ("auprc", "auroc")
        ]
        print(what, f"{share(ours, kind, k):.3f}", *cells, sep=" | ")
    print(f"{(time.process_time() - begun) / 60:.1f} CPU-minutes in this run")


if __name__ == "__main__":
    main()
