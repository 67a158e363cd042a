"""Every command of the how-to pages runs, in the order of the page."""

import os
import re
import subprocess
import sys

import pytest
from tests.docs.test_pages import DOCS, ROOT

PAGES = sorted((DOCS / "howto").glob("*.md"))
QUICK = {"fiji-and-tables"}
LONGEST_LINES = 45
FILES = r"`([\w-]+/[\w./-]+\.(?:csv|html|parquet|json|zip))`"
SHELL = f'set -euo pipefail\nfatescope() {{ "{sys.executable}" -m fatescope "$@"; }}\n'


def commands_of(page):
    return re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def run(blocks, folder):
    words = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src")])}
    words.pop("FATESCOPE_DATA", None)
    return subprocess.run(
        ["bash", "-c", SHELL + "".join(blocks)],
        cwd=folder,
        env=words,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def test_there_are_eleven_pages_each_short_and_with_commands():
    assert len(PAGES) == 11
    for page in PAGES:
        assert commands_of(page), page.name
        assert len(page.read_text(encoding="utf-8").splitlines()) <= LONGEST_LINES, page.name


def test_a_command_that_fails_fails_its_page(tmp_path):
    done = run(["fatescope predict nuclei nowhere --out results\n", "echo went on\n"], tmp_path)
    assert done.returncode == 2
    assert "went on" not in done.stdout


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=() if p.stem in QUICK else pytest.mark.slow) for p in PAGES],
    ids=lambda p: p.stem,
)
def test_the_commands_of_a_page_run_and_leave_the_files_that_it_names(page, tmp_path):
    if "fatescope train" in page.read_text(encoding="utf-8"):
        pytest.importorskip("torch")
    done = run(commands_of(page), tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    strange = [n for n in done.stderr.splitlines() if re.search(r"leaked|Traceback|Warning:", n)]
    assert strange == [], "libraries speak to a person who asked them nothing"
    named = re.findall(FILES, page.read_text(encoding="utf-8"))
    for name in set(named):
        assert (tmp_path / name).exists(), name
