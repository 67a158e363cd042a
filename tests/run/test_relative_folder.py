import numpy as np

from fatescope.base import Table
from fatescope.run import Run


def test_an_output_folder_may_be_named_relative_to_where_we_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Run.open("results", command="count", settings={}) as run:
        for key in run.pending(["a", "b"]):
            (run.out / f"{key}.txt").write_text("1")
            # Both ways to name a file that a unit wrote.
            name = run.out / f"{key}.txt" if key == "a" else f"{key}.txt"
            run.record(key, table=Table({"n": np.array([1])}), files=[name])
        assert run.finish().units_done == 2
    with Run.open("results", command="count", settings={}) as run:
        assert run.pending(["a", "b"]) == []
