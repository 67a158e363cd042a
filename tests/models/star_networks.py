"""A star-convex network made by hand: it finds bright discs of one radius, exactly, by blurs.

Probability is high in the middle of a disc, and each ray is the radius less how far the pixel lies
from the middle along the ray, which the difference of two half-plane sums tells.
"""

from __future__ import annotations

import numpy as np
import pytest

RADIUS, BALL_RADIUS = 9, 4


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


def ball_network(rays: int = 96, *, stride: tuple[int, int, int] = (1, 1, 1)) -> bytes:
    """Return ONNX for balls of value 1 on 0 in volumes, as `star_network` for discs."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    from fatescope.predict.decoders.polyhedra import golden_rays

    reach = BALL_RADIUS + 1
    at = np.moveaxis(np.indices((2 * reach + 1,) * 3) - reach, 0, -1)
    away = np.linalg.norm(at, axis=-1)
    volume = (away <= BALL_RADIUS).sum()
    within = away <= reach
    kernels = np.stack([within / volume, *(within * at[..., a] / volume for a in range(3))])
    spot = np.exp(-(away**2) / 8) * (away <= BALL_RADIUS)
    turn = np.concatenate([np.zeros((rays, 1)), golden_rays(rays, (1.0,) * 3).directions], axis=1)
    constants = {
        "k": kernels[:, None],
        "turn": turn[:, :, None, None, None],
        "radius": np.full((1, rays, 1, 1, 1), BALL_RADIUS),
        "spot": (spot / spot.sum())[None, None],
    }
    thin = {"kernel_shape": [1, 1, 1], "strides": list(stride)}
    nodes = [
        helper.make_node("Conv", ["volume", "k"], ["moments"], pads=[reach] * 6),
        helper.make_node("Conv", ["moments", "turn"], ["along"]),
        helper.make_node("Add", ["along", "radius"], ["distances"]),
        helper.make_node("Conv", ["volume", "spot"], ["probability"], pads=[reach] * 6),
        helper.make_node("Concat", ["probability", "distances"], ["all"], axis=1),
        helper.make_node("MaxPool", ["all"], ["maps"], **thin),
    ]

    def info(name: str, channels: int):
        shape = ["b", channels, *(f"{name} {a}" for a in "zyx")]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "balls",
        [info("volume", 1)],
        [info("maps", rays + 1)],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def balls(shape: tuple[int, int, int], centres: list[tuple[int, int, int]]) -> np.ndarray:
    """Return labels of balls."""
    at = np.moveaxis(np.indices(shape), 0, -1)
    labels = np.zeros(shape, np.int64)
    for i, centre in enumerate(centres, start=1):
        labels[np.linalg.norm(at - np.array(centre), axis=-1) <= BALL_RADIUS] = i
    return labels
