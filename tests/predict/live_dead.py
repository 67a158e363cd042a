"""Cells made by hand, living ones brighter and dead ones darker than the light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from fatescope.models import (
    ImageInput,
    ModelDescription,
    ModelPackage,
    OpenVinoModel,
    PixelClasses,
    Tiling,
    ValueRange,
    write_package,
)

CLASSES = ("background", "live", "dead")
LIGHT, NOISE = 2000.0, 8.0


def bright_and_dark() -> bytes:
    """ONNX: live where a pixel is brighter than the light, dead where it is darker; softmax."""
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    gain = np.array([0.0, 40.0, -40.0], np.float32)
    weights = {
        "k": gain[:, None, None, None],
        "b": (np.array([6.0, 0.0, 0.0]) - gain * 0.5).astype(np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["plane", "k", "b"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["maps"], axis=1),
        ],
        "bright-and-dark",
        [helper.make_tensor_value_info("plane", TensorProto.FLOAT, ["b", 1, "y", "x"])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["b", 3, "y", "x"])],
        [numpy_helper.from_array(v, name) for name, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return bytes(model.SerializeToString())


def viability_package(
    folder: Path, *, expected: dict[str, ValueRange] | None = None, **output: object
) -> Path:
    """Write a package around `bright_and_dark`, for nuclei of 10 px at 1 µm a pixel."""
    settings = {"live": "live", "dead": "dead", "apart_px": 6.0, "min_area_px": 20, **output}
    description = ModelDescription(
        name="bright-and-dark",
        summary="Living cells are brighter and dead ones darker than the light.",
        task="viability",
        input=ImageInput(
            diameter_px=10.0,
            diameter_range_px=(8.0, 12.0),
            spacing_um=(1.0, 1.0),
            modality="bright-field",
            polarity="any",
            percentiles=(0.0, 100.0),
            expected=expected or {},
            tiling=Tiling(tile_px=(256, 256), halo_px=(16, 16), divisor=(16, 16)),
        ),
        output=PixelClasses.from_values({"channels": CLASSES, **settings}),
    )
    files = {"model.onnx": bright_and_dark()}
    batch = np.random.default_rng(0).random((1, 1, 64, 64), dtype=np.float32)
    draft = ModelPackage(description, files, "", folder)
    given = OpenVinoModel(draft, precision="fp32", threads=1).run(batch)
    write_package(
        folder,
        description=description,
        files=files,
        test_input=batch,
        test_output=given,
        card="# bright-and-dark\n",
    )
    return folder


def draw_cells(shape, cells, *, seed=0, shade=0.06):
    """Return a plane, uint16; ``cells`` are (y, x, is_dead), light falls towards the corners."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    plane = np.zeros(shape)
    for cy, cx, dead in cells:
        plane[np.hypot(y - cy, x - cx) < 5.2] = -0.3 if dead else 0.3
    u, v = 2 * y / shape[0] - 1, 2 * x / shape[1] - 1
    light = LIGHT * (1 - shade * (u**2 + v**2) / 2)
    return np.clip(light * (1 + plane) + rng.normal(0, NOISE, shape), 0, 65535).astype(np.uint16)


def draw_well(shape, n_frames, *, seed, dies=None, n=20, walk=1.0):
    """Return a movie (T, Y, X) of ``n`` cells on a grid, and the frame of each one's death.

    A living cell walks about its home; a dead one lies still.
    """
    rng = np.random.default_rng(seed)
    pitch = 28
    homes = [
        (y, x)
        for y in range(pitch, shape[0] - pitch // 2, pitch)
        for x in range(pitch, shape[1] - pitch // 2, pitch)
    ][:n]
    dies = rng.integers(1, 2 * n_frames, len(homes)) if dies is None else np.asarray(dies)
    place, frames = np.array(homes, float), []
    for t in range(n_frames):
        moving = dies > t
        place[moving] = np.array(homes)[moving] + rng.normal(0, walk, (int(moving.sum()), 2))
        cells = [(y, x, d <= t) for (y, x), d in zip(place, dies, strict=True)]
        frames.append(draw_cells(shape, cells, seed=seed * 100 + t))
    return np.stack(frames), np.where(dies < n_frames, dies, -1)


def write_plate(folder, wells, *, pixel_um=1.0):
    """Write movies by well as ``A01_1_BF.tif``, as ``--pattern "{well}_{field}_{channel}.tif"``."""
    folder.mkdir(parents=True, exist_ok=True)
    for well, movie in wells.items():
        tifffile.imwrite(
            folder / f"{well}_1_BF.tif",
            movie,
            imagej=True,
            resolution=(1 / pixel_um, 1 / pixel_um),
            metadata={"axes": "TYX", "unit": "um", "finterval": 900.0},
        )
    return folder
