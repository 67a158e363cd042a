"""Images and pages on the disk: whole, or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.storage import write_beside

if TYPE_CHECKING:
    from pathlib import Path


def store_text(path: Path, text: str) -> Path:
    """Write an image or page beside its place and rename it; return the path."""
    with write_beside(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def stored_text(path: Path) -> str:
    """Return an image or page that `store_text` wrote."""
    return path.read_text(encoding="utf-8")
