"""Run a package's network with OpenVINO: no torch, the same numbers on every call."""

from __future__ import annotations

import logging
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from fatescope.base.errors import ModelError
from fatescope.models import cuda
from fatescope.models.description import ModelDescription
from fatescope.models.elsewhere import open_package
from fatescope.models.package import ModelPackage
from fatescope.models.quiet import import_openvino

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

Precision = Literal["auto", "fp32", "int8"]
Device = Literal["auto", "cpu", "cuda"]
_EXTERNAL_DATA = re.compile(rb"\x0a\x08location\x12")


class Model(Protocol):
    """What prediction needs of a model, whatever runs it."""

    @property
    def name(self) -> str:
        """Short name."""

    @property
    def sha256(self) -> str:
        """Content hash, as written into results."""

    @property
    def description(self) -> ModelDescription:
        """What the model expects and how its maps become instances."""

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``: where it runs."""

    @property
    def precision(self) -> str:
        """``fp32`` or ``int8``."""

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return maps (B, C, *axes) of normalised images, or one vector for each row."""


class OpenVinoModel:
    """A network compiled for the processor.

    Images run one by one, so that the batch size cannot change a result, and in f32 (int8
    layers stay int8): OpenVINO's own default is bfloat16 on some processors. The network is
    compiled once, when it first runs, for images of any size or tables of any length. Threads may
    share it; they take turns.
    """

    device = "cpu"

    def __init__(self, package: ModelPackage, *, precision: str, threads: int | None) -> None:
        self.name = package.name
        self.sha256 = package.sha256
        self.description = package.description
        self.precision = precision
        self._file = "model_int8.onnx" if precision == "int8" else "model.onnx"
        self._package = package
        self._threads = threads
        self._request: Any = None
        self._turn = threading.Lock()  # a request holds the values of one call
        if _EXTERNAL_DATA.search(package.files[self._file]):
            raise ModelError(
                f"{package.source}: {self._file} points to data outside the package. "
                "Do not use this file."
            )

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return what the network gives for a batch.

        Parameters
        ----------
        batch : ndarray of float32, shape (B, C, *axes)
            Images, normalised, on the working grid, lengths in multiples of the divisor; or a
            table, shape (rows, features).

        Returns
        -------
        ndarray of float32
            As the description's ``output`` says.

        Raises
        ------
        ModelError
            If the shape does not fit, or the file holds no network that can run.
        """
        import numpy as np

        taken = self.description.input
        taken.check_batch(batch.shape, name=self.name)
        out = []
        for part in taken.parts(batch):
            with self._turn:
                if self._request is None:
                    self._request = _compile(self._package, self._file, self._threads)
                fed = np.ascontiguousarray(taken.to_network(part), dtype=np.float32)
                results = self._request.infer([fed]).values()
                given = [np.asarray(r, dtype=np.float32) for r in results]
                out.append(self.description.join_outputs(given))
        return out[0] if len(out) == 1 else np.concatenate(out)


def load_model(
    name_or_path: str | Path,
    *,
    precision: Precision = "auto",
    device: Device = "auto",
    threads: int | None = 1,
    sha256: str | None = None,
) -> Model:
    """Load a package by its name or its path, check every hash, and make it ready to run.

    Parameters
    ----------
    name_or_path : str or path
        A shipped name such as ``"nuclei"``, a folder or zip, or an ONNX file with its sidecar.
    precision : {"auto", "fp32", "int8"}
        ``auto`` takes int8 where the package has it and the network runs on the processor.
    device : {"auto", "cpu", "cuda"}
        A device asked for and missing is an error; ``auto`` takes a GPU where onnxruntime-gpu is
        installed and a GPU answers, unless int8 is asked for.
    threads : int, optional
        Threads of one inference; ``None`` leaves it to OpenVINO. Results do not depend on it.
    sha256 : str, optional
        The content hash that the package must have.

    Raises
    ------
    ModelError
        If there is no such package, it is damaged or unsafe, or lacks the precision asked for, or
        the device is not there.
    """
    if device == "cuda" and precision == "int8":
        raise ModelError(
            "int8 networks run on the processor only. Use --precision fp32 with --device cuda."
        )
    package = open_package(name_or_path, sha256=sha256)
    has_int8 = "model_int8.onnx" in package.files
    if precision == "int8" and not has_int8:
        raise ModelError(f"{package.source}: the package has no int8 network. Use fp32.")
    if device == "cuda" or (device == "auto" and precision != "int8" and cuda.is_installed()):
        try:
            return cuda.CudaModel(package)
        except ModelError as error:
            if device == "cuda":
                raise
            _log.warning("%s The processor is used.", error)
    chosen = "int8" if precision != "fp32" and has_int8 else "fp32"
    return OpenVinoModel(package, precision=chosen, threads=threads)


def _compile(package: ModelPackage, file: str, threads: int | None) -> Any:
    """Return a request that runs the network on anything its description lets in."""
    openvino = import_openvino()
    hints = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "ENABLE_CPU_PINNING": "NO",
    }
    if threads:
        hints["INFERENCE_NUM_THREADS"] = str(threads)
    core = openvino.Core()
    try:
        network = core.read_model(package.files[file])
        network.reshape({0: openvino.PartialShape(list(package.description.input.network_shape))})
        return core.compile_model(network, "CPU", hints).create_infer_request()
    except RuntimeError as error:
        last = str(error).strip().splitlines()[-1]
        raise ModelError(f"{package.source}: {file} is no readable network: {last}") from error
