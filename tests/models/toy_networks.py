"""Networks of one layer, as ONNX, for any description: the smallest whole packages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fatescope.models import (
    ImageInput,
    ModelDescription,
    ModelPackage,
    OpenVinoModel,
    write_package,
)


def toy_network(description: ModelDescription) -> bytes:
    """Return ONNX that takes and gives what ``description`` says, by one matrix."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    taken, given = description.input, description.output
    ndim = len(taken.axes) if isinstance(taken, ImageInput) else 0
    n_in, n_out = len(taken.channels), len(given.channels)
    matrix = np.linspace(-1, 1, n_in * n_out, dtype=np.float32).reshape(n_out, n_in)
    constants = {"w": matrix.reshape(n_out, n_in, *[1] * ndim)}
    if ndim:
        nodes = [helper.make_node("Conv", ["in", "w"], ["maps"])]
    else:
        nodes = [helper.make_node("Gemm", ["in", "w"], ["maps"], transB=1)]
    if ndim and given.form != "maps":
        shape = {"values": [0, n_out], "boxes": [0, 1, n_out]}[given.form]
        constants["shape"] = np.array(shape, np.int64)
        nodes.append(helper.make_node("GlobalAveragePool", ["maps"], ["mean"]))
        nodes.append(helper.make_node("Reshape", ["mean", "shape"], ["out"]))
    else:
        nodes.append(helper.make_node("Identity", ["maps"], ["out"]))
    n_axes = 2 + ndim if given.form == "maps" else {"values": 2, "boxes": 3}[given.form]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, [None] * (2 + ndim))],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [None] * n_axes)],
        [numpy_helper.from_array(v, name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def toy_package(folder: Path, description: ModelDescription) -> ModelPackage:
    """Write a whole package around `toy_network`."""
    taken = description.input
    sides = [64 * d for d in taken.tiling.divisor] if isinstance(taken, ImageInput) else []
    batch = np.random.default_rng(0).random((2, len(taken.channels), *sides), dtype=np.float32)
    files = {"model.onnx": toy_network(description)}
    model = OpenVinoModel(ModelPackage(description, files, "", folder), precision="fp32", threads=1)
    return write_package(
        folder,
        description=description,
        files=files,
        test_input=batch,
        test_output=model.run(batch),
        card=f"# {description.name}\n",
    )
