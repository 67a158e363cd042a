"""The measures of real images are those that their index was made with."""

import csv

import numpy as np
import pytest

from fatescope.acquire import read_labels
from fatescope.evaluate import score_labels
from fatescope.measurement import measure_objects


@pytest.mark.data
def test_counts_and_diameters_are_those_of_the_index(data_dir):
    folder = data_dir / "nuclei2d_dsb2018"
    with (folder / "index.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))[::20]
    assert len(rows) > 15
    for row in rows:
        labels = read_labels(folder / "labels" / f"{row['name']}.png").read()
        table = measure_objects(labels)
        assert len(table) == int(row["n_nuclei"])
        median = np.median(table["diameter_px"])
        assert median == pytest.approx(float(row["median_diameter_px"]), abs=0.06)
        score = score_labels(labels, labels)
        assert score.tp == (len(table),) * 10
