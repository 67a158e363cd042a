"""How good are labels from stains, and how fast are plates rendered and labelled?

    python -m benchmarks.stain_labels [--seeds 101,102,103,104,105,106] [--data ../shared/data]

Rendered plates (so all of these figures are of simulated cells) of seeds on which nothing was
chosen: for each rule, F1 of nuclei called live and dead (one to one; a nucleus between the limits
counts as missed, and the last column tells how many those are) and of pixels of each class, with
95 % intervals by bootstrap over plates. Then CPU seconds of a field of 300 x 400 px. With --data,
the 72 real fields of ``plate_samples/mcf7_pi``: how many hand-labelled nuclei are found (IoU 0.5)
by the network and by peaks of the light, with 95 % intervals by bootstrap over groups, and what is
called dead in each group; there is no true state of these cells, so nothing here says how many
calls are right.
"""

from __future__ import annotations

import argparse
import csv
import time
from functools import partial
from pathlib import Path

import numpy as np

from fatescope.acquire import read_image, read_labels
from fatescope.numeric import bootstrap_interval
from fatescope.numeric.bootstrap import mean_interval
from fatescope.numeric.settings import BootstrapSettings
from fatescope.plate import (
    DEAD,
    DOUBTFUL,
    LIVE,
    UNCERTAIN,
    Limits,
    StainSettings,
    find_limits,
    paint_classes,
    states_of,
)
from fatescope.simulate.plate import (
    CLASSES,
    FieldScene,
    PlateSettings,
    live_well,
    place_stage,
    plan_plate,
    vary_plate,
)
from fatescope.systems.plates.stain_fields import area_of, diameter_of, nuclei_of

RULES = {
    "nuclei": StainSettings(),
    "nuclei, --outlines peaks": StainSettings(outlines="peaks"),
    "block-maximum": StainSettings(rule="block-maximum"),
    "published": StainSettings(rule="published"),
}
WELLS = 3


def render(seed):
    """Return frames of three stained wells of one plate, and CPU seconds a frame and channel."""
    settings = PlateSettings(scale=0.001)
    look = vary_plate(settings, seed=seed)
    design = plan_plate(look.settings, seed=seed)
    begun, frames = time.process_time(), []
    for i, plan in enumerate([w for w in design.wells if w.is_recorded][:WELLS]):
        world = live_well(look.settings, design, plan, seed=10 * seed + i)
        stage = place_stage(look.settings, design, seed=10 * seed + i)
        scene = FieldScene(look, design, plan, world, stage, field=0, seed=10 * seed + i)
        frames += [scene.render(k) for k in range(0, design.frames, 2)]
    return frames, (time.process_time() - begun) / (3 * len(frames))


def usual(images, settings):
    """Return the median diameter of nuclei of images spread over those given."""
    some = images[:: max(1, len(images) // 12)]
    return float(np.median([d for d in (diameter_of(i, settings) for i in some) if d]))


def label(frames, settings):
    """Return nuclei, states and classes of frames, limits found on all of them, and CPU s each."""
    begun = time.process_time()
    diameter = usual([i["DAPI"] for i, _ in frames], settings)
    found = [nuclei_of(i["DAPI"], i["Cy5"], settings, diameter)[0] for i, _ in frames]
    if settings.rule == "nuclei":
        floor = float(np.median([f.floor for f in found]))
        limits = find_limits(np.concatenate([f.dead for f in found]), floor=floor)
    else:
        limits = Limits(low=0.0, high=0.0, source="threshold")
    out = []
    for (images, _), nuclei in zip(frames, found, strict=True):
        states = states_of(nuclei.dead, limits)
        area = area_of(images["BF"], settings, diameter)
        classes = paint_classes(nuclei.labels, states, area, classes="5", nucleus_px=diameter)
        out.append((nuclei, states, classes))
    return out, (time.process_time() - begun) / len(frames)


def score(frames, labelled):
    """Return F1 of live and dead nuclei, of pixels by class, and the share of doubtful nuclei."""
    right, wrong = np.zeros(2), np.zeros(2)
    pixels = np.zeros((len(CLASSES), 3))
    n = doubtful = 0
    for (_, truth), (nuclei, states, classes) in zip(frames, labelled, strict=True):
        true = np.where(truth.classes >= 3, truth.labels, 0)
        taken = set()
        for number in np.unique(true)[1:]:
            inside = true == number
            dead = int(truth.classes[inside][0] == 4)
            votes = np.bincount(nuclei.labels[inside], minlength=1)
            votes[0] = 0
            best = int(votes.argmax())
            if not best or best in taken or votes[best] < 0.4 * inside.sum():
                wrong[dead] += 1
                continue
            taken.add(best)
            state = states[best - 1]
            if state == (DEAD if dead else LIVE):
                right[dead] += 1
                continue
            wrong[dead] += 1
            if state != DOUBTFUL:
                wrong[1 - dead] += 1
        for spare in set(range(1, len(nuclei) + 1)) - taken:
            if states[spare - 1] != DOUBTFUL:
                wrong[int(states[spare - 1] == DEAD)] += 1
        n, doubtful = n + len(nuclei), doubtful + int((states == DOUBTFUL).sum())
        known = classes != UNCERTAIN
        for c in range(len(CLASSES)):
            a, b = classes == c, (truth.classes == c) & known
            pixels[c] += [(a & b).sum(), a.sum(), b.sum()]
    nuclei_f1 = 2 * right / (2 * right + wrong)
    return [*nuclei_f1, *(2 * pixels[:, 0] / pixels[:, 1:].sum(axis=1)), doubtful / max(n, 1)]


def real_fields(data):
    """Print what is found in real fields, group by group: field by field, limits by group."""
    folder = Path(data) / "plate_samples" / "mcf7_pi"
    with (folder / "index.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    groups = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row["name"])
    ways = {name: RULES[name] for name in RULES if RULES[name].rule == "nuclei"}
    for way, settings in ways.items():
        print(f"{way}: group | fields | nuclei | live below | dead from | live | uncertain | dead")
        counts = [real_group(folder, *group, settings) for group in sorted(groups.items())]
        parts = np.array(counts, float)
        said = []
        for top, bottom in (((0,), (1,)), ((0, 0), (1, 2))):
            share = partial(ratio, top=top, bottom=bottom)
            low, high = bootstrap_interval(parts, share, BootstrapSettings()) or (np.nan, np.nan)
            said.append(f"{share(parts.sum(axis=0)[None])[0]:.3f} ({low:.3f}-{high:.3f})")
        true, seen = parts[:, 1:].sum(axis=0).astype(int)
        print(f"{way}: recall {said[0]}, F1 {said[1]}; {true} by hand, {seen} found (some of these "
              "are killer cells, which have no labels)")  # fmt: skip


def ratio(sums, top, bottom):
    """Return sums of some columns over sums of others."""
    return sums[:, list(top)].sum(axis=1) / sums[:, list(bottom)].sum(axis=1)


def real_group(folder, group, names, settings):
    """Print what is called dead in a group; return nuclei that agree, true and found ones."""
    hit = total = n_found = 0
    images = [read_image(folder / f"{n}.tif", axes="CYX").read() for n in names]
    diameter = usual([i[1] for i in images], settings)
    found = [nuclei_of(i[1], i[2], settings, diameter)[0] for i in images]
    floor = float(np.median([f.floor for f in found]))
    limits = find_limits(np.concatenate([f.dead for f in found]), floor=floor)
    states = np.concatenate([states_of(f.dead, limits) for f in found])
    counts = [int((states == s).sum()) for s in (LIVE, DOUBTFUL, DEAD)]
    print(group, len(names), len(states), f"{limits.low:.0f} | {limits.high:.0f}", *counts,
          limits.source, sep=" | ", flush=True)  # fmt: skip
    for name, nuclei in zip(names, found, strict=True):
        true = read_labels(folder / f"{name}_lab.tif").read()
        hit += overlapping(true, nuclei.labels)
        total, n_found = total + len(np.unique(true)) - 1, n_found + len(nuclei)
    return hit, total, n_found


def overlapping(true, found):
    """Return how many true objects have a found one with an IoU of half or more."""
    n = 0
    for number in np.unique(true)[1:]:
        inside = true == number
        votes = np.bincount(found[inside], minlength=1)
        votes[0] = 0
        best = int(votes.argmax())
        if best:
            n += 2 * votes[best] >= inside.sum() + (found == best).sum() - votes[best]
    return int(n)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="101,102,103,104,105,106")
    parser.add_argument("--data")
    asked = parser.parse_args()
    scores, seconds = {rule: [] for rule in RULES}, {rule: [] for rule in RULES}
    rendering = []
    for seed in map(int, asked.seeds.split(",")):
        frames, cost = render(seed)
        rendering.append(cost)
        for rule, settings in RULES.items():
            labelled, cost = label(frames, settings)
            scores[rule].append(score(frames, labelled))
            seconds[rule].append(cost)
    names = ("live nuclei", "dead nuclei", *CLASSES, "share uncertain")
    print("simulated plates:", asked.seeds)
    print("rule", *names, "CPU s a frame", sep=" | ")
    for rule in RULES:
        table = np.array(scores[rule])
        cells = [mean_interval(column, BootstrapSettings()) for column in table.T]
        said = [f"{m:.3f} ({a:.3f}-{b:.3f})" for m, a, b in cells]
        print(rule, *said, f"{np.median(seconds[rule]):.3f}", sep=" | ")
    print(f"rendering: {np.median(rendering):.4f} CPU s a field of 300 x 400 px and channel")
    if asked.data:
        real_fields(asked.data)


if __name__ == "__main__":
    main()
