"""The package of a network that names nuclei from a table of features, not from an image.

A folder of plain files: ``description.json`` (what goes in, what comes out, what was seen),
``weights.safetensors`` (layers, scaling, prior, the mean embryo that the features refer to) and
``card.md``. Every file's hash stands in the description and is checked on reading; nothing in
the package can run code. It has no ONNX file: a network of six small matrices needs no runtime.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import ModelError
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray, IntArray

SCHEMA = "fatescope-names-network/1"
SHIPPED = Path(__file__).parent / "names" / "compact-names"
_LARGEST = 8 * 1024 * 1024
_FILES = ("weights.safetensors", "card.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesNetwork:
    """A small network on features of nuclei, and the mean embryo that the features refer to.

    Parameters
    ----------
    name : str
    classes, features : tuple of str
    layers : tuple of (ndarray, ndarray)
        (out, in) matrix and bias of each layer, float32; ReLU between them.
    mean, sd : ndarray of float32, shape (n_features,)
    log_prior : ndarray of float32, shape (n_classes,)
        Logarithm of each class's share of the training rows; training was balanced.
    stage, place_um : ndarray
        The mean embryo (`fatescope.lineage.blind_place.MeanEmbryo`).
    units_seen : tuple of str
        sha256 of the names of the embryos that training saw.
    notes : mapping
        Held-out numbers and how they were made.
    """

    name: str
    classes: tuple[str, ...]
    features: tuple[str, ...]
    layers: tuple[tuple[FloatArray, FloatArray], ...]
    mean: FloatArray
    sd: FloatArray
    log_prior: FloatArray
    stage: IntArray
    place_um: FloatArray
    units_seen: tuple[str, ...]
    notes: Mapping[str, Any]

    def probabilities(self, features: FloatArray) -> FloatArray:
        """Return the probability of each class, shape (n, n_classes), in float64.

        Parameters
        ----------
        features : ndarray of float, shape (n, n_features)
        """
        x: FloatArray = ((features - self.mean) / self.sd).astype(np.float32)
        for i, (matrix, bias) in enumerate(self.layers):
            x = x @ matrix.T + bias
            if i + 1 < len(self.layers):
                x = np.maximum(x, 0)
        logits = x.astype(np.float64) + self.log_prior
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))


def write_names_network(network: NamesNetwork, folder: Path, *, card: str) -> list[Path]:
    """Write a package folder and return its files."""
    from safetensors.numpy import save

    tensors = {
        "mean": np.float32(network.mean),
        "sd": np.float32(network.sd),
        "log_prior": np.float32(network.log_prior),
        "stage": network.stage.astype(np.int32),
        "place_um": np.float32(network.place_um),
    }
    for i, (matrix, bias) in enumerate(network.layers):
        tensors |= {f"layer{i}.weight": np.float32(matrix), f"layer{i}.bias": np.float32(bias)}
    content = {"weights.safetensors": save(tensors), "card.md": card.encode()}
    description = {
        "schema": SCHEMA,
        "name": network.name,
        "task": "compact-names",
        "classes": list(network.classes),
        "features": list(network.features),
        "layers": len(network.layers),
        "units_seen": sorted(network.units_seen),
        "notes": dict(network.notes),
        "files": {n: hashlib.sha256(b).hexdigest() for n, b in content.items()},
    }
    content["description.json"] = (
        json.dumps(description, indent=2, sort_keys=True) + "\n"
    ).encode()
    paths = []
    for name, data in content.items():
        with write_beside(folder / name) as part:
            part.write_bytes(data)
        paths.append(folder / name)
    return paths


def read_names_network(folder: Path | None = None) -> NamesNetwork:
    """Read and check a package folder; the shipped one if none is given.

    Raises
    ------
    ModelError
        If a file is missing, damaged, too large, or does not have the hash that it should.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    folder = SHIPPED if folder is None else folder
    try:
        description = json.loads(_bytes(folder / "description.json"))
        wanted = description["files"]
        if description["schema"] != SCHEMA or set(wanted) != set(_FILES):
            raise ModelError(f"{folder}: is no package of schema {SCHEMA}. Give another folder.")
        content = {name: _bytes(folder / name) for name in _FILES}
        for name, data in content.items():
            if hashlib.sha256(data).hexdigest() != wanted[name]:
                raise ModelError(f"{folder / name}: has another hash. Get the package again.")
        tensors = load(content["weights.safetensors"])
        return _network(description, tensors)
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise ModelError(f"{folder}: the package is damaged ({error}). Get it again.") from error


def _network(description: Mapping[str, Any], tensors: Mapping[str, Any]) -> NamesNetwork:
    n = int(description["layers"])
    layers = tuple((tensors[f"layer{i}.weight"], tensors[f"layer{i}.bias"]) for i in range(n))
    classes, features = _texts(description["classes"]), _texts(description["features"])
    sizes = [len(features), *(b.shape[0] for _, b in layers)]
    shapes = [m.shape for m, _ in layers]
    if shapes != list(zip(sizes[1:], sizes[:-1], strict=True)) or sizes[-1] != len(classes):
        raise ValueError(f"the layers {shapes} do not fit {len(features)} features")
    return NamesNetwork(
        name=str(description["name"]),
        classes=classes,
        features=features,
        layers=layers,
        mean=tensors["mean"],
        sd=tensors["sd"],
        log_prior=tensors["log_prior"],
        stage=tensors["stage"],
        place_um=tensors["place_um"],
        units_seen=_texts(description["units_seen"]),
        notes=description["notes"],
    )


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(v) for v in values)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(f"{path}: is larger than {_LARGEST} bytes. Get the package again.")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}. Give a package folder.") from error
