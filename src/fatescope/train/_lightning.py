"""Lightning, imported after the shim that it needs beside a CPU build of torch."""

from __future__ import annotations

from typing import Any

from fatescope.train._torchvision import ensure_torchvision


def _load() -> Any:
    ensure_torchvision()
    import lightning

    return lightning


lightning = _load()
