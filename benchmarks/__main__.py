"""What there is to measure, or (``make bench``) the table of the documentation: the speed.

python -m benchmarks            the speed of `predict nuclei`
python -m benchmarks --list     every benchmark and what it measures
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path


def list_benchmarks() -> list[tuple[str, str]]:
    """Return the name and the first line of each benchmark."""
    found = []
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found.append((path.stem, text.partition("\n")[0]))
    return found


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        for name, what in list_benchmarks():
            print(f"python -m benchmarks.{name:20} {what}")
    else:
        from benchmarks.nuclei_speed import main

        main()
