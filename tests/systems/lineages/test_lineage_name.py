import json

import numpy as np
import pytest
from tests.lineage.embryos import render_embryo

from fatescope.acquire import read_table, write_table
from fatescope.acquire.lineages import LineageReading
from fatescope.acquire.lineages.atlas_file import read_arrays
from fatescope.base import Execution, Table
from fatescope.lineage.atlas import atlas_from_arrays
from fatescope.lineage.naming import NameSettings
from fatescope.models import find_package, read_package
from fatescope.systems.lineages.name import name_lineages


@pytest.fixture(scope="module")
def table():
    atlas = atlas_from_arrays(*read_arrays())
    embryo = render_embryo(atlas, seed=5, until_min=90.0)
    z, y, x = (embryo.xyz_um - embryo.xyz_um.min(0))[:, ::-1].T / [[1.0], [0.254], [0.254]]
    parent = [str(p + 7) if p >= 0 else "" for p in embryo.parent]
    columns = {
        "id": np.arange(len(x)) + 7,
        "time": embryo.frame + 1,
        "x": x,
        "y": y,
        "z": z,
        "parent": np.array(parent, dtype=object),
    }
    return Table(columns), atlas.names[embryo.name]


@pytest.mark.slow
def test_a_plain_table_keeps_its_rows_and_gains_names(table, tmp_path):
    given, true = table
    write_table(given, tmp_path / "embryo.csv")
    frame = given.rows(given["time"] == 55).columns
    write_table(Table({k: frame[k] for k in ("time", "x", "y", "z")}), tmp_path / "frame.csv")
    (tmp_path / "bad.csv").write_text("time,x\n1,2\n")
    summary = name_lineages(
        sorted(tmp_path.glob("*.csv")), out=tmp_path / "out", execution=Execution(workers=1)
    )
    assert (summary.units_done, summary.units_failed) == (2, 1)
    named = read_table(tmp_path / "out" / "named" / "embryo.csv")
    assert list(named)[-5:] == ["name", "compact", "confidence", "second", "abstained"]
    np.testing.assert_array_equal(named["id"], given["id"])
    assert np.mean(named["name"] == true) > 0.97
    assert np.mean(named["confidence"] > 0.9) > 0.9
    embryos = read_table(tmp_path / "out" / "embryos.csv")
    assert sorted(embryos["table"].tolist()) == ["embryo", "frame"]
    assert {"flagged", "reason", "species", "spacing_um", "interval_min"} <= set(embryos)


def test_the_network_names_without_the_atlas_and_counts_its_own_names(table, tmp_path):
    given, true = table
    columns = dict(given.columns)
    columns["x"] = columns["x"].copy()
    columns["x"][:40] = np.nan
    write_table(Table(columns), tmp_path / "embryo.csv")
    settings = NameSettings(method="network", atlas=tmp_path / "no-such-atlas.npz")
    reading = LineageReading(spacing_um=(1.0, 0.254, 0.254))
    out = tmp_path / "out"
    name_lineages([tmp_path / "embryo.csv"], out=out, settings=settings, reading=reading)
    embryos = read_table(out / "embryos.csv")
    named = read_table(out / "named" / "embryo.csv")
    answered = np.array([bool(c) for c in named["compact"]])
    assert not answered[:40].any()
    assert (named["abstained"] == 0).tolist() == answered.tolist()
    assert embryos["named"].tolist() == [answered.sum()]
    assert embryos["rows"].tolist() == [len(true)]
    model = json.loads((out / "run.json").read_text(encoding="utf-8"))["model"]
    assert model == {
        "name": "compact-names",
        "sha256": read_package(find_package("compact-names")).sha256,
    }
    assert embryos["kind"].tolist() == ["movie"]
    assert embryos["pace"].tolist() == [None]


def test_the_network_names_a_mirrored_table_and_it_is_said(table, tmp_path):
    given, _ = table
    mirrored = {**given.columns, "z": given["z"].max() - given["z"]}
    write_table(given, tmp_path / "a.csv")
    write_table(Table(mirrored), tmp_path / "b.csv")
    reading = LineageReading(spacing_um=(1.0, 0.254, 0.254))
    name_lineages(
        [tmp_path / "a.csv", tmp_path / "b.csv"],
        out=tmp_path / "out",
        settings=NameSettings(method="network"),
        reading=reading,
        execution=Execution(workers=1),
    )
    one, other = (read_table(tmp_path / "out" / "named" / f"{k}.csv")["compact"] for k in "ab")
    assert np.mean(one == other) > 0.98
    findings = read_table(tmp_path / "out" / "findings.csv")
    assert findings["file"][findings["rule"] == "mirrored"].tolist() == ["b"]


def test_the_atlas_counts_the_rows_that_bear_a_name(table, tmp_path):
    given, _ = table
    frame = given.rows(given["time"] == 55).columns
    torn = np.random.default_rng(0).permutation(frame["x"])
    no_embryo = Table({"time": frame["time"], "x": torn, "y": frame["y"], "z": frame["z"]})
    write_table(no_embryo, tmp_path / "frame.csv")
    settings = NameSettings(abstain_flagged=0.6)
    name_lineages([tmp_path / "frame.csv"], out=tmp_path / "out", settings=settings)
    named = read_table(tmp_path / "out" / "named" / "frame.csv")
    embryos = read_table(tmp_path / "out" / "embryos.csv")
    assert embryos["flagged"].tolist() == [1]
    assert embryos["named"][0] == (named["abstained"] == 0).sum() < embryos["rows"][0]
