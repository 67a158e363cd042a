"""A star-convex network made by hand: it finds bright discs of one radius, exactly, by blurs.

Probability is high in the middle of a disc, and each ray is the radius less how far the pixel lies
from the middle along the ray, which the difference of two half-plane sums tells.
"""

from __future__ import annotations

import numpy as np
import pytest

RADIUS = 9


def star_network(
    rays: int = 32, *, layout: str = "channels-first", outputs: int = 1, stride: int = 1
) -> bytes:
    """Return ONNX for discs of value 1 on 0, `RADIUS` pixels in radius and apart from each other.

    The sum of a window around a pixel is the area of the disc, its first moments are where the
    middle lies. ``outputs`` is 2 for probability and distances by themselves.
    """
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    reach = 2 * RADIUS - 2
    side = np.arange(-reach, reach + 1)
    y, x = np.meshgrid(side, side, indexing="ij")
    area = np.pi * RADIUS**2
    within = (np.hypot(y, x) <= reach).astype(np.float64)
    # The middle of the disc, seen from the pixel, and how much of a whole disc the window holds.
    kernels = np.stack([within / area, y * within / area, x * within / area])
    spot = np.exp(-(y**2 + x**2) / 32) * (np.hypot(y, x) <= RADIUS)  # highest in the middle
    angle = 2 * np.pi * np.arange(rays) / rays
    # The way to the outline along a ray is that to the middle along it, and the radius.
    turn = np.stack([np.zeros(rays), np.sin(angle), np.cos(angle)], axis=1)
    constants = {
        "k": kernels[:, None],
        "turn": turn[:, :, None, None],
        "radius": np.full((1, rays, 1, 1), RADIUS),
        "spot": (spot / spot.sum())[None, None],
    }
    nodes = [
        helper.make_node("Conv", ["plane", "k"], ["moments"], pads=[reach] * 4),
        helper.make_node("Conv", ["moments", "turn"], ["along"]),
        helper.make_node("Add", ["along", "radius"], ["distances"]),
        helper.make_node("Conv", ["plane", "spot"], ["probability"], pads=[reach] * 4),
    ]
    names = ["probability", "distances"]
    if stride > 1:
        thin = {"kernel_shape": [1, 1], "strides": [stride, stride]}
        nodes += [helper.make_node("MaxPool", [n], [f"thin {n}"], **thin) for n in names]
        names = [f"thin {n}" for n in names]
    if outputs == 1:
        nodes.append(helper.make_node("Concat", names, ["maps"], axis=1))
        names = ["maps"]
    last = layout == "channels-last"
    if last:
        for node in nodes:
            node.input[:] = ["first plane" if n == "plane" else n for n in node.input]
        swap = helper.make_node("Transpose", ["plane"], ["first plane"], perm=[0, 3, 1, 2])
        back = [helper.make_node("Transpose", [n], [f"last {n}"], perm=[0, 2, 3, 1]) for n in names]
        nodes, names = [swap, *nodes, *back], [f"last {n}" for n in names]
    counts = {1: [rays + 1], 2: [1, rays]}[outputs]

    def info(name: str, channels: int):
        shape = ["b", "y", "x", channels] if last else ["b", channels, "y", "x"]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "stars",
        [info("plane", 1)],
        [info(n, c) for n, c in zip(names, counts, strict=True)],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def discs(shape: tuple[int, int], centres: list[tuple[int, int]]) -> np.ndarray:
    """Return an image of discs, 200 on 0, uint8."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape, np.uint8)
    for cy, cx in centres:
        image[np.hypot(y - cy, x - cx) <= RADIUS] = 200
    return image
