"""Put faults into movies and tables of many kinds, and count what cleaning finds.

    python benchmarks/cleaning.py --data ../shared/data [--draw 1] [--quick] [--tables 12]
                                  [--kbit 0] [--only rendered|recorded|planes|tables|codecs]

Movies: rendered embryos (large and small, long and short, with and without noise, 1 to 5 minutes a
frame, in colour and in grey with 16 bits), cells in bright field, and what the data folder holds:
one recorded embryo, planes of volumes, slices of one depth over time (`cleaning_recordings.py`).
Each gets every fault of frames, drawn twice: as `simulate movie` does, and by another hand. Where
nobody would see a change (a black side cut off that hides background), there is no fault. Tables:
each gets one fault of a kind at a time. Rules were tuned with `--draw 0`, and are scored with
`--draw 1`: other embryos, other faults.

``--only codecs`` renders movies as `simulate movie --frames 150` does, with a reporter and without,
and sends each through both codecs, untouched and with three stops and three repeated frames in it.

A fault is found if one of its frames is, under its name; what an untouched input shows, and what
shows outside faulty frames, is false. Intervals: bootstrap over movies, or tables, 95 %.
"""

import argparse
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from cleaning_recordings import OtherHand, drifting, recorded, rendered
from scipy import ndimage as ndi

from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.movies import read_frames, write_frames
from fatescope.base import InputError, Table
from fatescope.clean import (
    AnnotationSettings,
    CleanSettings,
    find_frame_faults,
    find_position_faults,
    record_frames,
)
from fatescope.simulate.embryo.faults import (
    FRAME_FAULTS,
    add_table_faults,
    faulty_frame,
    plan_faults,
)
from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings
from fatescope.systems.simulation.movies import movie_scene

TABLE_FAULTS = (
    "cliff",
    "vanished",
    "rise",
    "fall",
    "stretched",
    "after-end",
    "duplicate-row",
    "wrapped",
)
IN_COLOUR = ("line", "patch")
FLICKER_FITS = 20
"""Frames of a movie in which a flicker has room."""
SEEN = 8
"""Grey levels of 255, over a 32nd of the height, by which a fault changes what is seen."""
ROOM = 15
"""Frames of a movie for each fault in one copy."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--tables", type=int, default=12, help="of the full lineage tables")
    parser.add_argument("--kbit", type=int, default=0, help="the recorded embryo, through a codec")
    parser.add_argument("--quick", action="store_true", help="every third movie")
    parser.add_argument("--draw", type=int, default=1, help="which embryos and faults; 0 to tune")
    parser.add_argument("--only", choices=["rendered", "recorded", "planes", "tables", "codecs"])
    asked = parser.parse_args()
    draw, only = asked.draw, asked.only
    if only == "codecs":
        print_codecs(range(1, 5 if asked.quick else 13))
        return
    groups = {}
    if only != "tables":
        groups["rendered"] = [*rendered(draw), *drifting(draw)]
    if asked.data and only not in ("tables", "rendered"):
        found = list(recorded(asked.data))
        groups["recorded embryo"] = [m for m in found if m[0] == "recorded embryo"]
        groups["planes and slices"] = [m for m in found if m[0] != "recorded embryo"]
    everything = [m for movies in groups.values() for m in movies]
    for group, movies in groups.items():
        if only and only not in group:
            continue
        some = movies[::3] if asked.quick else movies
        first = 1 + 20 * draw
        seeds = range(first, first + 4) if len(movies) == 1 else (first,)
        scores = [score_movie(n, f, everything, seeds, asked.kbit) for n, f in some]
        print_table(f"{group}: {len(some)} movies", FRAME_FAULTS, scores)
    if asked.data and only in (None, "tables"):
        paths = sorted((asked.data / "epic_tables").glob("CD*.csv.gz"))
        paths = paths[draw :: -(-len(paths) // asked.tables)]
        scores = [score_table(path, seed) for seed, path in enumerate(paths, 1 + 20 * draw)]
        print_table(f"{len(paths)} lineage tables", TABLE_FAULTS, scores)


def score_movie(name, frames, everything, seeds, kbit):
    """Return (untouched, faults): findings of the movie as it is; one row for each fault."""
    there = look_at_movie(frames)
    score = {"untouched": Counter(rule for _, rule in there), "rows": [], "false": Counter()}
    strangers = OtherHand(frames, [f for n, f in everything if n != name])
    for seed in seeds:
        for faults in copies(frames, seed):
            for hand in (own_hand(frames), strangers.frame):
                copy, real = spoil(frames, faults, hand)
                seen = through_codec(copy, kbit) if kbit and len(seeds) > 1 else copy
                judge(score, real, look_at_movie(seen), there)
    return score


def copies(frames, seed):
    """Yield faults for one copy of a movie after the other, until each rule had its turn."""
    rules = [
        r
        for r in np.random.default_rng(seed).permutation(list(FRAME_FAULTS)).tolist()
        if (frames.ndim == 4 or r not in IN_COLOUR)
        and (len(frames) >= FLICKER_FITS or r != "flicker")
    ]
    at_once = max((len(frames) - 8) // ROOM, 1)
    for k in range(0, len(rules), at_once):
        some = tuple(rules[k : k + at_once])
        for draw in range(5):
            try:
                yield plan_faults(
                    some, each=1, frames=len(frames), strength=1.0, seed=100 * seed + 7 * k + draw
                )
                break
            except InputError:
                continue


def own_hand(frames):
    """Return faults as `simulate movie` makes them, in three colours of eight bits."""
    top = 255 if frames.dtype == np.uint8 else frames.max() * 1.1

    def render(t):
        one = frames[min(max(t, 0), len(frames) - 1)]
        grey = np.repeat(one[..., None], 3, axis=-1) if one.ndim == 2 else one
        return grey if grey.dtype == np.uint8 else (grey * (255 / top)).astype(np.uint8)

    def frame(t, fault):
        if fault.rule in ("frozen", "duplicate"):
            return frames[fault.first - 1]  # as it is, not through eight bits
        out = faulty_frame(render, t, [fault])
        if frames.ndim == 4:
            return out
        return (out[..., 0] * (top / 255)).astype(frames.dtype)

    return frame


def spoil(frames, faults, hand):
    """Return a copy with faults, and those of them that change what is seen."""
    copy, real = frames.copy(), []
    for fault in faults:
        for t in range(fault.first, fault.last + 1):
            copy[t] = hand(t, fault)
        if fault.rule in ("frozen", "duplicate") or shows(copy[fault.first], frames[fault.first]):
            real.append(fault)
    return copy, real


def shows(faulty, true):
    """Say whether a person would see the difference, on a screen that shows 8 bits.

    It is 2 % of the light, and `SEEN` grey levels somewhere over a 32nd of the height.
    """
    apart = np.abs(faulty.astype(np.float32) - true)
    white = 255 if true.dtype == np.uint8 else float(true.max())
    flat = apart.max(axis=-1) if apart.ndim == 3 else apart
    patches = ndi.uniform_filter(flat, max(len(flat) // 32, 2))
    return bool(apart.mean() > 0.02 * true.mean() and patches.max() > SEEN / 255 * white)


def judge(score, faults, found, there):
    names = defaultdict(set)
    for frame, rule in found:
        names[frame].add(rule)
    faulty = {}
    for fault in faults:
        frames = range(fault.first, fault.last + 1)
        faulty.update(dict.fromkeys(frames, fault.rule))
        hit = sum(fault.rule in names[t] for t in frames)
        any_name = any(names[t] for t in frames)
        score["rows"].append((fault.rule, hit > 0, any_name, hit, len(frames)))
    for frame, rule in set(found) - set(there):
        if frame not in faulty:
            score["false"][rule] += 1


def print_codecs(seeds):
    print("| kind | codec | untouched movies | with findings | stops | found | false frames |")
    print("|--|--|--|--|--|--|--|")
    scores = defaultdict(Counter)
    for reporter in ("drawn", "none"):
        for seed in seeds:
            settings = MovieSettings(frames=150, reporter=reporter)
            scene = movie_scene(settings, LineageSettings(), table=None, seed=seed * 10_000)
            frames = [scene.render(k) for k in range(scene.length)]
            faults = plan_faults(
                ("frozen", "duplicate"), each=3, frames=len(frames), strength=1.0, seed=seed
            )
            copy = [faulty_frame(frames.__getitem__, k, faults) for k in range(len(frames))]
            wrong = {t: f for f in faults for t in range(f.first, f.last + 1)}
            for codec in ("mpeg4", "h264"):
                score = scores[reporter, codec]
                coded = (through_codec(x, settings.kbit_s, codec) for x in (frames, copy))
                there, found = (look_at_movie(x) for x in coded)
                at = {t for t, _ in found}
                score["movies"] += 1
                score["with"] += bool(there)
                score["stops"] += len(faults)
                score["found"] += len({id(wrong[t]) for t in at if t in wrong})
                score["false"] += len(at - set(wrong))
    for (reporter, codec), s in scores.items():
        values = " | ".join(str(s[k]) for k in ("movies", "with", "stops", "found", "false"))
        print(f"| reporter {reporter} | {codec} | {values} |")


def through_codec(frames, kbit, codec="mpeg4"):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "faulty.mp4"
        write_frames(path, iter(frames), frames_per_second=7, codec=codec, kbit_s=kbit)
        return np.stack(list(read_frames(path)))


def look_at_movie(frames):
    some = np.unique(np.linspace(0, len(frames) - 1, 16).astype(int))
    highest = 1.25 * float(np.median([frames[t].max() for t in some]))
    planes = (np.moveaxis(f, -1, 0) if f.ndim == 3 else f for f in frames)
    record = record_frames(planes, highest=255 if frames.dtype == np.uint8 else highest)
    return [(f.frame, f.rule) for f in find_frame_faults(record, CleanSettings())]


def score_table(path, seed):
    """Return the score of one lineage table, each fault alone; a cliff of its own stays one."""
    lineage = read_lineage(path)
    table = Table(
        {
            "cell": lineage.name,
            "time": lineage.frame + 1,
            "x": np.rint(lineage.position[:, 2]).astype(np.int64) + 1,
            "y": np.rint(lineage.position[:, 1]).astype(np.int64) + 1,
        }
    )
    length = int(lineage.frame.max()) + 61
    there = look_at_table(table, length)
    score = {"untouched": Counter(r for _, r in there), "rows": [], "false": Counter()}
    own = {rule for _, rule in there}
    for rule in TABLE_FAULTS:
        faulty, rows = add_table_faults(table, [rule], frames=length, strength=1.0, seed=seed)
        truth = set(zip(rows["frame"].tolist(), rows["rule"].tolist(), strict=True))
        found = look_at_table(faulty, length if rule == "after-end" else 3 * length)
        hit = len(truth & found)
        at = {frame for frame, _ in truth}
        score["rows"].append((rule, hit > 0, any(f in at for f, _ in found), hit, len(truth)))
        score["false"].update(r for f, r in found - there - truth if r not in own)
    return score


def look_at_table(table, length):
    position = np.stack([table["y"], table["x"]], axis=1).astype(np.float64)
    faults = find_position_faults(
        table["time"] - 1, table["cell"], position, limits=AnnotationSettings(), n_frames=length
    )
    return {(f.frame, f.rule) for f in faults}


def print_table(title, rules, scores):
    print(f"\n## {title}\n")
    print("| rule | faults | found | other name | false frames | untouched, findings | frames |")
    print("|--|--|--|--|--|--|--|")
    for rule in rules:
        rows = [r for s in scores for r in s["rows"] if r[0] == rule]
        found = sum(r[1] for r in rows)
        other = sum(r[2] and not r[1] for r in rows)
        false, untouched = (sum(s[k][rule] for s in scores) for k in ("false", "untouched"))
        frames = f"{sum(r[3] for r in rows)}/{sum(r[4] for r in rows)}"
        print(f"| {rule} | {len(rows)} | {found} | {other} | {false} | {untouched} | {frames} |")
    for word, share in (("recall", recall), ("precision", precision)):
        low, high = interval(scores, share)
        print(f"{word} {share(scores):.3f} ({low:.3f} to {high:.3f})")


def recall(scores):
    rows = [r for s in scores for r in s["rows"]]
    return sum(r[1] for r in rows) / max(len(rows), 1)


def precision(scores):
    """Of the frames with a finding in faulty copies, the share under the right name."""
    right = sum(r[3] for s in scores for r in s["rows"])
    other = sum(r[2] and not r[1] for s in scores for r in s["rows"])
    return right / max(right + other + sum(s["false"].total() for s in scores), 1)


def interval(scores, share):
    rng = np.random.default_rng(0)
    n = len(scores)
    drawn = [share([scores[i] for i in rng.integers(0, n, n)]) for _ in range(500)]
    return np.quantile(drawn, [0.025, 0.975])


if __name__ == "__main__":
    main()
