"""Check that what would be published is whole: python -m benchmarks.release_check

Builds source archive and wheel twice (they must be the same to the byte), asks whether the locked
versions fit the oldest Python that is promised, installs the wheel into a bare environment, and
runs the demo there without a network.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKED = ROOT / "constraints" / "locked.txt"
MOST_MB = 45
"""What a wheel may weigh (CONTRACT)."""


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command; end with its message where it fails."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def built(uv: Path, folder: Path) -> dict[str, str]:
    """Build both archives from the tracked files and return their hashes."""
    tree = folder / "tree"
    shutil.copytree(
        ROOT, tree, ignore=shutil.ignore_patterns(".*", "build", "dist", "site", "demo")
    )
    run(uv, "build", "--quiet", "--out-dir", folder / "dist", tree)
    files = [p for p in (folder / "dist").iterdir() if p.suffix in (".whl", ".gz")]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def main() -> None:
    """Check, and say what holds."""
    uv = Path(sys.executable).with_name("uv")
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        first, second = (built(uv, work / name) for name in ("first", "second"))
        if first != second:
            sys.exit(f"two builds differ: {first} {second}")
        (wheel,) = (work / "first" / "dist").glob("*.whl")
        megabytes = wheel.stat().st_size / 1e6
        if megabytes > MOST_MB:
            sys.exit(f"{wheel.name} has {megabytes:.0f} MB; at most {MOST_MB} are allowed")
        print(f"builds        two are the same to the byte; the wheel has {megabytes:.0f} MB")

        version = oldest.removeprefix(">=")
        run(
            uv,
            "pip",
            "compile",
            "--quiet",
            "--python-version",
            version,
            "-c",
            LOCKED,
            "pyproject.toml",
        )
        print(f"locked        fits Python {version}")

        run(uv, "venv", "--quiet", "--python", sys.executable, work / "env")
        python = work / "env" / "bin" / "python"
        run(uv, "pip", "install", "--quiet", "--python", python, "--constraint", LOCKED, wheel)
        offline = ("unshare", "--map-root-user", "--net") if sys.platform == "linux" else ()
        fatescope = work / "env" / "bin" / "fatescope"
        for command in (
            ("simulate", "nuclei", "--out", "movie", "--seed", "1"),
            ("predict", "nuclei", "movie/nuclei.tif", "--out", "results"),
            ("evaluate", "labels", "movie/truth/labels", "results/labels"),
        ):
            run(*offline, fatescope, *command, cwd=work)
        if not (work / "results" / "report.html").stat().st_size:
            sys.exit("the demo wrote an empty page")
        print(f"wheel         the demo runs in a bare environment{', no network' * bool(offline)}")


if __name__ == "__main__":
    main()
