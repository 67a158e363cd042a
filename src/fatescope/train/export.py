"""From weights to the files of a package: ONNX in f32 and int8, and safetensors."""

from __future__ import annotations

import copy
import io
import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from fatescope.base import ModelError, explained, imported
from fatescope.models.quiet import without
from fatescope.train._torchvision import ensure_torchvision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray

OPSET = 17  # operators of ONNX 1.12; no network here needs newer ones
_TRACED = {"Z": 16, "Y": 64, "X": 96}  # lengths of the example; the graph takes others too


def drawing_only(network: Any, maps: Sequence[int], *, n_outputs: int) -> Any:
    """Return a copy of a network that draws some of its ``n_outputs`` maps, in this order.

    The last convolution loses the rows of the others, so that they cost nothing.
    """
    copied = copy.deepcopy(network)
    *_, last = (m for m in copied.modules() if isinstance(m, torch.nn.Conv2d))
    for values in (last.weight, last.bias):
        rows = values.data.unflatten(0, (n_outputs, -1))
        values.data = rows[list(maps)].flatten(0, 1).clone()
    last.out_channels = len(last.weight)
    return copied


def export_onnx(
    network: torch.nn.Module,
    *,
    n_inputs: int = 1,
    space: Literal["YX", "ZYX"] = "YX",
    form: Literal["maps", "values", "boxes"] = "maps",
) -> bytes:
    """Export a network as ONNX: batch and axes of space free, weights as fp16, sums in f32.

    Parameters
    ----------
    network : Module
        Takes (B, n_inputs, Y, X), or a network of volumes (B, n_inputs, Z, Y, X).
    n_inputs : int
    space : {"YX", "ZYX"}
        Axes of space.
    form : {"maps", "values", "boxes"}
        Of what it gives: a vector for each pixel (B, C, *axes), for each image (B, C), or for each
        box (B, N, C).

    Returns
    -------
    bytes
        Input ``plane``, output named as its form; operator set `OPSET`.
    """
    import onnx

    lengths = [_TRACED[axis] for axis in space]
    axes = {0: "b"} | dict(enumerate(space.lower(), start=2))
    given = {"maps": axes, "values": {0: "b"}, "boxes": {0: "b", 1: "n"}}[form]
    name = "boxes" if form == "boxes" else "maps"
    stream = io.BytesIO()
    network = network.eval().to(memory_format=torch.contiguous_format)
    with warnings.catch_warnings():
        # The exporter that traces is old but quick, and writes free axes (see decision 0032).
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(2, n_inputs, *lengths),),
            stream,
            dynamo=False,
            opset_version=OPSET,
            input_names=["plane"],
            output_names=[name],
            dynamic_axes={"plane": axes, name: given},
        )
    model = onnx.load_from_string(stream.getvalue())
    _store_half(model)
    model.producer_name, model.producer_version, model.doc_string = "fatescope", "", ""
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _store_half(model: Any) -> None:
    """Store each weight as fp16, and cast it to f32 where it is used."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.dtype != np.float32 or value.size < 16:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def quantise_network(network: bytes, planes: Sequence[FloatArray]) -> bytes:
    """Return an int8 network, calibrated on images that training has seen.

    Parameters
    ----------
    network : bytes
        From `export_onnx`.
    planes : sequence of ndarray of float32, shape (1, 1, Y, X)
        Normalised, at the working size.

    Raises
    ------
    ModelError
        If NNCF is not installed.
    """
    import logging
    from contextlib import redirect_stdout

    import onnx

    ensure_torchvision()  # NNCF may look for it
    with without("openvino_telemetry"):
        nncf = imported("nncf")
    nncf.set_log_level(logging.ERROR)
    model = _widened(onnx.load_from_string(network))
    with redirect_stdout(io.StringIO()):  # its progress bars
        done = nncf.quantize(
            model,
            nncf.Dataset(list(planes), lambda plane: {"plane": plane}),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(planes),
        )
    _fold_weights(done)
    done.producer_name, done.producer_version, done.doc_string = "fatescope", "", ""
    onnx.checker.check_model(done)
    return bytes(done.SerializeToString())


def _widened(model: Any) -> Any:
    """Return the model with f32 weights in place of fp16 and casts: what quantisers expect."""
    from onnx import numpy_helper

    half = {t.name: t for t in model.graph.initializer if t.name.endswith(".half")}
    kept = [n for n in model.graph.node if not (n.op_type == "Cast" and n.input[0] in half)]
    for name, tensor in half.items():
        value = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(value, name.removesuffix(".half")))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


def _fold_weights(model: Any) -> None:
    """Store quantised weights as int8: the quantiser leaves them in f32 before a rounding node."""
    from onnx import numpy_helper

    tensors = {t.name: t for t in model.graph.initializer}
    uses = [name for node in model.graph.node for name in node.input]
    kept = []
    for node in model.graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] not in tensors:
            kept.append(node)
            continue
        value, scale, zero = (numpy_helper.to_array(tensors[n]) for n in node.input)
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        shape = [-1 if i == axis and scale.ndim else 1 for i in range(value.ndim)]
        limits = np.iinfo(zero.dtype)
        whole = np.rint(value / scale.reshape(shape)) + zero.reshape(shape).astype(np.int32)
        whole = np.clip(whole, limits.min, limits.max).astype(zero.dtype)
        model.graph.initializer.append(numpy_helper.from_array(whole, node.output[0]))
        if uses.count(node.input[0]) == 1:
            model.graph.initializer.remove(tensors[node.input[0]])
    del model.graph.node[:]
    model.graph.node.extend(kept)


def weights_bytes(network: torch.nn.Module) -> bytes:
    """Return the weights as safetensors, for further training: kernels in fp16, the rest in f32."""
    from safetensors.torch import save

    state = network.state_dict()
    return bytes(
        save(
            {
                name: value.half().contiguous() if value.ndim > 1 else value.contiguous()
                for name, value in state.items()
            }
        )
    )


def mix_weights(network: torch.nn.Module, data: bytes, *, share: float) -> None:
    """Move the weights of a network towards those that its training began with.

    Parameters
    ----------
    network : Module
        Changed in place.
    data : bytes
        From `weights_bytes`.
    share : float
        0 keeps the network, 1 would give ``data``.

    References
    ----------
    Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    begun = copy.deepcopy(network)
    load_weights(begun, data)
    before = begun.state_dict()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(before[name].to(value), share)


def load_weights(network: torch.nn.Module, data: bytes) -> None:
    """Fill a network with weights from `weights_bytes`.

    A network with more residual blocks than the one that the weights were trained in begins as the
    same function: its further blocks pass their input on. The maps that both draw, the
    first ones, are drawn alike; the rows of further maps stay as they are.

    Raises
    ------
    ModelError
        If names or shapes differ: the weights belong to another network.
    """
    from safetensors.torch import load

    state = network.state_dict()
    said = "the weights cannot be read ({}). Export the package again."
    with explained(said.format, ModelError):
        given = load(data)
    given |= _identity_blocks(state, given)
    given |= _rows_of_head(state, given)
    wrong = sorted(
        set(state) ^ set(given)
        | {n for n in set(state) & set(given) if state[n].shape != given[n].shape}
    )
    if wrong:
        raise ModelError(
            f"the weights belong to another network: {', '.join(wrong[:3])} differ. "
            "Use the widths and blocks of the recipe that made them."
        )
    network.load_state_dict({n: v.to(state[n].dtype) for n, v in given.items()})


def _rows_of_head(
    state: dict[str, torch.Tensor], given: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return the head for the maps of this network, whether `given` draws more or fewer."""
    head = {}
    for name, value in state.items():
        rows = given.get(name)
        if name.startswith("head.") and rows is not None:
            known = rows[: len(value)].to(value.dtype)
            head[name] = torch.cat([known, value[len(known) :]])
    return head


def _identity_blocks(
    state: dict[str, torch.Tensor], given: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return weights of the residual blocks that `given` lacks, whose second half adds nothing."""
    added = {}
    for name, value in state.items():
        level, _, inner = name.partition(".")[2].partition(".")
        block = f"encoder.{level}.{inner.partition('.')[0]}"
        is_there = name in given or any(n.startswith(f"{block}.") for n in given)
        if name.startswith("encoder.") and not is_there:
            last = name.endswith(("second.1.weight", "second.1.bias"))
            added[name] = torch.zeros_like(value) if last else value
    return added
