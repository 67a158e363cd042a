"""Packages in and out: a folder as a zip, a zip as a folder, a plain ONNX file as a package."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.base.errors import ModelError, SettingsError
from fatescope.models.description import ModelDescription, unfold
from fatescope.models.find import find_package
from fatescope.models.inputs import ImageInput
from fatescope.models.package import (
    ModelPackage,
    read_package,
    write_files,
    write_package,
    zip_package,
)
from fatescope.models.runtime import OpenVinoModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def export_model(name_or_path: str | Path, target: str | Path) -> ModelPackage:
    """Write a checked copy of a package: a zip where ``target`` ends in ``.zip``, else a folder.

    Raises
    ------
    ModelError
        If the package cannot be read, or the target exists.
    """
    package = read_package(find_package(name_or_path))
    where = Path(target)
    if where.suffix.lower() == ".zip":
        if where.exists():
            raise ModelError(f"{where} exists. Choose another name.")
        where.parent.mkdir(parents=True, exist_ok=True)
        return read_package(zip_package(package, where), sha256=package.sha256)
    return _copy(package, where)


def import_model(source: str | Path, folder: str | Path) -> ModelPackage:
    """Make a package folder of a package (folder or zip) or of a plain ONNX file.

    Parameters
    ----------
    source : path
        An ONNX file needs a sidecar beside it: the same name, ending in ``.toml``, with the
        fields of `ModelDescription` that are not the default; at least ``name``, ``summary`` and
        ``diameter_px``.
    folder : path
        Must not exist, or be empty.

    Raises
    ------
    ModelError
        One sentence: what is wrong with the file or its sidecar.
    """
    path, where = Path(source), Path(folder)
    if path.suffix.lower() != ".onnx":
        return _copy(read_package(path), where)
    description = _sidecar(path)
    try:
        network = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: the network cannot be read ({error.strerror}).") from error
    test_input = _test_input(description)
    bare = ModelPackage(description, {"model.onnx": network}, "", path)
    test_output = OpenVinoModel(bare, precision="fp32", threads=1).run(test_input)
    given = description.output
    if not given.fits(test_output.shape, test_input.shape):
        raise ModelError(
            f"{path}: for an input of shape {test_input.shape} the network gives "
            f"{test_output.shape}, and not {len(given.channels)} {given.form} "
            f"({', '.join(given.channels)})."
        )
    return write_package(
        where,
        description=description,
        files={"model.onnx": network},
        test_input=test_input,
        test_output=test_output,
        card=f"# {description.name}\n\n{description.summary}\n\nImported from {path.name}; "
        "there are no held-out numbers.\n",
    )


def _copy(package: ModelPackage, folder: Path) -> ModelPackage:
    write_files(folder, package.files)
    return read_package(folder, sha256=package.sha256)


def _sidecar(path: Path) -> ModelDescription:
    sidecar = path.with_suffix(".toml")
    try:
        values = tomllib.loads(sidecar.read_text(encoding="utf-8"))
        return ModelDescription.from_values(unfold(values))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, SettingsError) as error:
        raise ModelError(
            f"{sidecar}: the sidecar of {path.name} cannot be used: {error} It holds name, "
            "summary and diameter_px, and what else is not the default (docs/models.md)."
        ) from error


def _test_input(description: ModelDescription) -> NDArray[np.float32]:
    """Return an image of soft balls of the model's size, (1, C, *axes), or rows of numbers."""
    import numpy as np

    taken, n = description.input, len(description.input.channels)
    if not isinstance(taken, ImageInput):
        return np.linspace(-2, 2, 64 * n, dtype=np.float32).reshape(64, n)
    least = (32, 128, 128)[-len(taken.axes) :]
    sides = [-(-a // d) * d for a, d in zip(least, taken.tiling.divisor, strict=True)]
    radius = taken.diameter_px / 2
    pitch = 3 * radius
    away = np.square((np.indices(sides) % pitch) - pitch / 2).sum(axis=0)
    balls = np.asarray(np.clip(radius - np.sqrt(away), 0, 1), np.float32)
    return np.repeat(balls[None, None], n, axis=1)
