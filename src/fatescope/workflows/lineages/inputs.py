"""What the record of a run says about a lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fatescope.base import sha256_of

if TYPE_CHECKING:
    from fatescope.acquire.lineages import LineageFile, ReadLineage


def describe_files(file: LineageFile) -> dict[str, Any]:
    """Return path, hash, size and time of each file of an input."""
    status = [(p, p.stat()) for p in file.files]
    columns: dict[str, list[Any]] = {
        "path": [str(p) for p, _ in status],
        "sha256": [sha256_of(p) for p, _ in status],
        "bytes": [s.st_size for _, s in status],
        "modified_ns": [s.st_mtime_ns for _, s in status],
    }
    return {n: c[0] if len(status) == 1 else c for n, c in columns.items()}


def describe_lineage(file: LineageFile, read: ReadLineage) -> dict[str, Any]:
    """Return what `describe_files` does, and format, rows, spacing and what is guessed."""
    lineage = read.lineage
    known = ("species", "pose", "scope")
    return {
        **describe_files(file),
        "format": read.format,
        "rows": len(lineage),
        "spacing": lineage.spacing.as_record(),
        **{k: lineage.metadata[k] for k in known if k in lineage.metadata},
    }
