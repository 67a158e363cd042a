"""A plain ONNX of membranes and its six lines, in TOML or YAML."""

import numpy as np
import pytest

pytest.importorskip("onnx")

from fatescope.base import ModelError
from fatescope.models.plain import plain_sidecar, read_plain

LINES = {
    "name": "plain",
    "task": "membrane",
    "size_px": 64,
    "channel": 0,
    "normalisation": "divide-255",
    "output": "interior",
}


def write(folder, *, op="Sigmoid", lines=LINES, ending=".toml"):
    """A network of one operation, with a sidecar."""
    from onnx import TensorProto, helper

    shape = ["b", 1, "y", "x"]
    given, made = (helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in "ab")
    graph = helper.make_graph([helper.make_node(op, ["a"], ["b"])], "plain", [given], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    path = folder / "plain.onnx"
    path.write_bytes(model.SerializeToString())
    colon = ": " if ending == ".yaml" else " = "
    text = "".join(f"{k}{colon}{v!r}\n".replace("'", '"') for k, v in lines.items())
    path.with_suffix(ending).write_text(text)
    return path


@pytest.mark.parametrize("ending", [".toml", ".yaml"])
def test_six_lines_are_enough_in_toml_and_in_yaml(tmp_path, ending):
    network = read_plain(write(tmp_path, ending=ending))
    assert len(LINES) == 6
    assert network.name == "plain"
    image = np.zeros((64, 64), np.float32)
    assert network.run(image) == pytest.approx(0.5)


def test_the_hash_changes_with_the_sidecar(tmp_path):
    one = read_plain(write(tmp_path)).sha256
    other = read_plain(write(tmp_path, lines={**LINES, "normalisation": "min-max"})).sha256
    assert one != other


def test_what_is_wrong_with_a_sidecar_is_said_in_a_sentence(tmp_path):
    path = write(tmp_path, lines={**LINES, "output": "cells"})
    with pytest.raises(ModelError, match=r"plain\.toml: the sidecar of plain\.onnx.*output"):
        plain_sidecar(path)
    path.with_suffix(".toml").write_text("name = [")
    with pytest.raises(ModelError, match="the sidecar cannot be read"):
        plain_sidecar(path)
    path.with_suffix(".toml").unlink()
    assert plain_sidecar(path) is None
    with pytest.raises(ModelError, match=r"needs a file plain\.toml beside it with name, task"):
        read_plain(path)


def test_a_network_of_another_shape_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"one map of the same size is needed"):
        read_plain(write(tmp_path, op="GlobalAveragePool"))


def test_a_sidecar_of_another_task_is_none_of_ours(tmp_path):
    assert plain_sidecar(write(tmp_path, lines={**LINES, "task": "nuclei"})) is None
    assert plain_sidecar("nuclei") is None
