"""A plain ONNX network of membranes, and the six lines beside it that say how it is fed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fatescope.base.errors import ModelError, SettingsError
from fatescope.base.settings import Settings, setting
from fatescope.models.description import ModelDescription
from fatescope.models.inputs import ImageInput, Tiling
from fatescope.models.outputs import MembraneMaps, ShortName
from fatescope.models.package import ModelPackage
from fatescope.models.runtime import OpenVinoModel
from fatescope.models.sidecar import find_sidecar, read_sidecar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PlainSidecar(Settings):
    """What a plain network of membranes takes and gives; six lines of TOML or YAML."""

    name: ShortName = setting(..., "name in the comparison")
    task: Literal["membrane"] = setting("membrane", "what it is for")
    size_px: int = setting(
        256, "images are squeezed to this square; 0: they keep their size", unit="px", ge=0
    )
    channel: int = setting(0, "channel of an image with several", ge=0)
    normalisation: Literal["divide-255", "min-max", "none"] = setting(
        "divide-255", "of intensities: 8-bit divided by 255, the range of the image, or none"
    )
    output: Literal["interior", "wall"] = setting(
        "interior", "what the map is high on, in 0..1: inside of cells, or walls"
    )


@dataclass(frozen=True, slots=True)
class PlainNetwork:
    """A network of one grey channel to one map, with its sidecar."""

    sidecar: PlainSidecar
    sha256: str
    model: OpenVinoModel

    @property
    def name(self) -> str:
        """Its name in the sidecar."""
        return self.sidecar.name

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the map, (Y, X), of a normalised image, (Y, X)."""
        found: NDArray[np.float32] = self.model.run(image[None, None])[0, 0]
        return found


def plain_sidecar(path: str | Path) -> PlainSidecar | None:
    """Return the sidecar of an ONNX file of membranes; ``None`` for anything else.

    Raises
    ------
    ModelError
        If it names the task ``membrane`` and cannot be used.
    """
    network = Path(path)
    if network.suffix.lower() != ".onnx":
        return None
    sidecar = find_sidecar(network)
    values = {} if sidecar is None else read_sidecar(sidecar)
    if values.get("task") != "membrane" or isinstance(values.get("output"), dict):
        return None
    try:
        return PlainSidecar.from_values(values)
    except SettingsError as error:
        raise ModelError(
            f"{sidecar}: the sidecar of {network.name} cannot be used: {error} It holds "
            f"{', '.join(PlainSidecar.model_fields)}."
        ) from error


def read_plain(path: str | Path) -> PlainNetwork:
    """Open an ONNX file of membranes with its sidecar.

    Raises
    ------
    ModelError
        If there is no sidecar, or the network cannot be read or takes another shape.
    """
    import numpy as np

    sidecar, file = plain_sidecar(path), Path(path)
    if sidecar is None:
        raise ModelError(
            f"{file}: a network of membranes needs a file {file.stem}.toml beside it with "
            f"{', '.join(PlainSidecar.model_fields)}."
        )
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file}: the network cannot be read ({error.strerror}).") from error
    description = ModelDescription(
        name=sidecar.name,
        summary="A plain network of membranes.",
        task="membrane",
        input=ImageInput(tiling=Tiling(divisor=(1, 1))),
        output=MembraneMaps(channels=(sidecar.output,)),
    )
    package = ModelPackage(description, {"model.onnx": data}, "", file)
    model = OpenVinoModel(package, precision="fp32", threads=1)
    side = sidecar.size_px or 64
    given = model.run(np.zeros((1, 1, side, side), np.float32)).shape
    if given != (1, 1, side, side):
        raise ModelError(
            f"{file}: for (1, 1, {side}, {side}) the network gives {given}; one map of the same "
            "size is needed."
        )
    told = sidecar.model_dump_json().encode()
    return PlainNetwork(sidecar, hashlib.sha256(data + told).hexdigest(), model)
