import json

import numpy as np
import pytest

from fatescope.base import ModelError
from fatescope.models import NamesNetwork, read_names_network, write_names_network


def network():
    rng = np.random.default_rng(0)
    layers = tuple(
        (rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in ((2, 4), (4, 3))
    )
    return NamesNetwork(
        name="tiny",
        classes=("A", "B", "C"),
        features=("x", "y"),
        layers=layers,
        mean=np.array([1.0, 2.0]),
        sd=np.array([2.0, 0.5]),
        log_prior=np.log([0.5, 0.3, 0.2]),
        stage=np.array([8, 8]),
        place_um=np.zeros((2, 3)),
        units_seen=("b" * 64, "a" * 64),
        notes={"accuracy": 0.5},
    )


def test_a_package_read_again_gives_the_same_probabilities(tmp_path):
    write_names_network(network(), tmp_path / "p", card="# tiny\n")
    again = read_names_network(tmp_path / "p")
    x = np.random.default_rng(1).normal(size=(50, 2))
    p = again.probabilities(x)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(p, network().probabilities(x), rtol=1e-5)
    assert again.classes == ("A", "B", "C")
    assert again.units_seen == ("a" * 64, "b" * 64)


def test_probabilities_are_those_worked_out_by_hand():
    tiny = NamesNetwork(
        name="t",
        classes=("A", "B"),
        features=("x",),
        layers=((np.array([[1.0], [-1.0]]), np.zeros(2)),),
        mean=np.array([3.0]),
        sd=np.array([2.0]),
        log_prior=np.zeros(2),
        stage=np.zeros(0, int),
        place_um=np.zeros((0, 3)),
        units_seen=(),
        notes={},
    )
    expected = 1 / (1 + np.exp(-2.0))  # x = 5 is 1 standard deviation up: logits 1 and -1
    np.testing.assert_allclose(tiny.probabilities(np.array([[5.0]]))[0], [expected, 1 - expected])


@pytest.mark.parametrize("file", ["weights.safetensors", "card.md"])
def test_a_changed_or_missing_file_is_refused(tmp_path, file):
    write_names_network(network(), tmp_path, card="# tiny\n")
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes() + b" ")
    with pytest.raises(ModelError, match=f"{file}: has another hash"):
        read_names_network(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(ModelError, match="No such file"):
        read_names_network(tmp_path)


def test_a_description_of_another_kind_or_shape_is_refused(tmp_path):
    write_names_network(network(), tmp_path, card="# tiny\n")
    path = tmp_path / "description.json"
    good = json.loads(path.read_text())
    for change, words in (
        ({"schema": "other/1"}, "no package of schema"),
        ({"features": ["x"]}, "damaged .*do not fit 1 features"),
        ({"layers": "many"}, "damaged"),
        ({"files": {}}, "no package of schema"),
    ):
        path.write_text(json.dumps({**good, **change}))
        with pytest.raises(ModelError, match=words):
            read_names_network(tmp_path)
    path.write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        read_names_network(tmp_path)
