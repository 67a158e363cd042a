"""Run a package's network on an NVIDIA GPU with onnxruntime-gpu: the same ONNX, in f32."""

from __future__ import annotations

import warnings
from importlib import metadata
from typing import TYPE_CHECKING, Any

from fatescope.base import explained
from fatescope.base.errors import ModelError
from fatescope.base.extras import installing
from fatescope.models.package import ModelPackage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

PROVIDER = "CUDAExecutionProvider"
_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"}
"""No TF32, whose 10 bits of mantissa show in results; no search for the fastest algorithm, which
ends differently from run to run."""


def is_installed() -> bool:
    """Tell whether onnxruntime-gpu is installed, without importing it."""
    try:
        metadata.version("onnxruntime-gpu")
    except metadata.PackageNotFoundError:
        return False
    return True


class CudaModel:
    """A network on a GPU; the counterpart of `OpenVinoModel`.

    Raises
    ------
    ModelError
        If onnxruntime-gpu is missing, or no GPU answers.

    Notes
    -----
    Images run one by one, so that the batch size cannot change a result. Maps differ from those
    of the processor by rounding (bounded in the card of each model).
    """

    device = "cuda"
    precision = "fp32"

    def __init__(self, package: ModelPackage) -> None:
        self.name = package.name
        self.sha256 = package.sha256
        self.description = package.description
        runtime = _runtime()
        self._session = open_session(
            runtime, package, [(PROVIDER, _OPTIONS), "CPUExecutionProvider"]
        )
        if PROVIDER not in self._session.get_providers():
            raise ModelError(
                "device 'cuda' was asked for, but no GPU answers (driver, CUDA or cuDNN is missing "
                "or too old). See what nvidia-smi says, or use --device cpu."
            )

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return what the network gives; see `OpenVinoModel.run`."""
        import numpy as np

        taken = self.description.input
        taken.check_batch(batch.shape, name=self.name)
        parts = (taken.to_network(part) for part in taken.parts(batch))
        given = [self.description.join_outputs(r) for r in run_session(self._session, parts)]
        return given[0] if len(given) == 1 else np.concatenate(given)


def _runtime() -> Any:
    """Import onnxruntime, if it can use a GPU."""
    advice = f"Use --device cpu, or install it: {installing('gpu')}"
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            f"device 'cuda' was asked for, but onnxruntime-gpu is not installed. {advice}"
        ) from error
    if PROVIDER not in onnxruntime.get_available_providers():
        raise ModelError(
            "device 'cuda' was asked for, but the onnxruntime that is installed runs on the "
            f"processor only. Uninstall it, since only one can be used. {advice}"
        )
    return onnxruntime


def open_session(runtime: Any, package: ModelPackage, providers: list[Any]) -> Any:
    """Return a session that computes the same numbers on every call.

    Raises
    ------
    ModelError
        If the network cannot be read.
    """
    options = runtime.SessionOptions()
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    said = f"{package.source}: model.onnx is no readable network: "
    with (
        explained(lambda error: said + str(error).strip().splitlines()[-1], ModelError),
        warnings.catch_warnings(action="ignore"),  # a provider that fails is noticed by its absence
    ):
        return runtime.InferenceSession(
            package.files["model.onnx"], sess_options=options, providers=providers
        )


def run_session(
    session: Any, parts: Iterable[NDArray[np.float32]]
) -> Iterator[list[NDArray[np.float32]]]:
    """Run the parts of a batch one by one; yield what the network gives for each."""
    import numpy as np

    name = session.get_inputs()[0].name
    for part in parts:
        given = session.run(None, {name: np.ascontiguousarray(part, dtype=np.float32)})
        yield [np.asarray(g, dtype=np.float32) for g in given]
