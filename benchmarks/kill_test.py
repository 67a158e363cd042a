r"""Kill a command at random moments, continue it, and compare with a run that nobody touched.

    python -m benchmarks.kill_test --kills 100 --work WORK -- \
        fatescope predict nuclei IMAGES --out {out}

``{out}`` stands for the output folder. The command runs once untouched; then it is started and
killed with SIGKILL (with all its workers) again and again, each time continuing the same folder;
a folder that is finished before all kills are done is compared, and the next one begun. Asserted:

- every file has the same bytes as in the untouched folder (but for run.json and report.html,
  which hold times, and the ledger);
- no unit that the ledger called done before a kill was done again after it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

NOT_COMPARED = ("run.json", "report.html", "ledger.sqlite", ".lock")


@dataclass
class Outcome:
    """What came of all kills."""

    units: int = 0
    kills: int = 0
    folders: int = 0
    untouched_seconds: float = 0.0
    done_at_kill: list[int] = field(default_factory=list)
    files_compared: int = 0


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that must be the same."""
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.startswith(NOT_COMPARED)
    }


def done_units(folder: Path) -> dict[str, str]:
    """Return the units that the ledger calls done, with the time when they were."""
    ledger = folder / "ledger.sqlite"
    if not ledger.exists():
        return {}
    with sqlite3.connect(ledger, timeout=10) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master")]
        if "units" not in tables:
            return {}
        rows = db.execute("SELECT key, finished FROM units WHERE state = 'done'").fetchall()
    db.close()
    return dict(rows)


def run_to_the_end(command: Sequence[str]) -> float:
    """Run a command untouched and return its wall time."""
    begun = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def run_and_kill(command: Sequence[str], out: Path, *, more: int, pause: float) -> bool:
    """Kill a command and its workers, ``pause`` seconds after it has done ``more`` units.

    Returns
    -------
    bool
        False where it ended before that.
    """
    wanted = len(done_units(out)) + more
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and len(done_units(out)) < wanted:
        time.sleep(0.01)
    try:
        return_code = process.wait(timeout=pause)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    if return_code:
        raise SystemExit(f"the command ended with code {return_code}: {' '.join(command)}")
    return False


def kill_often(
    command: Sequence[str], work: Path, *, kills: int, seed: int, stride: int | None = None
) -> Outcome:
    """Do what this module says; raise `AssertionError` where a promise is broken.

    Parameters
    ----------
    command : sequence of str
        With ``{out}`` where the output folder stands.
    work : Path
        For the output folders.
    stride : int, optional
        At most so many units are done between two kills; default: an eighth of all.
    """
    rng = random.Random(seed)
    outcome = Outcome()
    work.mkdir(parents=True, exist_ok=True)
    outcome.untouched_seconds = run_to_the_end(_filled(command, work / "untouched"))
    expected = hashes(work / "untouched")
    outcome.units = len(done_units(work / "untouched"))
    stride = stride or max(1, outcome.units // 8)
    out = work / "killed-0"
    while outcome.kills < kills:
        before = done_units(out)
        left = outcome.units - len(before)
        more = min(rng.randint(0, stride), left)
        # Without a unit to wait for, the command is killed while it starts or, if all is done,
        # while it composes the tables; half of the time it may then come to its end.
        pause = rng.uniform(0, 0.1 if more else 2.0)
        if left == 0 and rng.random() < 0.5:
            pause = 3600.0
        killed = run_and_kill(_filled(command, out), out, more=more, pause=pause)
        after = done_units(out)
        _assert_kept(before, after)
        if killed:
            outcome.kills += 1
            outcome.done_at_kill.append(len(after))
        else:
            out = _next_folder(out, expected, work, outcome)
    if out.exists():
        before = done_units(out)
        run_to_the_end(_filled(command, out))
        _assert_kept(before, done_units(out))
        _next_folder(out, expected, work, outcome)
    return outcome


def _assert_kept(before: dict[str, str], after: dict[str, str]) -> None:
    lost = sorted(set(before) - set(after))
    assert not lost, f"{len(lost)} units were done and are lost, such as {lost[0]}"
    twice = [k for k, finished in before.items() if after[k] != finished]
    assert not twice, f"{len(twice)} units were done twice, such as {twice[0]}"


def _next_folder(out: Path, expected: dict[str, str], work: Path, outcome: Outcome) -> Path:
    """Compare a finished folder, remove it, and name the next."""
    got = hashes(out)
    differing = sorted(k for k in {*expected, *got} if expected.get(k) != got.get(k))
    assert not differing, f"{len(differing)} files differ, such as {differing[0]}"
    outcome.folders += 1
    outcome.files_compared += len(got)
    shutil.rmtree(out)
    return work / f"killed-{outcome.folders}"


def _filled(command: Sequence[str], out: Path) -> list[str]:
    return [part.replace("{out}", str(out)) for part in command]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stride", type=int, help="units between two kills, at most")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    if not any("{out}" in part for part in command):
        parser.error("the command must hold {out} where the output folder stands")
    outcome = kill_often(
        command, given.work, kills=given.kills, seed=given.seed, stride=given.stride
    )
    print(json.dumps(asdict(outcome)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
