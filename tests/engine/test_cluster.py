"""Units over Dask: the same results as anywhere else, and sentences where there is no cluster."""

from __future__ import annotations

import json
import logging
import socket
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.engine.units import (
    as_for_another_version,
    deadly,
    fussy,
    slow_square,
    square,
    tasks_of,
)

from fatescope.base import Execution, FileFormatError, MissingExtraError, RunError, SettingsError
from fatescope.engine import cluster as module
from fatescope.engine import read_cluster_file
from fatescope.engine.execute import map_units

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def address():
    """A scheduler with two workers in threads of this process, as an address."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster.scheduler_address


def outcomes(function, units, where, **more):
    return dict(map_units(function, units, workers=None, cluster=where, **more))


def test_every_unit_gives_its_result_also_beyond_the_window(address, monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 3)
    told = []
    got = outcomes(square, list(range(10)), address, progress=lambda *p: told.append(p[:2]))
    assert got == {i: i * i for i in range(10)}
    assert told == [(i, 10) for i in range(1, 11)]


def test_an_error_costs_its_unit_alone_and_is_not_tried_again(address):
    got = outcomes(fussy, [1, 2, 3, 4, 5], address)
    assert [got[i] for i in (1, 2, 5)] == [1, 2, 5]
    assert isinstance(got[3], FileFormatError)
    assert str(got[3]) == "three.tif: is cut off. Copy it again."
    assert isinstance(got[4], KeyError)
    assert "in fussy" in "".join(got[4].__notes__)


def test_no_units_need_no_cluster():
    assert outcomes(square, [], "tcp://127.0.0.1:1") == {}


def test_an_early_end_leaves_nothing_at_the_scheduler(address):
    mapped = map_units(slow_square, list(range(50)), workers=None, cluster=address)
    next(mapped)
    with distributed.Client(address, set_as_default=False) as client:
        assert client.run_on_scheduler(tasks_of) > 0
        mapped.close()
        until = time.monotonic() + 200
        while client.run_on_scheduler(tasks_of) and time.monotonic() < until:
            time.sleep(0.05)
        assert client.run_on_scheduler(tasks_of) == 0
    assert outcomes(square, [3], address) == {3: 9}


def test_another_version_on_a_worker_is_a_sentence_for_each_unit(address, monkeypatch):
    monkeypatch.setattr(module, "_in_worker", as_for_another_version)
    got = outcomes(square, [3, 4], address)
    assert set(got) == {3, 4}
    for error in got.values():
        assert isinstance(error, RunError)
        assert f"has fatescope {module.__version__}, and this is 0.0.0.other" in str(error)


@pytest.mark.parametrize(
    "where", ["tcp://127.0.0.1:{free}", "127.0.0.1:{free}", "nonsense", "tcp://127.0.0.1:99999"]
)
def test_a_scheduler_that_does_not_answer_is_one_sentence(where):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    with pytest.raises(RunError, match="no Dask scheduler answers there") as caught:
        outcomes(square, [1], where.format(free=free))
    assert "\n" not in str(caught.value)


def test_a_missing_package_names_the_extra(monkeypatch):
    import importlib

    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"the package distributed.*\[cluster\]"):
        outcomes(square, [1], "tcp://127.0.0.1:1")


FILES = {
    'kind = "mars"': r"c\.toml: kind = 'mars'",
    "workers = 0": r"c\.toml: workers = 0",
    "worker = 2": r"c\.toml: .*worker",
    'kind = "ssh"': r"c\.toml: .*needs hosts",
    "kind = ": r"c\.toml: is no TOML",
}


@pytest.mark.parametrize(("text", "sentence"), FILES.items(), ids=FILES.keys())
def test_a_file_that_says_what_no_cluster_knows_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=sentence):
        outcomes(square, [1], str(path))


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(SettingsError, match=r"c\.toml: cannot be read"):
        outcomes(square, [1], str(tmp_path / "c.toml"))


def test_an_option_that_dask_refuses_is_one_sentence(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("[options]\nno_such_option = true\nprocesses = false\n")
    with pytest.raises(RunError, match=r"c\.toml: the cluster cannot be started .*no_such_option"):
        outcomes(square, [1], str(path))


def test_the_file_of_the_documentation_describes_slurm_jobs(tmp_path):
    jobqueue = pytest.importorskip("dask_jobqueue")
    text = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
    path = tmp_path / "c.toml"
    path.write_text(text.split("```toml\n")[1].split("```")[0])
    said = read_cluster_file(path)
    assert (said.kind, said.workers) == ("slurm", 200)
    script = jobqueue.slurm.SLURMJob("tcp://host:1", "name", **said.options).job_script()
    assert "#SBATCH -p short" in script
    assert "--nthreads 1" in script


LOCAL = 'kind = "local"\nworkers = 2\n'


def test_labels_are_measured_on_a_cluster_as_in_one_process(address, tmp_path, monkeypatch):
    from fatescope.acquire import write_labels
    from fatescope.base import Spacing
    from fatescope.measurement import MeasureSettings
    from fatescope.systems.labels.measure import measure_files

    monkeypatch.chdir(tmp_path)
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8) // 8
    like = {"shape": pixels.shape, "axes": "YX", "dtype": "u1", "spacing": Spacing()}
    for folder, names in (("images", "ab"), ("labels", "a")):
        for name in names:
            write_labels(Path(folder) / f"{name}.tif", pixels, **like)
    (tmp_path / "labels" / "b.tif").write_bytes(b"II*\0broken")
    for out, execution in (("one", Execution(workers=1)), ("two", Execution(cluster=address))):
        summary = measure_files(
            Path("images"),
            Path("labels"),
            out=Path(out),
            settings=MeasureSettings(),
            execution=execution,
        )
        assert (summary.units_done, summary.units_failed) == (1, 1)
    assert Path("one/objects.csv").read_bytes() == Path("two/objects.csv").read_bytes()
    inputs = json.loads(Path("two/run.json").read_text())["inputs"]
    assert inputs[0]["path"] == [str(tmp_path / f / "a.tif") for f in ("images", "labels")]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # a warning that is an error ends Dask's restart of a worker
def test_a_lost_worker_costs_a_retry_and_then_its_unit_alone(tmp_path):
    (tmp_path / "c.toml").write_text(LOCAL)
    got = outcomes(partial(deadly, by="signal"), list(range(6)), str(tmp_path / "c.toml"))
    assert [got[i] for i in (0, 1, 3, 4, 5)] == [0, 1, 3, 4, 5]
    with pytest.raises(RunError, match="2: the workers that tried it were lost"):
        raise got[2]


@pytest.mark.slow
def test_a_night_on_a_cluster_has_the_bytes_of_one_process(tmp_path, monkeypatch):
    import tifffile

    from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
    from fatescope.systems.nuclei.find import predict_nuclei
    from fatescope.systems.nuclei.settings import NucleiSettings

    movie = simulate_nuclei(NucleiMovieSettings(frames=4, height=128, width=160), seed=4)
    (tmp_path / "in").mkdir()
    for i, pixels in enumerate(movie.pixels):
        tifffile.imwrite(tmp_path / "in" / f"{i}.tif", pixels)
    (tmp_path / "in" / "broken.tif").write_bytes(b"II*\0broken")
    (tmp_path / "c.toml").write_text(LOCAL)
    monkeypatch.chdir(tmp_path)
    settings = NucleiSettings(model="classical")
    one = predict_nuclei(
        tmp_path / "in", out="one", settings=settings, execution=Execution(workers=1)
    )
    two = predict_nuclei(
        tmp_path / "in", out="two", settings=settings, execution=Execution(cluster="c.toml")
    )
    assert (one.units_done, one.units_failed) == (two.units_done, two.units_failed) == (4, 1)
    names = ["objects.parquet", "objects.csv", "findings.csv"]
    names += [f"labels/{i}.tif" for i in range(4)]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
