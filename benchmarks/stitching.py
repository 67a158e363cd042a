"""How well and how fast are fields stitched? Rendered wells of 9 x 9 fields with known places.

    python -m benchmarks.stitching [--wells 3]

Cells on a background, uneven light, camera noise, a quarter of the well empty. Prints, for each
size of fields, the RMS error over fields that a pair ties to the others, how many those are, how
many could be (cells in an overlap), the wall and CPU seconds of a well; and the same with the
phase correlation of scikit-image in place of our matching of pairs.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from skimage.registration import phase_cross_correlation

from fatescope.plate import (
    StitchSettings,
    estimate_flat_field,
    even_light,
    grid_places,
    nominal_positions,
    place_fields,
)
from fatescope.plate import stitch as stitching
from fatescope.plate.match import NO_MATCH, FieldMatch

GRID, OVERLAP = 9, 0.1
CASES = {
    "1000 x 1000, jitter ± 20 px": ((1000, 1000), "uniform", 20.0),
    "300 x 400, jitter sd 5 px": ((300, 400), "normal", 5.0),
}


def render_well(shape, kind, jitter, seed, grid=GRID, empty=0.2, noise=6.0):
    """Return fields (uint16), nominal and true positions, and which fields show a cell."""
    rng = np.random.default_rng(seed)
    nominal = nominal_positions(grid_places(grid, grid, order="rows"), shape=shape, overlap=OVERLAP)
    size = (len(nominal), 2)
    moved = rng.uniform(-jitter, jitter, size) if kind == "uniform" else rng.normal(0, jitter, size)
    true = nominal + moved
    margin = np.array([60, 60])
    extent = (nominal.max(axis=0) + shape + 2 * margin).astype(int)
    cells, radius = render_cells(rng, extent, empty)
    light = uneven_light(shape)
    fields = []
    for y, x in true + margin:
        # Parts of a pixel: the cells are drawn again where the stage stood.
        exact = draw(cells, radius, (y, x), shape)
        expected = 100 + 400 * light * (1 + exact)
        seen = rng.poisson(expected) + rng.normal(0, noise, shape)
        fields.append(np.clip(np.rint(seen), 0, 65535).astype(np.uint16))
    return fields, nominal, true


def render_cells(rng, extent, empty):
    """Return cells (y, x, amplitude) that leave discs of the well empty, and their radius."""
    n = int(extent[0] * extent[1] / 1800)
    places = rng.uniform(0, 1, (n, 2)) * extent
    keep = np.ones(n, dtype=bool)
    while (~keep).mean() < empty:
        centre, reach = rng.uniform(0, 1, 2) * extent, 0.12 * extent.min()
        keep &= np.hypot(*(places - centre).T) > reach
    amplitude = rng.normal(0.25, 0.06, n)
    return np.column_stack([places, amplitude])[keep], rng.uniform(2.5, 5.0, n)[keep]


def draw(cells, radius, origin, shape):
    """Draw cells as bright-field looks: a dark body with a bright rim."""
    field = np.zeros(shape, dtype=np.float32)
    at = cells[:, :2] - origin
    inside = np.flatnonzero(((at > -20) & (at < np.array(shape) + 20)).all(axis=1))
    for i in inside:
        (y, x), r = at[i], radius[i]
        reach = int(3.5 * r) + 1
        rows = np.arange(max(0, int(y) - reach), min(shape[0], int(y) + reach + 2))
        columns = np.arange(max(0, int(x) - reach), min(shape[1], int(x) + reach + 2))
        if not len(rows) or not len(columns):
            continue
        square = ((rows - y) ** 2)[:, None] + ((columns - x) ** 2)[None]
        look = np.exp(-square / (2 * r * r)) - 1.6 * np.exp(-square / (2 * (0.6 * r) ** 2))
        field[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += cells[i, 2] * look
    return field


def uneven_light(shape):
    """Return light that falls by a third to one corner."""
    y, x = (np.linspace(-1, 1, n) for n in shape)
    light = 1 - 0.17 * (y**2)[:, None] - 0.12 * (x**2)[None] - 0.05 * x[None]
    return light / light.mean()


def error_px(found, true, which):
    """Return the RMS distance over fields after the best common shift."""
    off = (found - true)[which]
    return float(np.sqrt(np.square(off - off.mean(axis=0)).sum(axis=1).mean()))


def stitch(fields, nominal):
    """Place one well as the command does."""
    settings = StitchSettings()
    flat = estimate_flat_field(fields, offset_counts=settings.offset_counts)
    even = [even_light(f, flat, offset_counts=settings.offset_counts) for f in fields]
    return place_fields(even, nominal, settings)


def by_phase_correlation(first, second, prior, *, search_px):
    """FieldMatch as scikit-image does: the overlaps that the stage promises, cut and correlated."""
    near = np.rint(prior).astype(int)
    cut = [
        (slice(max(0, d), min(n, n + d)), slice(max(0, -d), min(n, n - d)))
        for n, d in zip(first.shape, near.tolist(), strict=True)
    ]
    a, b = first[cut[0][0], cut[1][0]], second[cut[0][1], cut[1][1]]
    if min(a.shape) < 8:
        return NO_MATCH
    shift, _, _ = phase_cross_correlation(a, b, upsample_factor=10)
    if (np.abs(shift) > search_px).any():
        return NO_MATCH
    moved = near + np.rint(shift).astype(int)
    over = [
        (slice(max(0, d), min(n, n + d)), slice(max(0, -d), min(n, n - d)))
        for n, d in zip(first.shape, moved.tolist(), strict=True)
    ]
    a, b = first[over[0][0], over[1][0]].ravel(), second[over[0][1], over[1][1]].ravel()
    quality = max(0.0, float(np.corrcoef(a, b)[0, 1])) if a.size > 16 else 0.0
    return FieldMatch(shift=near + shift, quality=quality, strength=quality * np.sqrt(a.size))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wells", type=int, default=3)
    args = parser.parse_args()
    print("| fields | matching | seed | RMS px | worst px | placed | pairs used | wall s | CPU s |")
    print("|--|--|--:|--:|--:|--:|--:|--:|--:|")
    ours = stitching.match_overlap
    for name, (shape, kind, jitter) in CASES.items():
        for seed in range(args.wells):
            fields, nominal, true = render_well(shape, kind, jitter, seed)
            for words, match in (("ours", ours), ("phase correlation", by_phase_correlation)):
                stitching.match_overlap = match
                wall, cpu = time.perf_counter(), time.process_time()
                found = stitch(fields, nominal)
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                stitching.match_overlap = ours
                off = (found.positions - true)[found.placed]
                off = np.hypot(*(off - np.median(off, axis=0)).T)
                rms = error_px(found.positions, true, found.placed)
                print(
                    f"| {name} | {words} | {seed} | {rms:.3f} | {off.max():.2f} | "
                    f"{found.placed.sum()}/{len(fields)} | {found.used.sum()}/{len(found.used)} | "
                    f"{wall:.1f} | {cpu:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
