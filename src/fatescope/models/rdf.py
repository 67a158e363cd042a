"""The bioimage.io description (model 0.5) of a package, made from its own description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fatescope.models.inputs import LEAST_NORMALISED, MOST_NORMALISED, ImageInput
from fatescope.models.outputs import Boxes, InstanceMaps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.models.description import ModelDescription
    from fatescope.models.outputs import Output

FORMAT_VERSION = "0.5.4"
_IN_PLACE = ("rdf.yaml", "model.onnx", "test_input.npy", "test_output.npy", "card.md")
_TAKEN = {"YX": "plane", "ZYX": "volume", "": "rows"}


def make_rdf(description: ModelDescription, hashes: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of ``rdf.yaml`` as plain values.

    Parameters
    ----------
    description : ModelDescription
    hashes : mapping of str to str
        sha256 of each file of the package by name, without ``rdf.yaml``.
    """
    taken, given = description.input, description.output
    image = taken if isinstance(taken, ImageInput) else None
    name = _TAKEN[image.axes if image else ""]
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
        "tags": ["fatescope", description.task, *([image.modality] if image else []), given.kind],
        "inputs": [
            {
                "id": name,
                "axes": _ordered(
                    _items(taken.channels), _space(image, given) if image else [], image
                ),
                "test_tensor": _file("test_input.npy", hashes),
                "data": {"type": "float32"},
                "preprocessing": _steps(image, given) if image else [],
            }
        ],
        "outputs": [
            {
                "id": given.form,
                "axes": _given_axes(given, image, name),
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


def _steps(image: ImageInput, given: Output) -> list[dict[str, Any]]:
    """Return the steps before the network, where the specification has them.

    Test images are normalised already, and these steps leave such an image as it is. Membranes,
    populations and viability make their images in ways that it has no words for (record 0392).
    """
    if not isinstance(given, (InstanceMaps, Boxes)) or image.normalisation == "none":
        return []
    axes = ["channel", *image.axes.lower()]
    if image.normalisation == "mean-std":
        return [{"id": "zero_mean_unit_variance", "kwargs": {"axes": axes}}]
    low, high = image.percentiles
    between = {"axes": axes, "min_percentile": low, "max_percentile": high}
    return [
        {"id": "scale_range", "kwargs": between},
        {"id": "clip", "kwargs": {"min": LEAST_NORMALISED, "max": MOST_NORMALISED}},
    ]


def _items(names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"type": "batch"}, {"type": "channel", "channel_names": list(names)}]


def _ordered(
    items: list[dict[str, Any]], space: list[dict[str, Any]], image: ImageInput | None
) -> list[dict[str, Any]]:
    """Return the axes in the order of the network."""
    if image is not None and image.layout == "channels-last":
        return [items[0], *space, *items[1:]]
    return [*items, *space]


def _space(image: ImageInput, given: Output) -> list[dict[str, Any]]:
    """Return the axes of space; the halo is cropped from maps, so something must be left."""
    tiles = zip(image.axes.lower(), image.tiling.halo_px, image.tiling.divisor, strict=True)
    least = {a: (2 * halo // n + 2 if given.form == "maps" else 1) * n for a, halo, n in tiles}
    steps = zip(least.items(), image.tiling.divisor, strict=True)
    return [
        {"type": "space", "id": axis, "size": {"min": size, "step": n}} for (axis, size), n in steps
    ]


def _given_axes(given: Output, image: ImageInput | None, name: str) -> list[dict[str, Any]]:
    batch, channels = _items(given.channels)
    if given.form == "boxes":
        return [batch, {"type": "index", "size": {"min": 1}}, channels]
    if given.form == "values" or image is None:
        return [batch, channels]
    stride = getattr(given, "stride_px", 1)
    apart = {"scale": float(stride)} if stride > 1 else {}
    like = [
        {"type": "space", "id": axis, "size": {"tensor_id": name, "axis_id": axis}, **apart}
        for axis in image.axes.lower()
    ]
    halos = [{"halo": halo // stride} if halo // stride else {} for halo in image.tiling.halo_px]
    space = [a | halo for a, halo in zip(like, halos, strict=True)]
    return _ordered([batch, channels], space, image)


def _citations(description: ModelDescription) -> list[dict[str, str]]:
    given = [c.model_dump(exclude_none=True) for c in description.cite]
    return given or [{"text": "fatescope", "url": "https://bioimage.io"}]
