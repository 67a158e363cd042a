"""A tiny nuclei network made by hand: a blur and a threshold, as ONNX, and its package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fatescope.models import ModelDescription, ModelPackage, unfold, write_package


def disc_network(radius: int = 5) -> bytes:
    """ONNX: foreground = sharp sigmoid of the blurred image, distance = a wide blur of it."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    side = 2 * radius + 1
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    wide = np.exp(-(y**2 + x**2) / (2 * (radius / 2) ** 2))
    small = np.exp(-(y**2 + x**2) / 2.0)
    kernels = np.stack([small / small.sum(), wide / wide.sum(), np.zeros((side, side))])[:, None]
    gain = np.array([20.0, 12.0, 1.0], dtype=np.float32).reshape(1, 3, 1, 1)
    shift = np.array([-8.0, -8.0, -8.0], dtype=np.float32).reshape(1, 3, 1, 1)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["plane", "k"], ["c"], pads=[radius] * 4),
            helper.make_node("Mul", ["c", "gain"], ["m"]),
            helper.make_node("Add", ["m", "shift"], ["s"]),
            helper.make_node("Sigmoid", ["s"], ["maps"]),
        ],
        "discs",
        [helper.make_tensor_value_info("plane", TensorProto.FLOAT, ["b", 1, "y", "x"])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["b", 3, "y", "x"])],
        [
            numpy_helper.from_array(kernels.astype(np.float32), "k"),
            numpy_helper.from_array(gain, "gain"),
            numpy_helper.from_array(shift, "shift"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def render_discs(
    shape: tuple[int, int], *, diameter: float, seed: int, pitch: float = 1.6
) -> tuple[np.ndarray, np.ndarray]:
    """Bright discs on a jittered grid: image float32 in 0..1 and true labels."""
    rng = np.random.default_rng(seed)
    step = diameter * pitch
    image = np.zeros(shape, np.float32)
    labels = np.zeros(shape, np.int32)
    n = 0
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    for cy in np.arange(step * 0.7, shape[0] - step * 0.5, step):
        for cx in np.arange(step * 0.7, shape[1] - step * 0.5, step):
            y, x = cy + rng.uniform(-0.15, 0.15) * step, cx + rng.uniform(-0.15, 0.15) * step
            r = diameter / 2 * rng.uniform(0.85, 1.15)
            a, b = max(0, int(y - r - 2)), max(0, int(x - r - 2))
            part = np.s_[a : int(y + r + 3), b : int(x + r + 3)]
            inside = (yy[part] - y) ** 2 + (xx[part] - x) ** 2 <= r**2
            n += 1
            image[part][inside] = rng.uniform(0.6, 1.0)
            labels[part][inside] = n
    return image, labels


def disc_package(folder: Path, **changes: object) -> ModelPackage:
    """A whole package around `disc_network`."""
    network = disc_network()
    values = {"name": "discs", "summary": "Bright discs, found by a blur.", "tile_px": 256}
    description = ModelDescription.from_values(unfold({**values, **changes}))
    pixels, _ = render_discs((64, 64), diameter=20, seed=1)
    test_input = pixels[None, None]
    return write_package(
        folder,
        description=description,
        files={"model.onnx": network},
        test_input=test_input,
        test_output=run_reference(network, test_input),
        card="# discs\n\nMade by hand for the tests.\n",
    )


def run_reference(network: bytes, batch: np.ndarray) -> np.ndarray:
    """The same network by onnx's own slow reference: an oracle for the runtime."""
    from onnx.reference import ReferenceEvaluator

    return np.asarray(ReferenceEvaluator(network).run(None, {"plane": batch})[0])
