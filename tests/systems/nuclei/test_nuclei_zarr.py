"""The workflow of nuclei with OME-Zarr in and out."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tifffile
import zarr

from fatescope.acquire import read_labels
from fatescope.base import Execution
from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
from fatescope.systems.nuclei.find import predict_nuclei
from fatescope.systems.nuclei.settings import NucleiSettings

CLASSICAL = NucleiSettings(model="classical")
AS_ZARR = CLASSICAL.replace(labels="zarr")
ALONE = Execution(workers=1)


@pytest.fixture(scope="module")
def movie():
    return simulate_nuclei(NucleiMovieSettings(frames=2, height=128, width=160), seed=4).pixels


def objects_of(out):
    return (out / "objects.parquet").read_bytes()


def test_the_format_of_input_and_labels_changes_no_label(movie, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", movie, imagej=True, metadata={"axes": "TYX"})
    zarr.create_array(
        tmp_path / "z" / "a.zarr",
        data=movie,
        chunks=(1, 50, 60),
        dimension_names=["t", "y", "x"],
    )
    predict_nuclei(tmp_path / "a.tif", out=tmp_path / "one", settings=CLASSICAL, execution=ALONE)
    predict_nuclei(tmp_path / "z", out=tmp_path / "two", settings=AS_ZARR, execution=ALONE)
    assert objects_of(tmp_path / "one") == objects_of(tmp_path / "two")
    first = read_labels(tmp_path / "one" / "labels" / "a.tif")
    second = read_labels(tmp_path / "two" / "labels" / "a.ome.zarr")
    assert (first.axes, first.dtype) == (second.axes, second.dtype)
    np.testing.assert_array_equal(first.read(), second.read())
    assert not list((tmp_path / "two").rglob("*.tif"))
    said = json.loads((tmp_path / "two" / "run.json").read_text())["inputs"][0]
    assert said["path"] == str(tmp_path / "z" / "a.zarr")
    assert said["bytes"] > 10_000
    report = (tmp_path / "two" / "report.html").read_text()
    assert report.count("<path") > 5, "outlines are drawn from the Zarr labels"


def test_a_damaged_or_missing_chunk_is_made_again_and_fresh_removes_the_folder(movie, tmp_path):
    out = tmp_path / "out"
    tifffile.imwrite(tmp_path / "a.tif", movie[0])

    def again(**more):
        return predict_nuclei(
            tmp_path / "a.tif", out=out, settings=AS_ZARR, execution=ALONE, **more
        )

    again()
    chunk = out / "labels" / "a.ome.zarr" / "0" / "c" / "0" / "0"
    before, made = chunk.read_bytes(), chunk.stat().st_mtime_ns
    again()
    assert chunk.stat().st_mtime_ns == made, "nothing was done twice"
    chunk.write_bytes(b"damaged")
    again()
    assert chunk.read_bytes() == before
    shutil.rmtree(chunk.parents[2])
    again()
    assert chunk.read_bytes() == before
    again(fresh=True)
    assert chunk.read_bytes() == before
    predict_nuclei(tmp_path / "a.tif", out=out, settings=CLASSICAL, execution=ALONE, fresh=True)
    assert [p.name for p in (out / "labels").iterdir()] == ["a.tif"]


def test_a_changed_chunk_of_the_input_is_noticed(movie, tmp_path):
    path = tmp_path / "a.zarr"
    array = zarr.create_array(path, data=movie[0], chunks=(64, 64))
    predict_nuclei(path, out=tmp_path / "out", settings=CLASSICAL, execution=ALONE)
    before = objects_of(tmp_path / "out")
    array[:64, :64] = 0
    predict_nuclei(path, out=tmp_path / "out", settings=CLASSICAL, execution=ALONE)
    assert objects_of(tmp_path / "out") != before


def test_a_folder_that_a_killed_run_left_is_removed(movie, tmp_path):
    out = tmp_path / "out"
    tifffile.imwrite(tmp_path / "a.tif", movie[0])
    predict_nuclei(tmp_path / "a.tif", out=out, settings=AS_ZARR, execution=ALONE)
    half = out / "labels" / ".0123.fatescope-part" / "0"
    half.mkdir(parents=True)
    (half / "zarr.json").write_text("{")
    predict_nuclei(tmp_path / "a.tif", out=out, settings=AS_ZARR, execution=ALONE)
    assert not half.parent.exists()
