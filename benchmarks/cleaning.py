"""Put faults into a real movie and into real tables, and count what cleaning finds.

    python benchmarks/cleaning.py MOVIE [TABLE ...] [--seeds 8] [--strength 1.0] [--kbit 0]

Faults are those of `simulate movie`, two of each rule in each copy of the movie; with ``--kbit``
the copy goes through the codec of the EPIC collection at that rate, else frames are checked as they
are. Findings that the untouched input has too are not counted, and printed first. A row counts
frames: a frame that is found under another name is missed there and false here.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from fatescope.acquire import read_image
from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.movies import read_frames, write_frames
from fatescope.base import Table
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
    fault_rows,
    faulty_frame,
    plan_faults,
)

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("movie", type=Path)
    parser.add_argument("tables", type=Path, nargs="*")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--kbit", type=int, default=0)
    asked = parser.parse_args()
    print("| rule | faulty frames | found | false | precision | recall |\n|--|--|--|--|--|--|")
    score(FRAME_FAULTS, movie_trials(asked))
    score(TABLE_FAULTS, table_trials(asked))


def movie_trials(asked):
    """Yield truth and findings, as sets of (frame, rule), for each faulty copy."""
    image = read_image(asked.movie)
    length = image.size("T")

    def render(frame):
        return np.moveaxis(image.read(T=frame), 0, -1)

    there = look_at_movie(map(render, range(length)))
    print("already there:", sorted(there))
    for seed in range(1, asked.seeds + 1):
        faults = plan_faults(
            tuple(FRAME_FAULTS), each=2, frames=length, strength=asked.strength, seed=seed
        )
        frames = (faulty_frame(render, t, faults) for t in range(length))
        rows = fault_rows(faults)
        truth = set(zip(rows["frame"].tolist(), rows["rule"].tolist(), strict=True))
        yield truth, through_codec(frames, asked.kbit) - (there - truth)


def through_codec(frames, kbit):
    if not kbit:
        return look_at_movie(frames)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "faulty.mp4"
        write_frames(path, frames, frames_per_second=7, codec="mpeg4", kbit_s=kbit)
        return look_at_movie(read_frames(path))


def look_at_movie(frames):
    record = record_frames((np.moveaxis(f, -1, 0) for f in frames), highest=255)
    return {(f.frame, f.rule) for f in find_frame_faults(record, CleanSettings())}


def table_trials(asked):
    """Yield truth and findings for each table and each fault, one at a time."""
    for number, path in enumerate(asked.tables):
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
        if there:
            print(f"already there in {path.name}:", sorted(there)[:5])
        for rule in TABLE_FAULTS:
            faulty, rows = add_table_faults(
                table, [rule], frames=length, strength=asked.strength, seed=number + 1
            )
            truth = set(zip(rows["frame"].tolist(), rows["rule"].tolist(), strict=True))
            yield truth, look_at_table(faulty, 3 * length) - (there - truth)


def look_at_table(table, length):
    position = np.stack([table["y"], table["x"]], axis=1).astype(np.float64)
    faults = find_position_faults(
        table["time"] - 1, table["cell"], position, limits=AnnotationSettings(), n_frames=length
    )
    return {(f.frame, f.rule) for f in faults}


def score(rules, trials):
    hit, missed, false = Counter(), Counter(), Counter()
    for truth, found in trials:
        hit.update(rule for _, rule in truth & found)
        missed.update(rule for _, rule in truth - found)
        false.update(rule for _, rule in found - truth)
    for rule in rules:
        n = hit[rule] + missed[rule]
        if n:
            precision = hit[rule] / max(hit[rule] + false[rule], 1)
            print(
                f"| {rule} | {n} | {hit[rule]} | {false[rule]} | {precision:.3f} "
                f"| {hit[rule] / n:.3f} |"
            )


if __name__ == "__main__":
    main()
