"""Packages in and out: a folder as a zip, a zip as a folder, a network from elsewhere as ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.base.errors import ModelError
from fatescope.models.description import ModelDescription
from fatescope.models.elsewhere import open_package, output_shapes
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
    package, where = open_package(name_or_path), Path(target)
    if "test_input.npy" not in package.files:
        raise ModelError(
            f"{package.source}: is no package of ours. Make one of it with `fatescope models "
            "import`."
        )
    if where.suffix.lower() == ".zip":
        if where.exists():
            raise ModelError(f"{where} exists. Choose another name.")
        where.parent.mkdir(parents=True, exist_ok=True)
        return read_package(zip_package(package, where), sha256=package.sha256)
    return _copy(package, where)


def import_model(source: str | Path, folder: str | Path) -> ModelPackage:
    """Make a package folder of a package (folder or zip), ours or another's, or of a plain ONNX.

    Parameters
    ----------
    source : path
        An ONNX file needs a sidecar beside it: the same name, ending in ``.toml`` or ``.yaml``,
        with the fields of `ModelDescription` that are not the default; at least ``name`` and
        ``summary``. Without ``diameter_px`` images are analysed at their own size.
    folder : path
        Must not exist, or be empty.

    Raises
    ------
    ModelError
        One sentence: what is wrong with the file or its sidecar.
    """
    package, where = open_package(source), Path(folder)
    if "test_input.npy" in package.files:
        return _copy(package, where)
    description = package.description
    if description.output.form == "maps" and len(output_shapes(package.files["model.onnx"])) > 1:
        raise ModelError(
            f"{package.source}: gives its maps in several arrays, and a package holds a network "
            "that gives one. Put them together in the ONNX, or use the file as it is (--model)."
        )
    test_input = _test_input(description)
    test_output = OpenVinoModel(package, precision="fp32", threads=1).run(test_input)
    given = description.output
    if not given.fits(test_output.shape, test_input.shape):
        raise ModelError(
            f"{package.source}: for an input of shape {test_input.shape} the network gives "
            f"{test_output.shape}, and not {len(given.channels)} {given.form} "
            f"({', '.join(given.channels[:4])}{', ...' * (len(given.channels) > 4)})."
        )
    return write_package(
        where,
        description=description,
        files=package.files,
        test_input=test_input,
        test_output=test_output,
        card=f"# {description.name}\n\n{description.summary}\n\nImported from "
        f"{package.source.name}; there are no held-out numbers.\n",
    )


def _copy(package: ModelPackage, folder: Path) -> ModelPackage:
    write_files(folder, package.files)
    return read_package(folder, sha256=package.sha256)


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
    if taken.normalisation == "mean-std":
        balls = (balls - balls.mean()) / balls.std()
    return np.repeat(balls[None, None], n, axis=1)
