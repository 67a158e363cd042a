"""Record what small runs of every command give, and compare two recordings.

    python -m benchmarks.recorded_runs record WORK/before
    (change the code)
    python -m benchmarks.recorded_runs record WORK/after
    python -m benchmarks.recorded_runs compare WORK/before WORK/after

Inputs are rendered, so that nothing but the code decides. Exit code, terminal and every file of
every run are compared to the byte, once times, versions and memory are struck out of them: a
change that is meant to change no result must end in "the same". ``--light`` leaves out the runs
that need torch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.kill_test import done_units

RUNS = """
movie: simulate nuclei --frames 3 --height 192 --width 192 --seed 1 --out movie
fields: simulate fields --count 6 --height 160 --width 160 --seed 2 --out fields
sections: simulate sections --count 1 --height 160 --width 200 --out sections
embryo: simulate embryo --cells 8,12 --height 96 --width 128 --planes 24 --out embryo
film: simulate movie --frames 24 --height 120 --width 160 --faults black --codec lossless --out film
whole: simulate movie --count 4 --frames 150 --height 120 --width 160 --seed 3 --out whole
plate: simulate plate --settings plate.toml --out plate
plan: predict nuclei movie/nuclei.tif --plan --json --out planned
nuclei: predict nuclei movie/nuclei.tif fields/images --out nuclei
linked: predict nuclei movie/nuclei.tif --link --out linked
killed: KILL predict nuclei fields/images --out killed
workers: predict nuclei fields/images --workers 2 --out workers
micrographs: predict nuclei-em sections/images --out micrographs
phase: predict phase-cells fields/images --json --out phase
dead: predict live-dead fields/images --out dead
walls: predict membrane embryo/images --channel 1 --out walls
counted: predict populations film/movies --out counted
told: predict viability fields/images --spacing-um 0.5 --out told
watched: watch nuclei fields/images --until-idle 0.05 --still-s 1 --out watched
again: replay nuclei --out again
measured: measure fields/images fields/truth/labels --out measured
scored: evaluate labels fields/truth/labels nuclei/labels --json
linted: lineage lint whole/tables --out linted
drawn: lineage draw whole/tables --cells ABa,P1 --out drawn
converted: lineage convert whole/tables --to geff --out converted
tracks: lineage link nuclei/objects.csv --to csv --out tracks
matched: lineage match whole/movies/embryo_000.mp4 whole/tables/CDembryo_000.csv --out matched
named: lineage name whole/tables --out named
compared: lineage compare whole/tables --out compared
atlas: lineage atlas whole/tables --out atlas
edited: lineage edit whole/tables/CDembryo_000.csv --do "remove ABa@14" --who me --out edited
pairs: prepare pairs --images "fields/images/*.tif" --labels "fields/truth/labels/*.tif" \
    --settings pairs.toml --out pairs
cleaned: clean film/movies film/tables --apply --out cleaned
shown: plate show plate --json
stained: plate labels plate --out stained
crops: prepare crops stained --size-px 32 --stride-px 32 --out crops
stitched: plate stitch plate --out stitched
fates: plate run plate --out fates
survived: plate survival fates/fates.csv --map plate/map.csv --out survived
models: models list --json
asked: query nuclei "select count(*) from objects"
differ: diff nuclei killed --json
packed: data pack pairs --licence CC0-1.0 --out packed.zip
bad: predict nuclei nowhere --out bad
help: --help
trained: TORCH train short.toml --data pairs --from nuclei --out trained
tuned: TORCH tune tune_100x1x10 --data pairs --trials 1 --epochs 1 --out tuned
old-new: TORCH compare nuclei trained/package --data pairs --out old-new
published: TORCH reproduce lineage-names-2020 --quick --out published
"""
SETTINGS = {
    "plate.toml": """scale = 0.05
rows = 2
columns = 3
field_rows = 2
field_columns = 2
frames = 3
""",
    "pairs.toml": """unit = "{unit}"
validation = 0.3
test = 0.3
""",
    "short.toml": """name = "adapted"
summary = "Outlines objects."

[crops]
size_px = 96

[fit]
steps = 4
batch = 2
steps_per_epoch = 2
validate_every = 1
""",
}
STRUCK = (
    (r'"seconds": \{[^}]*\}', '"seconds"'),
    (
        r'"(wall_seconds|seconds|peak_memory_mb|bytes|modified_ns)": (\[[^\]]*\]|[^,}\]\n]+)',
        r'"\1"',
    ),
    (r"(?m)^.* left\)\n", ""),
    (r"<td class=\"n\">[0-9]+\.[0-9]</td></tr>", "SECONDS"),
    (r"\d+(\.\d+)? (s|min|h|MB|GB|CPU-s)\b", "TIME"),
    (r"\b\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+\d\d:\d\d|Z)?)?", "DATE"),
)
_TEXT = {".json", ".html", ".csv", ".md", ".toml", ".txt", ".svg", ".js", ".xml"}
_NOT_KEPT = ("ledger.sqlite", ".lock", "study", "times.csv", "trials.", "last.ckpt", "journal")


def runs(*, light: bool) -> Iterator[tuple[str, list[str], set[str]]]:
    """Yield the name, the words and the marks (``KILL``, ``TORCH``) of each run."""
    for line in RUNS.strip().splitlines():
        name, _, command = line.partition(": ")
        words = shlex.split(command)
        marks = {word for word in words[:1] if word.isupper()}
        if not (light and "TORCH" in marks):
            yield name, words[len(marks) :], marks


def record(folder: Path, *, light: bool) -> None:
    """Do all runs in ``folder`` and write what each gave beside it, as ``folder.json``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in SETTINGS.items():
        (folder / name).write_text(text)
    said: dict[str, dict[str, object]] = {}
    for name, words, marks in runs(light=light):
        begun = time.monotonic()
        command = [sys.executable, "-m", "fatescope", *words]
        if "KILL" in marks:
            _run_and_kill(command, folder, name)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        said[name] = {
            "code": done.returncode,
            "out": struck(done.stdout, folder),
            "err": struck(done.stderr, folder),
        }
        print(f"{name:12s} {done.returncode:3d} {time.monotonic() - begun:6.1f} s", flush=True)
        if done.returncode:
            print(f"  {done.stderr.strip().splitlines()[-1:]}", flush=True)
    files = {
        str(p.relative_to(folder)): digest(p, folder) for p in sorted(folder.rglob("*")) if _kept(p)
    }
    result = {"runs": said, "files": files}
    folder.with_suffix(".json").write_text(json.dumps(result, indent=1))


def _run_and_kill(command: list[str], folder: Path, name: str) -> None:
    """Kill a run when it has done two of its units."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None and len(done_units(folder / name)) < 2:
        time.sleep(0.01)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _kept(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(_NOT_KEPT)


def struck(text: str, folder: Path) -> str:
    """Return a text without what differs between two runs of the same code."""
    text = text.replace(str(folder), "FOLDER")
    for pattern, instead in STRUCK:
        text = re.sub(pattern, instead, text)
    return text


def digest(path: Path, folder: Path) -> str:
    """Return the hash of a file; of text without times, of an archive of its names."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            body = "\n".join(sorted(archive.namelist())).encode()
    elif path.suffix in _TEXT:
        body = struck(path.read_text(encoding="utf-8"), folder).encode()
    else:
        body = path.read_bytes()
    return hashlib.sha256(body).hexdigest()


def compare(before: Path, after: Path) -> list[str]:
    """Return a line for each run and file that is not the same in two recordings."""
    old, new = (json.loads(f.with_suffix(".json").read_text()) for f in (before, after))
    lines = []
    for name in sorted({*old["runs"], *new["runs"]}):
        one, other = old["runs"].get(name), new["runs"].get(name)
        if one != other:
            lines.append(f"run {name}: {_difference(json.dumps(one), json.dumps(other))}")
    for name in sorted({*old["files"], *new["files"]}):
        if old["files"].get(name) != new["files"].get(name):
            folders = [before.resolve(), after.resolve()]
            paths = [f / name for f in folders]
            text = all(p.exists() for p in paths) and paths[0].suffix in _TEXT
            detail = (
                _difference(
                    *(struck(p.read_text(), f) for p, f in zip(paths, folders, strict=True))
                )
                if text
                else "differs"
            )
            lines.append(f"file {name}: {detail}")
    return lines


def _difference(one: str, other: str) -> str:
    """Return the first place where two texts differ."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), -1)
    at = min(len(one), len(other)) if at < 0 else at
    return f"{one[max(0, at - 60) : at + 60]!r} is now {other[max(0, at - 60) : at + 60]!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["record", "compare"])
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--light", action="store_true", help="without the runs that need torch")
    given = parser.parse_args()
    if given.what == "record":
        record(given.folder[0].resolve(), light=given.light)
        return 0
    lines = compare(*given.folder)
    print("\n".join(lines) or "the same")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
