import csv
import json
from dataclasses import replace

import pytest

pytest.importorskip("torch")
pytest.importorskip("imblearn")

from fatescope.base import InputError
from fatescope.lineage.blind_place import MeanEmbryo
from fatescope.lineage.compact import aligned_features
from fatescope.models import read_names_network
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.workflows.reproduce import lineage_names, names_data
from fatescope.workflows.reproduce.names_data import NamedEmbryo, split_embryos
from fatescope.workflows.reproduce.settings import NamesRecipe


def test_an_embryo_keeps_its_side_whatever_the_order_is():
    lineage = simulate_lineage(LineagePlan(minutes=10), seed=0)
    embryos = [NamedEmbryo(key=f"e{i}", lineage=lineage) for i in range(12)]
    a = {e.key: e.split for e in split_embryos(embryos, test_share=0.25)}
    b = {e.key: e.split for e in split_embryos(embryos[::-1], test_share=0.25)}
    assert a == b
    assert sorted(a.values()).count("test") == 3
    assert set(a.values()) == {"train", "validation", "test"}


def test_without_data_the_quick_run_is_offered(monkeypatch, tmp_path):
    monkeypatch.delenv("FATESCOPE_DATA", raising=False)
    with pytest.raises(InputError, match="Give their folder with --data, or --quick"):
        names_data.load_embryos(None, quick=False, progress=None)
    with pytest.raises(InputError, match="no lineage was found"):
        names_data.load_embryos(tmp_path, quick=False, progress=None)


@pytest.mark.slow
def test_the_quick_run_writes_page_scores_and_a_package_that_names_a_new_embryo(tmp_path):
    out = tmp_path / "out"
    summary = lineage_names.reproduce_names(out=out, recipe=NamesRecipe(seed=1), quick=True)
    assert summary.exit_code == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 6
    assert "Quick run on rendered embryos" in page
    with (out / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    mean = {}
    for r in rows:
        mean.setdefault(r["method"], []).append(float(r["accuracy"]))
    mean = {m: sum(v) / len(v) for m, v in mean.items()}
    assert mean["the corrected network"] > mean["always the most frequent name"]
    assert mean["the corrected network"] > mean["the published network"] + 0.1

    network = read_names_network(out / "network")
    tested = {r["embryo"] for r in rows}
    assert not {names_data.unit_hash(e) for e in tested} & set(network.units_seen)
    new = simulate_lineage(replace(LineagePlan(), minutes=120), seed=77)
    reference = MeanEmbryo(stage=network.stage, place_um=network.place_um)
    features, _ = aligned_features(new, reference)
    assert network.probabilities(features).shape == (len(new), 32)
    assert json.loads((out / "run.json").read_text())["settings"]["quick"] is True
