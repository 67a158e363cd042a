"""Where networks run: chosen once, said in the record, and missing devices are sentences."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from tests.hand_built import disc_package

from fatescope.base import Execution, ModelError, RunError
from fatescope.models import cuda, load_model
from fatescope.predict import open_predictor
from fatescope.systems.nuclei.find import NUCLEI, predict_nuclei
from fatescope.systems.nuclei.settings import NucleiSettings


def has_gpu():
    try:
        import onnxruntime
    except ImportError:
        return False
    return cuda.PROVIDER in onnxruntime.get_available_providers()


without_gpu = pytest.mark.skipif(has_gpu(), reason="there is a GPU runtime")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return disc_package(tmp_path_factory.mktemp("model") / "discs")


@pytest.mark.parametrize("device", ["cpu", "auto"])
@without_gpu
def test_without_a_gpu_networks_run_on_the_processor(package, device):
    model = load_model(package.source, device=device)
    assert (model.device, model.precision) == ("cpu", "fp32")


@without_gpu
def test_a_gpu_that_is_asked_for_and_missing_is_one_sentence(package):
    with pytest.raises(ModelError, match=r"device 'cuda' .*pip install .*\[gpu\]"):
        load_model(package.source, device="cuda")


@without_gpu
def test_a_runtime_for_gpus_without_a_gpu_is_one_sentence(package, monkeypatch):
    onnxruntime = pytest.importorskip("onnxruntime")
    providers = [cuda.PROVIDER, "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    with pytest.raises(ModelError, match="no GPU answers"):
        load_model(package.source, device="cuda")
    monkeypatch.setattr(cuda, "is_installed", lambda: True)
    assert load_model(package.source, device="auto").device == "cpu", "auto goes on without"


def test_what_cannot_run_on_a_gpu_is_refused(package):
    with pytest.raises(ModelError, match="'classical' has no network"):
        open_predictor("classical", device="cuda")
    with pytest.raises(ModelError, match="int8 networks run on the processor only"):
        load_model(package.source, device="cuda", precision="int8")


def test_the_session_of_the_gpu_gives_the_maps_of_the_processor(package):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = cuda.open_session(onnxruntime, package, ["CPUExecutionProvider"])
    batch = np.random.default_rng(3).random((3, 1, 64, 96), dtype=np.float32)
    taken = package.description.input
    maps = np.concatenate([given[0] for given in cuda.run_session(session, taken.parts(batch))])
    np.testing.assert_allclose(maps, load_model(package.source).run(batch), atol=1e-4)
    one_by_one = np.concatenate(
        [g for b in batch for g in next(cuda.run_session(session, [b[None]]))]
    )
    assert (maps == one_by_one).all()


def test_the_record_says_the_device_and_another_one_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.arange(900, dtype=np.uint16).reshape(30, 30))
    settings = NucleiSettings(model="classical")

    def run(**execution):
        return predict_nuclei(
            tmp_path / "a.tif",
            out=tmp_path / "out",
            settings=settings,
            execution=Execution(workers=1, **execution),
        )

    run()
    assert json.loads((tmp_path / "out" / "run.json").read_text())["model"]["device"] == "cpu"
    with pytest.raises(RunError, match=r"another device: cpu \(now cuda\)"):
        run(device="cuda", cluster="tcp://127.0.0.1:1")


@without_gpu
def test_a_plan_for_a_missing_device_is_refused_too(tmp_path, package):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((30, 30), np.uint8))
    settings = NucleiSettings(model=str(package.source))
    with pytest.raises(ModelError, match="device 'cuda' was asked for"):
        NUCLEI.plan(tmp_path / "a.tif", settings=settings, execution=Execution(device="cuda"))
