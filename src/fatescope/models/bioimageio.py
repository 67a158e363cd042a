"""What a bioimage.io description from elsewhere says about its network, in our own words.

Versions 0.4 and 0.5 name the same things differently; here both become one small value for the
input and one for the output. What is not understood (a step before the network, a scale, a fixed
number of images) is refused: guessed intensities would give wrong outlines without a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fatescope.base.errors import ModelError
from fatescope.models.inputs import LEAST_NORMALISED, MOST_NORMALISED
from fatescope.models.outputs import star_maps

_NAMES = {"b": "batch", "c": "channel", "y": "y", "x": "x", "z": "z", "t": "t", "i": "index"}
_LAYOUTS = {
    ("batch", "channel", "y", "x"): ("YX", "channels-first"),
    ("batch", "y", "x", "channel"): ("YX", "channels-last"),
    ("batch", "channel", "z", "y", "x"): ("ZYX", "channels-first"),
    ("batch", "z", "y", "x", "channel"): ("ZYX", "channels-last"),
}
_NOTHING = ("ensure_dtype",)
"""Steps that leave float32 as it is."""

_CUT_AS_HERE = ("clip", {"min": LEAST_NORMALISED, "max": MOST_NORMALISED})
"""Values are cut there after scaling in any case."""

_TILE_PX, _LEAST_TILE_PX = 1024, 64
_HALO_PX, _STAR_HALO_PX = 32, 96
"""Where a description has no halo; that of the networks of StarDist looks about 94 px far."""

_MICRO = {"micrometer": 1.0, "nanometer": 1e-3, "millimeter": 1e3}


@dataclass(frozen=True, slots=True)
class _Tensor:
    """One input or output: its axes in the order of the file, and what is known of each."""

    axes: tuple[str, ...]
    channels: tuple[str, ...] = ()
    least: Mapping[str, int] = field(default_factory=dict)  # by axis
    step: Mapping[str, int] = field(default_factory=dict)  # by axis; 0: the length is fixed
    halo: Mapping[str, int] = field(default_factory=dict)
    um: Mapping[str, float] = field(default_factory=dict)
    steps: tuple[tuple[str, Mapping[str, Any]], ...] = ()


def foreign_values(rdf: Mapping[str, Any], shapes: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Return values of a `ModelDescription` for a network described elsewhere.

    Parameters
    ----------
    rdf : mapping
        The parsed ``rdf.yaml``, version 0.4 or 0.5.
    shapes : sequence of sequence of int
        Of what the network gives, as the network itself says it; 0 is a length that it leaves open.

    Returns
    -------
    dict
        Without ``output`` where the description does not say what the maps are.

    Raises
    ------
    ModelError
        If it is another version, or needs what is not done here.
    """
    version = str(rdf.get("format_version", ""))
    if not re.match(r"0\.[45]\.", version):
        raise ModelError(
            f"rdf.yaml has version {version or 'unknown'}; versions 0.4 and 0.5 are read."
        )
    inputs, outputs = rdf.get("inputs"), rdf.get("outputs")
    if not (isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == 1):
        n = len(inputs) if isinstance(inputs, list) else 0
        raise ModelError(f"the network takes {n} inputs; one image is given here.")
    read = _read_4 if version.startswith("0.4") else _read_5
    try:
        taken, given = read(inputs[0], "preprocessing"), read(outputs[0], "postprocessing")
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(
            f"rdf.yaml: inputs or outputs are not those of a model ({error!r})."
        ) from error
    axes, layout = _layout(taken)
    if _layout(given) != (axes, layout):
        raise ModelError("it takes and gives images whose axes are in two orders.")
    channel = -1 if layout == "channels-last" else 1
    counts = [shape[channel] for shape in shapes if len(shape) == len(given.axes)]
    stars = _stars(rdf, sum(counts) if counts and all(counts) else None)
    left = [name for name, _ in given.steps if name not in _NOTHING]
    if left:
        raise ModelError(f"its maps are changed by {', '.join(left)}, which is not done here.")
    values: dict[str, Any] = {
        "name": _short(str(rdf.get("name", ""))),
        "version": str(rdf.get("version") or "0.1.0"),
        "summary": " ".join(str(rdf.get("description") or rdf.get("name") or "").split()) or "?",
        "authors": [str(a.get("name", "?")) for a in _dicts(rdf.get("authors"))] or ["unknown"],
        "license": str(rdf.get("license") or "unknown"),
        "cite": [_citation(c) for c in _dicts(rdf.get("cite"))],
        "input": _input(taken, given, stars=bool(stars)),
    }
    return values | ({"output": stars} if stars else {})


def _input(taken: _Tensor, given: _Tensor, *, stars: bool) -> dict[str, Any]:
    axes, layout = _layout(taken)
    space = axes.lower()
    halo = {a: given.halo.get(a, 0) or (_STAR_HALO_PX if stars else _HALO_PX) for a in space}
    tiles = [_tiling(taken.least.get(a, 1), taken.step.get(a, 1), halo[a], a) for a in space]
    um = [taken.um.get(a) for a in space]
    return {
        "kind": "image",
        "axes": axes,
        "layout": layout,
        "channels": taken.channels or ("intensity",),
        "sized": False,
        "spacing_um": um if all(um) else None,
        "modality": "any",
        "polarity": "any",
        "tiling": {
            name: [tile[i] for tile in tiles]
            for i, name in enumerate(("tile_px", "halo_px", "divisor"))
        },
        **_normalisation(taken.steps, axes),
    }


def _tiling(least: int, step: int, halo: int, axis: str) -> tuple[int, int, int]:
    """Return tile, halo and divisor of an axis whose lengths are ``least + n * step``."""
    if step <= 0 or least % step:
        tile = divisor = least
    else:
        divisor = step
        tile = max(least, (_TILE_PX if axis != "z" else _LEAST_TILE_PX) // step * step)
    return tile, min(halo, max(0, (tile - 1) // 2)), divisor


def _normalisation(
    steps: Sequence[tuple[str, Mapping[str, Any]]], axes: str
) -> dict[str, str | tuple[float, float]]:
    """Return how intensities are normalised, from the steps before the network."""
    done = [
        (name, options)
        for name, options in steps
        if name not in _NOTHING and (name, dict(options)) != _CUT_AS_HERE
    ]
    if not done:
        return {"normalisation": "none", "percentiles": (0.0, 100.0)}
    (name, options), *more = done
    along = options.get("axes") or axes.lower()
    names = {_NAMES.get(str(a), str(a)) for a in along} - {"batch", "channel"}
    whole = names == set(axes.lower()) and options.get("mode", "per_sample") == "per_sample"
    if whole and not more and name == "scale_range":
        low, high = (
            float(options.get(f"{w}_percentile", d)) for w, d in (("min", 0), ("max", 100))
        )
        return {"normalisation": "percentiles", "percentiles": (low, high)}
    if whole and not more and name == "zero_mean_unit_variance":
        return {"normalisation": "mean-std", "percentiles": (0.0, 100.0)}
    listed = ", ".join(n for n, _ in done)
    raise ModelError(
        f"intensities are changed by {listed} before the network; done here are scale_range and "
        "zero_mean_unit_variance, over the whole image."
    )


def _layout(tensor: _Tensor) -> tuple[str, str]:
    if tensor.axes not in _LAYOUTS:
        raise ModelError(
            f"the network has the axes {', '.join(tensor.axes)}; those of images are "
            "batch, channel, y and x, with or without z."
        )
    return _LAYOUTS[tensor.axes]


def _stars(rdf: Mapping[str, Any], n_maps: int | None) -> dict[str, Any] | None:
    """Return the output of a network of StarDist, which its own entry in ``config`` tells."""
    config = rdf.get("config")
    own = config.get("stardist") if isinstance(config, Mapping) else None
    if not isinstance(own, Mapping) or n_maps is None:
        return None
    drawn = own.get("config")
    drawn = drawn.get("rays_json") if isinstance(drawn, Mapping) else None
    apart: dict[str, Any] = {}
    if isinstance(drawn, Mapping):
        if drawn.get("name") != "Rays_GoldenSpiral":
            raise ModelError(
                f"its rays are {drawn.get('name')}; those of Rays_GoldenSpiral are known here."
            )
        options = drawn.get("kwargs")
        voxel = options.get("anisotropy") if isinstance(options, Mapping) else None
        apart = {"anisotropy": voxel} if voxel else {}
    limits = own.get("thresholds")
    limits = limits if isinstance(limits, Mapping) else {}
    named = {"prob": "foreground", "nms": "most_overlap"}
    return {
        "kind": "instance-maps",
        "channels": star_maps(n_maps - 1),
        "thresholds": {ours: limits[name] for name, ours in named.items() if name in limits},
        **apart,
    }


def _read_4(entry: Any, steps: str) -> _Tensor:
    """Read a tensor of version 0.4: axes are letters, shapes one list."""
    axes = tuple(_NAMES[a] for a in str(entry["axes"]))
    shape, halo = entry.get("shape"), entry.get("halo") or [0] * len(axes)
    least: dict[str, int] = {}
    step: dict[str, int] = {}
    if isinstance(shape, list):
        least, step = dict(zip(axes, shape, strict=True)), dict.fromkeys(axes, 0)
    elif isinstance(shape, dict) and "min" in shape:
        least = dict(zip(axes, shape["min"], strict=True))
        step = dict(zip(axes, shape["step"], strict=True))
    known = [(str(s["name"]), s.get("kwargs") or {}) for s in entry.get(steps) or ()]
    n = least.get("channel", 1)
    channels = tuple(f"channel-{k}" for k in range(n)) if n > 1 else ()
    return _Tensor(
        axes, channels, least, step, dict(zip(axes, halo, strict=True)), {}, tuple(known)
    )


def _read_5(entry: Any, steps: str) -> _Tensor:
    """Read a tensor of version 0.5: each axis is a value of its own."""
    axes: list[str] = []
    channels: tuple[str, ...] = ()
    least: dict[str, int] = {}
    step: dict[str, int] = {}
    halo: dict[str, int] = {}
    um: dict[str, float] = {}
    for axis in entry["axes"]:
        kind = str(axis["type"])
        name = str(axis["id"]) if kind == "space" else kind
        axes.append(name)
        if kind == "channel":
            channels = tuple(map(str, axis.get("channel_names") or ()))
        size = axis.get("size")
        if isinstance(size, int):
            least[name], step[name] = size, 0
        elif isinstance(size, dict) and "min" in size:
            least[name], step[name] = int(size["min"]), int(size["step"])
        halo[name] = int(axis.get("halo") or 0)
        if axis.get("unit") in _MICRO:
            um[name] = float(axis.get("scale", 1.0)) * _MICRO[axis["unit"]]
    known = [(str(s.get("id")), s.get("kwargs") or {}) for s in entry.get(steps) or ()]
    return _Tensor(tuple(axes), channels, least, step, halo, um, tuple(known))


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []


def _citation(entry: Mapping[str, Any]) -> dict[str, str]:
    text = str(entry.get("text") or entry.get("doi") or entry.get("url") or "?")
    return {"text": text, **{k: str(entry[k]) for k in ("doi", "url") if entry.get(k)}}


def _short(name: str) -> str:
    """Return a name as a short one: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64].strip("-") or "model"
