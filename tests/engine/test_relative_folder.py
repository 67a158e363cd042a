import numpy as np
import pytest

from fatescope.base import Table
from fatescope.engine import Run


@pytest.mark.parametrize("name", ["results", "labels", "a/labels", "./labels", "labels/labels"])
def test_an_output_folder_may_have_any_name_relative_to_where_we_are(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with Run.open(name, command="count", settings={}) as run:
        for key in run.pending(["a", "b"]):
            (run.out / "labels").mkdir(exist_ok=True)
            (run.out / "labels" / f"{key}.txt").write_text("1")
            # Both ways to name a file that a unit wrote.
            file = run.out / "labels" / f"{key}.txt" if key == "a" else f"labels/{key}.txt"
            run.record(key, table=Table({"n": np.array([1])}), files=[file])
        summary = run.finish()
    assert summary.units_done == 2
    assert str(summary.out) == name.removeprefix("./"), "named as it was given"
    with Run.open(name, command="count", settings={}) as run:
        assert run.pending(["a", "b"]) == []
