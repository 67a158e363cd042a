"""The shipped names network is one package among the others, and names as before."""

import io

import numpy as np
import pytest
from safetensors.numpy import load

from fatescope.models import NamesPerRow, check_model, find_package, load_model, read_package


@pytest.fixture(scope="module")
def package():
    return read_package(find_package("compact-names"))


def by_hand(package, rows):
    """The network as it ran before it was ONNX: in NumPy, softmax in float64."""
    w = load(package.files["weights.safetensors"])
    x = ((rows.astype(np.float64) - w["mean"]) / w["sd"]).astype(np.float32)
    n_layers = sum(name.endswith(".bias") for name in w)
    for i in range(n_layers):
        x = x @ w[f"layer{i}.weight"].T + w[f"layer{i}.bias"]
        x = np.maximum(x, 0) if i + 1 < n_layers else x
    e = np.exp(x - x.max(axis=1, keepdims=True) + w["log_prior"].astype(np.float64))
    return e / e.sum(axis=1, keepdims=True)


def test_every_row_has_the_name_that_it_had(package):
    w = load(package.files["weights.safetensors"])
    spread = np.random.default_rng(4).standard_normal((20_000, len(w["mean"])))
    rows = np.float32(w["mean"] + w["sd"] * spread)
    p = load_model("compact-names").run(rows)
    before = by_hand(package, rows)
    assert (p.argmax(axis=1) == before.argmax(axis=1)).all()
    np.testing.assert_allclose(p, before, atol=2e-5)
    assert len(set(p.argmax(axis=1))) > 16, "most names occur"


def test_the_test_tensors_hold_what_the_network_gave_before_it_was_converted(package):
    rows, kept = package.tensor("test_input.npy"), package.tensor("test_output.npy")
    np.testing.assert_allclose(by_hand(package, rows), kept, rtol=0, atol=1e-6)
    found = check_model("compact-names")
    assert found.passed
    assert found.differences["fp32"] < 1e-6


def test_a_table_gives_the_same_bits_whole_and_in_parts(package):
    rows = np.repeat(package.tensor("test_input.npy"), 20, axis=0)
    model = load_model("compact-names", threads=1)
    whole = model.run(rows)
    parts = [model.run(rows[i : i + 300]) for i in range(0, len(rows), 300)]
    assert (np.concatenate(parts) == whole).all()
    assert (load_model("compact-names", threads=2).run(rows) == whole).all()


def test_it_says_what_it_takes_gives_and_saw(package):
    d = package.description
    assert d.input.channels == (
        "posterior_um",
        "dorsal_um",
        "left_um",
        "log2_nuclei",
        "radius_um",
    )
    names = d.output_as(NamesPerRow).channels
    assert (len(names), names[0], names[-1]) == (32, "ABa", "Z3")
    assert len(d.training.units_seen) == 38
    assert package.description.training.scores["accuracy"] == 0.86
    embryo = np.load(io.BytesIO(package.files["mean_embryo.npy"]))
    assert embryo.shape[1] == 4
