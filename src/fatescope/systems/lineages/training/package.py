"""From a fitted names network to the files of its package: ONNX in f32, and safetensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.train.export import OPSET

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.systems.lineages.training.names import FittedNames

_IR_VERSION = 8  # of the files of ONNX 1.12, which `OPSET` belongs to


def names_files(fitted: FittedNames, log_prior: FloatArray) -> dict[str, bytes]:
    """Return ``model.onnx``, from rows (n, features) to probabilities (n, classes), and weights.

    ``log_prior`` (n_classes,): logarithm of each class's share of the training rows, added to the
    logits: training was balanced.
    """
    from safetensors.numpy import save

    weights = {"mean": fitted.mean, "sd": fitted.sd, "log_prior": log_prior}
    for i, (matrix, bias) in enumerate(fitted.weights):
        weights |= {f"layer{i}.weight": matrix, f"layer{i}.bias": bias}
    tensors = {name: np.ascontiguousarray(v, np.float32) for name, v in weights.items()}
    return {
        "model.onnx": _onnx(tensors, len(fitted.weights)),
        "weights.safetensors": bytes(save(tensors)),
    }


def _onnx(tensors: dict[str, np.ndarray], n_layers: int) -> bytes:
    """Scale, layers with ReLU between them, prior, softmax."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    steps: list[tuple[str, list[str], str, dict[str, int]]] = [
        ("Sub", ["rows", "mean"], "centred", {}),
        ("Div", ["centred", "sd"], "x0", {}),
    ]
    for i in range(n_layers):
        layer = [f"x{i}", f"layer{i}.weight", f"layer{i}.bias"]
        steps.append(("Gemm", layer, f"y{i}", {"transB": 1}))
        steps.append(("Relu", [f"y{i}"], f"x{i + 1}", {}))
    last = steps.pop()[1][0]
    steps.append(("Add", [last, "log_prior"], "logits", {}))
    steps.append(("Softmax", ["logits"], "names", {"axis": 1}))
    values = {"rows": len(tensors["mean"]), "names": len(tensors["log_prior"])}
    rows, names = (
        helper.make_tensor_value_info(k, TensorProto.FLOAT, ["b", n]) for k, n in values.items()
    )
    graph = helper.make_graph(
        [helper.make_node(op, given, [out], **more) for op, given, out, more in steps],
        "names",
        [rows],
        [names],
        [numpy_helper.from_array(v, name) for name, v in tensors.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fatescope"
    )
    model.ir_version = _IR_VERSION
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
