"""A few lines beside a network, or a package from elsewhere, that say what it does not."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from fatescope.base.errors import ModelError

ENDINGS = (".toml", ".yaml", ".yml")


def find_sidecar(path: Path) -> Path | None:
    """Return the sidecar of ``net.onnx``, ``net.zip`` or the folder ``net``, if there is one."""
    stem = path.name if path.is_dir() else path.stem
    beside = (path.with_name(stem + ending) for ending in ENDINGS)
    return next((p for p in beside if p.is_file()), None)


def read_sidecar(path: Path) -> dict[str, Any]:
    """Read a sidecar; anything but names with values is nothing.

    Raises
    ------
    ModelError
        If it cannot be read, or is no TOML or YAML.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"{path}: the sidecar cannot be read ({error}).") from error
    return values if isinstance(values, dict) else {}
