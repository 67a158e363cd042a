"""Run every shipped network with OpenVINO and with onnxruntime: time, memory, size, differences.

    OMP_NUM_THREADS=1 python -m benchmarks.runtimes

One thread, each measurement in a process of its own, the two by turns; tiles of noise smoothed to
blobs. CPU-seconds per megapixel beyond loading, median of nine; peak memory of the process.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from fatescope.models import load_model
from fatescope.models.find import find_package
from fatescope.models.package import read_package

MODELS = ("nuclei", "nuclei-em", "membrane", "viability", "phase-cells", "live-dead")
SIDE, REPEATS, ROUNDS = 512, 9, 3


def batch_of(name: str) -> np.ndarray:
    """Return one normalised tile that the network takes."""
    taken = read_package(find_package(name)).description.input
    channels = int(taken.network_shape[1])
    noise = np.random.default_rng(0).normal(size=(1, channels, SIDE, SIDE))
    return gaussian_filter(noise, (0, 0, 4, 4)).astype(np.float32) * 8


def measured(runtime: str, name: str, precision: str) -> dict[str, Any]:
    """Load, run, and return what it cost here; the result goes into a file beside."""
    batch = batch_of(name)
    if runtime == "openvino":
        run = load_model(name, precision=precision).run  # type: ignore[arg-type]
    else:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        file = "model_int8.onnx" if precision == "int8" else "model.onnx"
        session = onnxruntime.InferenceSession(
            read_package(find_package(name)).files[file], options, ["CPUExecutionProvider"]
        )
        fed = session.get_inputs()[0].name

        def run(batch: np.ndarray) -> np.ndarray:
            return np.asarray(session.run(None, {fed: batch})[0], np.float32)

    begun = time.process_time()
    out = run(batch)
    first = time.process_time() - begun
    times = []
    for _ in range(REPEATS):
        begun = time.process_time()
        out = run(batch)
        times.append(time.process_time() - begun)
    np.save(sys.argv[4], out)
    return {
        "cpu": statistics.median(times) / (SIDE * SIDE / 1e6),
        "first": first,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Print the table."""
    if len(sys.argv) > 1:
        print(json.dumps(measured(*sys.argv[1:4])))
        return
    import tempfile

    print("| model | | OpenVINO CPU-s/MP | MB | onnxruntime CPU-s/MP | MB | largest difference |")
    print("|--|--|--|--|--|--|--|")
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            files = read_package(find_package(name)).files
            for precision in ("fp32", *(["int8"] if "model_int8.onnx" in files else [])):
                rows: dict[str, list[dict[str, float]]] = {"openvino": [], "onnxruntime": []}
                outs = {}
                for _ in range(ROUNDS):
                    for runtime, got in rows.items():
                        kept = Path(folder) / f"{runtime}.npy"
                        done = subprocess.run(
                            [
                                sys.executable,
                                "-m",
                                "benchmarks.runtimes",
                                runtime,
                                name,
                                precision,
                                kept,
                            ],
                            capture_output=True,
                            text=True,
                            check=True,
                        )
                        got.append(json.loads(done.stdout))
                        outs[runtime] = np.load(kept)
                cells = [
                    f"{min(r['cpu'] for r in got):.3f} | {max(r['mb'] for r in got):.0f}"
                    for got in rows.values()
                ]
                gap = np.abs(outs["openvino"] - outs["onnxruntime"]).max()
                print(f"| {name} | {precision} | {' | '.join(cells)} | {gap:.1e} |", flush=True)


if __name__ == "__main__":
    main()
