"""Drawings and sentences on the disk: whole, or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.storage import write_beside

if TYPE_CHECKING:
    from pathlib import Path


def store_text(path: Path, text: str) -> Path:
    """Write text beside its place and rename it; return the path."""
    with write_beside(path) as part:
        part.write_text(text, encoding="utf-8")
    return path
