"""What a result may depend on besides its input: versions and the processor."""

from __future__ import annotations

import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = (
    *("numpy", "scipy", "scikit-image", "tifffile", "imagecodecs", "openvino", "duckdb"),
    *("connected-components-3d", "edt", "fastremap", "pydantic", "safetensors"),
    *("torch", "albumentations", "av", "onnx", "zarr"),
)
_FLAGS = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "asimd",
)


def environment() -> dict[str, Any]:
    """Return versions of Python and of the packages that compute, and what the processor can."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {p: v for p in _PACKAGES if (v := _version(p)) is not None},
        "processor": _processor(),
    }


def _version(package: str) -> str | None:
    """Read one line: parsing all that packages say of themselves takes 40 CPU-ms."""
    try:
        text = metadata.distribution(package).read_text("METADATA") or ""
    except metadata.PackageNotFoundError:
        return None
    found = re.search(r"^Version:\s*(\S+)", text, re.MULTILINE)
    return found.group(1) if found else None


def _processor() -> dict[str, Any]:
    """Read the name and the flags that decide which kernels run, where the system tells."""
    name, flags = platform.processor(), set[str]()
    info = Path("/proc/cpuinfo")
    if sys.platform == "linux" and info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            label, _, value = line.partition(":")
            if label.strip() == "model name":
                name = value.strip()
            elif label.strip() in ("flags", "Features"):
                flags = set(value.split())
            elif not line and flags:
                break
    return {"name": name, "flags": [f for f in _FLAGS if f in flags]}
