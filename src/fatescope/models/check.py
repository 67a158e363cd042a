"""Check that a package still does what it did when it was made."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fatescope.base.errors import ModelError
from fatescope.models.elsewhere import open_package
from fatescope.models.find import FOLDER, shipped_names
from fatescope.models.package import ModelPackage, read_package
from fatescope.models.runtime import OpenVinoModel

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = {"fp32": 2e-3, "int8": 0.15}
"""Largest mean difference from the stored test output that passes, by precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """What a check of a package found."""

    name: str
    sha256: str
    size_mb: float
    differences: dict[str, float]  # precision -> mean absolute difference from the test output
    bioimageio: str  # "passed", "not installed", "cannot run", or the first complaint

    @property
    def passed(self) -> bool:
        """True where every network gives the stored output, within `TOLERANCE`."""
        numbers = all(d <= TOLERANCE[p] for p, d in self.differences.items())
        return numbers and self.bioimageio in ("passed", "not installed", "cannot run")


def list_models() -> list[ModelPackage]:
    """Return the packages that ship with fatescope, read and checked, by name."""
    return [read_package(FOLDER / name) for name in shipped_names()]


def check_model(name_or_path: str | Path) -> ModelCheck:
    """Read a package, run its test tensors in every precision, validate its description.

    Raises
    ------
    ModelError
        If the package cannot be read or a network does not run.
    """
    import numpy as np

    package = open_package(name_or_path)
    if "test_input.npy" not in package.files:
        raise ModelError(
            f"{package.source}: is a model from elsewhere, without a test of ours. Make a package "
            "of it with `fatescope models import`, and check that."
        )
    taken = package.description.input
    test_input = taken.from_network(package.tensor("test_input.npy"))
    expected = package.description.join_outputs([package.tensor("test_output.npy")])
    differences = {}
    for precision, file in (("fp32", "model.onnx"), ("int8", "model_int8.onnx")):
        if file in package.files:
            maps = OpenVinoModel(package, precision=precision, threads=1).run(test_input)
            if maps.shape != expected.shape:
                raise ModelError(
                    f"{package.source}: {file} gives shape {maps.shape}, but test_output.npy has "
                    f"{expected.shape}. Export the package again."
                )
            differences[precision] = float(np.abs(maps - expected).mean())
    return ModelCheck(
        name=package.name,
        sha256=package.sha256,
        size_mb=sum(map(len, package.files.values())) / 1e6,
        differences=differences,
        bioimageio=_validate(package),
    )


def _validate(package: ModelPackage) -> str:
    if importlib.util.find_spec("bioimageio") is None or not package.source.is_dir():
        return "not installed"
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bioimageio.spec import InvalidDescr, load_description

        found = load_description(
            package.source / "rdf.yaml", format_version="discover", perform_io_checks=False
        )
    if not isinstance(found, InvalidDescr):
        return "passed"
    complaint = str(found.validation_summary.errors[0].msg)
    # bioimageio.spec 0.5.12 cannot serialise file descriptions with pydantic 2.14 or later:
    # that says nothing about the package.
    return "cannot run" if "Error calling function" in complaint else complaint
