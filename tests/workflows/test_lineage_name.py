import numpy as np
import pytest
from tests.lineage.embryos import render_embryo

from fatescope.acquire import read_table, write_table
from fatescope.acquire.lineages.atlas_file import read_arrays
from fatescope.base import Execution, Table
from fatescope.lineage.atlas_arrays import atlas_from_arrays
from fatescope.workflows.lineages.name import name_lineages


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
