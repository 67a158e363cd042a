"""Inject faults into real tables and count what the lineage check finds.

    python benchmarks/lint_faults.py $FATESCOPE_DATA/epic_tables [--tables 58] [--seed 1]

Faults: daughters swapped with all their descendants, daughters swapped alone, two tracks exchanged
for some frames, sister lineages exchanged from 4 to 24 cells on, leaps, a scope cliff with tracks,
a cell that lives too long, a drop of nuclei in a table without names, and in a table that holds
nothing but counts. Findings that the untouched table has too are not counted (the real tables have
faults of their own); they are printed as ``already there``. With ``--hold-out`` only
tables are used that the shipped atlas was not made from, as for an unseen embryo.
"""

import argparse
import csv
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.lineages.links import links_by_name
from fatescope.base.sulston import daughter_names, is_cell_name, sort_key
from fatescope.lineage.lint import LintSettings, drops_in_counts, lint_one_lineage
from fatescope.numeric import tracks_of
from fatescope.systems.lineages.reading import open_atlas

SETTINGS = LintSettings(listed=1000)


def renamed(lineage, change):
    name = np.array([change(n, f) for n, f in _rows_of(lineage)], dtype=object)
    return replace(lineage, name=name, parent=links_by_name(lineage.frame, name))


def _rows_of(lineage):
    return zip(lineage.name, lineage.frame, strict=True)


def swap_families(lineage, rng, count=4):
    """Swap the names of two sisters and all their descendants."""
    return _swapped(lineage, rng, count, whole=True)


def swap_cells(lineage, rng, count=4):
    """Swap the names of two sisters alone; their daughters keep their names."""
    return _swapped(lineage, rng, count, whole=False)


def _swapped(lineage, rng, count, whole):
    tracks = tracks_of(lineage)
    rows = dict(zip(tracks.name, tracks.n_rows, strict=True))
    chosen, taken = [], set()
    for mother in rng.permutation(sorted(n for n in rows if is_cell_name(n))):
        if mother in ("Z2", "Z3") or any(
            mother.startswith(t) or t.startswith(mother) for t in taken
        ):
            continue
        one, other = daughter_names(mother)
        if min(rows.get(one, 0), rows.get(other, 0)) >= 10:
            chosen.append((one, other))
            taken.add(mother)
        if len(chosen) == count:
            break

    def change(name, frame):
        for one, other in chosen:
            for a, b in ((one, other), (other, one)):
                if name == a or (whole and name.startswith(a) and is_cell_name(b + name[len(a) :])):
                    if whole and a in ("E", "MS", "AB", "P1", "EMS", "P2", "C", "P3", "D", "P4"):
                        return name if name != a else b
                    return b + name[len(a) :]
        return name

    chosen = [c for c in chosen if len(c[0]) > 2 or not whole]
    chosen = [c for c in chosen if c[0] not in ("EMS", "P2")]
    return renamed(lineage, change), {("swap", "|".join(c)) for c in chosen}


def exchange_tracks(lineage, rng, count=3):
    """Exchange two neighbours that are not sisters for 10 frames within their lives."""
    tracks = tracks_of(lineage)
    frames = rng.permutation(np.arange(lineage.frame.min() + 20, lineage.frame.max() - 15))
    name, truth = lineage.name.copy(), set()
    place = lineage.position_um()
    used = set()
    for start in frames[: count * 4]:
        end = start + 10
        alive = [t for t in range(len(tracks)) if tracks.first[t] < start and tracks.last[t] > end]
        alive = [t for t in alive if t not in used]
        if len(alive) < 4 or len(truth) == count:
            continue
        here = {int(tracks.of_row[r]): r for r in np.flatnonzero(lineage.frame == start)}
        one = int(rng.choice(alive))
        near = sorted(
            (float(np.linalg.norm(place[here[t]] - place[here[one]])), t)
            for t in alive
            if t != one and tracks.mother[t] != tracks.mother[one]
        )
        distance, other = near[0]
        if distance < 3:
            continue
        a, b = tracks.name[one], tracks.name[other]
        inside = (lineage.frame >= start) & (lineage.frame < end)
        was_a, was_b = inside & (lineage.name == a), inside & (lineage.name == b)
        name[was_a], name[was_b] = b, a
        used |= {one, other}
        truth.add(("exchanged", "|".join(sorted((a, b), key=sort_key))))
    return replace(lineage, name=name, parent=links_by_name(lineage.frame, name)), truth


def cliff_with_tracks(lineage, rng):
    """Stop following 12 to 90 % of the cells from one frame on."""
    tracks = tracks_of(lineage)
    first, last = int(lineage.frame.min()), int(lineage.frame.max())
    counts = np.bincount(lineage.frame - first)
    frame = int(rng.integers(np.flatnonzero(counts >= 20)[0] + first, last - 5))
    alive = np.unique(tracks.of_row[lineage.frame == frame])
    lost = set(
        rng.choice(alive, size=max(3, round(len(alive) * rng.uniform(0.12, 0.9))), replace=False)
    )
    names = {tracks.name[t] for t in lost}
    gone = np.array([any(n.startswith(m) for m in names) for n in lineage.name])
    keep = ~(gone & (lineage.frame > frame))
    ending = [t for t in lost if tracks.last[t] > frame]
    dividing = [t for t in lost if tracks.last[t] == frame and tracks.n_daughters[t] == 2]
    if len(ending) + len(dividing) < max(3, 0.1 * len(alive)):
        return lineage, set()
    return _rows(lineage, keep), {("cliff", str(frame + 1))}


def _rows(lineage, keep):
    return _taken(lineage, np.flatnonzero(keep), lineage.frame[keep])


def slow_cells(lineage, rng, count=2):
    """Let cells live 1.5 times as long; all that descends from them comes later."""
    tracks = tracks_of(lineage)
    whole = (tracks.mother >= 0) & (tracks.n_daughters == 2)
    names = [str(tracks.name[t]) for t in np.flatnonzero(whole) if is_cell_name(tracks.name[t])]
    truth, end = set(), int(lineage.frame.max())
    for name in rng.permutation(names):
        mine = np.flatnonzero(lineage.name == name)
        more = int(np.ceil(0.5 * len(mine)))
        late = np.array([n.startswith(name) and n != name for n in lineage.name])
        if name in ("P1", "P2", "P3", "EMS") or any(
            n.startswith(str(name)) or str(name).startswith(n) for _, n in truth
        ):
            continue
        born = lineage.frame[mine].max() + 1 + more
        if born > end - 2:
            continue
        last = mine[np.argmax(lineage.frame[mine])]
        rows = np.concatenate([np.arange(len(lineage)), np.full(more, last)])
        frame = np.where(late, lineage.frame + more, lineage.frame)
        frame = np.concatenate([frame, lineage.frame[last] + 1 + np.arange(more)])
        lineage = _taken(lineage, rows[frame <= end], frame[frame <= end])
        truth.add(("timing", str(name)))
        if len(truth) == count:
            break
    return lineage, truth


def _taken(lineage, rows, frame):
    name = lineage.name[rows]
    return replace(
        lineage,
        name=name,
        frame=frame,
        position=lineage.position[rows],
        radius_px=lineage.radius_px[rows],
        parent=links_by_name(frame, name),
        extra=lineage.extra.rows(rows),
    )


def drop_without_tracks(lineage, rng):
    """Take the names away, and 10 to 50 % of the nuclei from one frame on."""
    first, last = int(lineage.frame.min()), int(lineage.frame.max())
    counts = np.bincount(lineage.frame - first)
    frame = int(rng.integers(np.flatnonzero(counts >= 10)[0] + first + 1, last - 2))
    before = set(lineage.name[lineage.frame == frame - 1])
    share = rng.uniform(0.10, 0.5)
    lost = set(rng.choice(sorted(before), size=int(np.ceil(share * len(before))), replace=False))
    gone = np.array([any(n.startswith(m) for m in lost) for n in lineage.name])
    keep = ~(gone & (lineage.frame >= frame))
    return unnamed(_rows(lineage, keep)), {("cliff", str(frame))}


def unnamed(lineage):
    n = len(lineage)
    return replace(lineage, name=np.full(n, "", dtype=object), parent=np.full(n, -1))


def leaps(lineage, rng, *, size_um, back, count=10):
    """Displace nuclei in the middle of their lives, for one frame or with all that follows."""
    alive = np.bincount(lineage.frame - lineage.frame.min())[lineage.frame - lineage.frame.min()]
    row = {key: r for r, key in enumerate(_rows_of(lineage))}
    inside = [
        r for (n, f), r in row.items() if alive[r] >= 26 and all((n, f + k) in row for k in (-1, 1))
    ]
    position, names = lineage.position.astype(float).copy(), set()
    for r in rng.permutation(inside):
        name = lineage.name[r]
        if len(names) == count or any(n.startswith(name) or name.startswith(n) for n in names):
            continue
        way = rng.normal(size=3)
        way *= size_um / np.linalg.norm(way) / lineage.spacing.um("ZYX")
        below = np.array([str(n).startswith(name) for n in lineage.name])
        position[r if back else below & (lineage.frame >= lineage.frame[r])] += way
        names.add(name)
    return replace(lineage, position=position), {("jump", n) for n in names}


def exchange_lineages(lineage, rng, *, cells):
    """Exchange the names of two sister lineages of AB or MS from so many cells on."""
    counts = np.bincount(lineage.frame[lineage.frame >= 0])
    start = int(np.flatnonzero(counts >= cells)[0])
    alive = set(lineage.name[lineage.frame == start])
    sisters = [
        (n, n[:-1] + dict(zip("alpr", "pral", strict=True))[n[-1]])
        for n in sorted(alive)
        if n.startswith(("AB", "MS")) and len(n) > 2 and n[-1] in "al"
    ]
    one, other = sisters[rng.integers(len(sisters))]
    if other not in alive:
        return lineage, set()

    def change(name, frame):
        if frame < start or not name.startswith((one, other)):
            return name
        return (other if name.startswith(one) else one) + name[len(one) :]

    return renamed(lineage, change), {("exchanged", f"{one}|{other}")}


def found_in(rule, lineage, atlas):
    findings = lint_one_lineage(lineage, file="", settings=SETTINGS, atlas=atlas)
    key = {"cliff": lambda f: str(f.frame)}.get(rule, lambda f: f.object)
    return {(f.rule, key(f)) for f in findings if f.rule == rule and f.frame is not None}


def counts_of(lineage):
    """Return the curve of counts: frames of the recording, and nuclei in each."""
    frame = lineage.frame[lineage.frame >= 0]
    counts = np.bincount(frame - frame.min())
    return np.arange(len(counts)) + frame.min(), counts


def drop_in_counts(lineage, rng):
    """Leave nothing but counts, and take out 10 to 50 % of the cells with all their descendants."""
    faulty, truth = drop_without_tracks(lineage, rng)
    return counts_of(faulty), truth


def dip_in_counts(lineage, rng):
    """Leave nothing but counts, 10 to 50 % too low for one to five frames."""
    frame, counts = counts_of(lineage)
    at = int(rng.integers(np.flatnonzero(counts >= 10)[0] + 1, len(counts) - 6))
    dip = slice(at, at + int(rng.integers(1, 6)))
    counts = counts.copy()
    counts[dip] = np.floor(counts[dip] * (1 - rng.uniform(0.10, 0.5)))
    return (frame, counts), {("cliff", str(frame[at]))}


def found_in_counts(curve, atlas):
    findings = drops_in_counts(*curve, file="", settings=SETTINGS)
    return {(f.rule, str(f.frame)) for f in findings}


def same(lineage):
    return lineage


FAULTS = {
    "daughters swapped, with descendants": (same, swap_families, partial(found_in, "swap")),
    "daughters swapped, alone": (same, swap_cells, partial(found_in, "swap")),
    "two tracks exchanged for 10 frames": (same, exchange_tracks, partial(found_in, "exchanged")),
    **{
        f"sister lineages exchanged from {n} cells on": (
            same,
            partial(exchange_lineages, cells=n),
            partial(found_in, "exchanged"),
        )
        for n in (4, 8, 12, 24)
    },
    **{
        f"leap of {um} µm {'and back' if back else 'for good'}": (
            same,
            partial(leaps, size_um=um, back=back),
            partial(found_in, "jump"),
        )
        for um in (5, 6, 8)
        for back in (True, False)
    },
    "cliff with tracks": (same, cliff_with_tracks, partial(found_in, "cliff")),
    "cell that lives 1.5 times as long": (same, slow_cells, partial(found_in, "timing")),
    "drop of 10 % or more, positions only": (
        unnamed,
        drop_without_tracks,
        partial(found_in, "cliff"),
    ),
    "drop of 10 % or more, counts only": (counts_of, drop_in_counts, found_in_counts),
    "dip of 10 % or more, counts only": (counts_of, dip_in_counts, found_in_counts),
}
"""By title: what the untouched table is, how it is injected, what is found in it."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", type=Path)
    parser.add_argument("--count", type=int, default=58)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--hold-out", action="store_true")
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    with (asked.tables / "index.csv").open() as file:
        kinds = {r["file"]: r["class"] for r in csv.DictReader(file)}
    names = [n for n, kind in sorted(kinds.items()) if kind not in ("briggsae", "oddnames")]
    if asked.hold_out:
        seen = set(open_atlas().metadata["embryos"])
        names = [n for n in names if n.split(".")[0] not in seen]
    lineages = [read_lineage(asked.tables / n) for n in names[: asked.count]]
    atlas = open_atlas()
    print("| fault | injected | found | false | precision | recall | already there |")
    print("|--|--|--|--|--|--|--|")
    for title, (clean_of, inject, look) in FAULTS.items():
        if asked.only not in title:
            continue
        hit = miss = false = old = 0
        missed, wrong = [], []
        for i, lineage in enumerate(lineages):
            there = look(clean_of(lineage), atlas)
            old += len(there)
            for seed in range(asked.seed, asked.seed + asked.seeds):
                faulty, truth = inject(lineage, np.random.default_rng([seed, i]))
                found = look(faulty, atlas)
                new = found - there - truth
                hit, miss, false = (
                    hit + len(truth & found),
                    miss + len(truth - found),
                    false + len(new),
                )
                missed += [(names[i][2:14], t[1]) for t in truth - found]
                wrong += [(names[i][2:14], t[1]) for t in new]
        precision, recall = hit / max(hit + false, 1), hit / max(hit + miss, 1)
        print(
            f"| {title} | {hit + miss} | {hit} | {false} | {precision:.3f} | {recall:.3f} | {old} |"
        )
        print("   missed", missed[:12], "false", wrong[:12])


if __name__ == "__main__":
    main()
