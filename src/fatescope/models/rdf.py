"""The bioimage.io description (model 0.5) of a package, made from its own description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.models.description import ModelDescription

FORMAT_VERSION = "0.5.4"
_IN_PLACE = ("rdf.yaml", "model.onnx", "test_input.npy", "test_output.npy", "card.md")


def make_rdf(description: ModelDescription, hashes: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of ``rdf.yaml`` as plain values.

    Parameters
    ----------
    description : ModelDescription
    hashes : mapping of str to str
        sha256 of each file of the package by name, without ``rdf.yaml``.
    """
    space = [_space(a, description.divisor, description.halo_px) for a in "yx"]
    out = [_like_input(axis, description.halo_px) for axis in "yx"]
    return {
        "format_version": FORMAT_VERSION,
        "type": "model",
        "name": f"fatescope {description.name}",
        "version": description.version,
        "description": description.summary,
        "authors": [{"name": name} for name in description.authors],
        "cite": _citations(description),
        "license": description.license,
        "documentation": "card.md",
        "timestamp": description.timestamp,
        "tags": ["fatescope", description.task, description.modality, "instance-segmentation"],
        "inputs": [
            {
                "id": "plane",
                "axes": [{"type": "batch"}, _channels(["intensity"]), *space],
                "test_tensor": _file("test_input.npy", hashes),
                "data": {"type": "float32"},
                "preprocessing": [],
            }
        ],
        "outputs": [
            {
                "id": "maps",
                "axes": [{"type": "batch"}, _channels(list(description.outputs)), *out],
                "test_tensor": _file("test_output.npy", hashes),
                "data": {"type": "float32"},
            }
        ],
        "weights": {"onnx": {**_file("model.onnx", hashes), "opset_version": description.opset}},
        "attachments": [_file(name, hashes) for name in sorted(hashes) if name not in _IN_PLACE],
        "config": {"fatescope": description.model_dump(mode="json")},
    }


def _file(name: str, hashes: Mapping[str, str]) -> dict[str, str]:
    return {"source": name, "sha256": hashes[name]}


def _channels(names: list[str]) -> dict[str, Any]:
    return {"type": "channel", "channel_names": names}


def _space(axis: str, divisor: int, halo: int) -> dict[str, Any]:
    least = (2 * halo // divisor + 2) * divisor
    return {"type": "space", "id": axis, "size": {"min": least, "step": divisor}}


def _like_input(axis: str, halo: int) -> dict[str, Any]:
    return {
        "type": "space",
        "id": axis,
        "halo": halo,
        "size": {"tensor_id": "plane", "axis_id": axis},
    }


def _citations(description: ModelDescription) -> list[dict[str, str]]:
    given = [c.model_dump(exclude_none=True) for c in description.cite]
    return given or [{"text": "fatescope", "url": "https://bioimage.io"}]
