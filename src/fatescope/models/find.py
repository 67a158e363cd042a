"""Where packages that ship with fatescope are found by name."""

from __future__ import annotations

from pathlib import Path

from fatescope.base.errors import ModelError

FOLDER = Path(__file__).parent / "shipped"
"""Folder of the shipped packages, one folder each."""


def shipped_names() -> list[str]:
    """Return the names of the packages that ship with fatescope, sorted."""
    if not FOLDER.is_dir():
        return []
    return sorted(p.name for p in FOLDER.iterdir() if (p / "rdf.yaml").is_file())


def find_package(name_or_path: str | Path) -> Path:
    """Return the folder or zip of a package.

    Raises
    ------
    ModelError
        If it is neither a shipped name nor a path; the message lists the names.
    """
    name = str(name_or_path)
    if name in shipped_names():
        return FOLDER / name
    path = Path(name_or_path)
    if name == "classical":
        raise ModelError(
            "model 'classical' is a threshold without a package, so nothing here can open it. "
            "`predict nuclei --model classical` outlines with it, `compare` takes it as a side."
        )
    if path.exists():
        return path
    known = ", ".join(shipped_names()) or "none"
    raise ModelError(
        f"there is no model {name!r}. Give a path to a package, or one of the shipped names: "
        f"{known}."
    )
