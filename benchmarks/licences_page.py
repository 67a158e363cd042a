"""Write docs/licences.md: the licence of every package that fatescope installs.

python benchmarks/licences_page.py
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PAGE = Path(__file__).resolve().parents[1] / "docs" / "licences.md"
EXTRAS = ("all",)
_NAMES = re.compile(r"MIT|BSD|Apache|GPL|MPL|ISC|PSF|Python Software|Unlicense")


def packages(extras: tuple[str, ...] = ()) -> dict[str, str]:
    """Return each installed package that fatescope needs, itself left out, with its licence."""
    found: dict[str, str] = {}
    todo = [("fatescope", frozenset(extras))]
    seen = set()
    while todo:
        name, wanted = todo.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # a marker of this machine's platform, or not installed here
        if name != "fatescope":
            found[name] = licence_of(name)
        for line in package.requires or ():
            need = Requirement(line)
            if need.marker is None or any(
                need.marker.evaluate({"extra": e}) for e in (wanted or {""})
            ):
                todo.append((canonicalize_name(need.name), frozenset(need.extras)))
    return dict(sorted(found.items()))


def licence_of(name: str) -> str:
    """Return the licence that a package states of itself, in a few words."""
    meta = distribution(name).metadata
    if said := meta.get("License-Expression"):
        return said
    named = [
        line.rpartition("::")[2].strip()
        for line in meta.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    first = re.sub(r"\s+", " ", (meta.get("License") or "").strip().partition("\n")[0])
    if len(first) <= 40 and _NAMES.search(first):
        return first
    return ", ".join(named) or "stated in its files"


def page() -> str:
    """Return the text of the page."""
    light, all_ = packages(), packages(EXTRAS)
    head, _, _ = PAGE.read_text(encoding="utf-8").partition("## Packages of the plain installation")
    parts = [head.rstrip() + "\n"]
    for title, rows in (
        ("Packages of the plain installation", light),
        ("Packages that extras add", {k: v for k, v in all_.items() if k not in light}),
    ):
        parts.append(f"\n## {title}\n\n| package | licence |\n|--|--|\n")
        parts.extend(f"| {name} | {licence} |\n" for name, licence in rows.items())
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
