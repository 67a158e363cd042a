"""Data sets listed, fetched from a server on this machine, packed and unpacked again."""

from __future__ import annotations

import csv
import hashlib
import json
import socket
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import tifffile
from tests.acquire.data_sets.server import Server
from typer.main import get_command
from typer.testing import CliRunner

import fatescope as fs
from fatescope.base import Execution, FileFormatError, InputError, RunError
from fatescope.cli.main import load_commands
from fatescope.engine.diff import diff_results
from fatescope.prepare import PairSettings, read_samples
from fatescope.systems.data.fetch import RENDERED, fetch_data, list_data
from fatescope.systems.data.pack import pack_data

FILES = {"a.csv": b"x\n1\n", "deep/b.csv": b"y\n" + b"2\n" * 100_000}


def registry(folder, server, files=FILES):
    rows = ", ".join(
        f'["{n}", "{hashlib.sha256(d).hexdigest()}", {len(d)}]' for n, d in files.items()
    )
    path = folder / "registry.toml"
    path.write_text(
        f'[mine]\nwhat = "two files"\nlicence = "CC0"\ncite = "me"\nhome = "https://example.com"\n'
        f'base = "{server.url()}"\nfiles = [{rows}]\n'
    )
    return path


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_the_list_names_data_sets_and_what_is_rendered_offline():
    found = list_data()
    assert "epic-tables (58 files, 70 MB)" in found.lines
    told = found.as_json()
    assert told["data_sets"][0]["files"][0]["sha256"]
    commands = get_command(load_commands(None)).commands
    for name in RENDERED:
        group, command = name.split()
        assert command in commands[group].commands, name
    assert set(commands["simulate"].commands) == {n.split()[1] for n in RENDERED}


def test_a_known_data_set_is_fetched_once_with_its_datasheet(tmp_path):
    with Server(FILES) as server:
        known = registry(tmp_path, server)
        found = fetch_data("mine", out=tmp_path / "out", registry=known)
        n_asked = len(server.asked)
        fetch_data("mine", out=tmp_path / "out", registry=known)
        assert len(server.asked) == n_asked == 2
    assert (found.units_done, found.exit_code) == (2, 0)
    assert names(tmp_path / "out") == ["a.csv", "datasheet.md", "deep/b.csv"]
    assert (tmp_path / "out/deep/b.csv").read_bytes() == FILES["deep/b.csv"]
    sheet = (tmp_path / "out/datasheet.md").read_text()
    assert "Licence: CC0" in sheet
    assert "Cite: me" in sheet


def test_a_fetch_that_broke_off_is_continued_by_the_same_command(tmp_path):
    with Server(FILES) as server:
        known = registry(tmp_path, server)
        server.files["deep/b.csv"] = FILES["deep/b.csv"]
        server.files, server.breaks_after = {"a.csv": FILES["a.csv"]}, None
        with pytest.raises(RunError, match="the server answers 404"):
            fetch_data("mine", out=tmp_path / "out", registry=known)
        server.files, server.breaks_after = FILES, 70_000
        with pytest.raises(RunError, match="same command continues"):
            fetch_data("mine", out=tmp_path / "out", registry=known)
        assert names(tmp_path / "out") == ["a.csv", "deep/.b.csv.download"]
        fetch_data("mine", out=tmp_path / "out", registry=known)
        assert server.asked[-1] == ("deep/b.csv", "bytes=70000-")
    assert names(tmp_path / "out") == ["a.csv", "datasheet.md", "deep/b.csv"]


def test_a_file_of_another_content_is_not_written_over(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.csv").write_text("mine\n")
    with Server(FILES) as server, pytest.raises(RunError, match="exists with another content"):
        fetch_data("mine", out=tmp_path / "out", registry=registry(tmp_path, server))
    assert (tmp_path / "out" / "a.csv").read_text() == "mine\n"


def test_without_a_network_there_is_one_sentence(tmp_path, monkeypatch):
    def refuse(*words, **_):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    said = CliRunner().invoke(
        load_commands(), ["data", "fetch", "epic-tables", "--out", str(tmp_path / "out")]
    )
    assert (said.exit_code, said.stderr.count("\n")) == (2, 1)
    assert "Look whether the network is on" in said.stderr
    with pytest.raises(InputError, match=r"by hand from https://github\.com/lopuhin"):
        fetch_data("nuclei-dsb2018", out=tmp_path / "out")
    with pytest.raises(InputError, match="neither a file, an address nor a known data set"):
        fetch_data("nothing", out=tmp_path / "out")
    with pytest.raises(InputError, match="a registry has its own"):
        fetch_data("epic-tables", out=tmp_path / "out", sha256="a" * 64)


@pytest.fixture
def pairs(tmp_path):
    """Training data whose images lie elsewhere, as `prepare pairs` leaves it."""
    for kind in ("images", "labels"):
        (tmp_path / "raw" / kind).mkdir(parents=True)
    rng = np.random.default_rng(1)
    for i in range(6):
        pixels = rng.integers(0, 255, (32, 32), np.uint8)
        tifffile.imwrite(tmp_path / "raw/images" / f"e{i}_0.tif", pixels)
        tifffile.imwrite(tmp_path / "raw/labels" / f"e{i}_0.tif", (pixels > 100).astype(np.uint8))
    patterns = PairSettings(
        images=str(tmp_path / "raw/images/*.tif"),
        labels=str(tmp_path / "raw/labels/*.tif"),
        unit="{unit}_{frame}",
    )
    fs.prepare_pairs([], out=tmp_path / "pairs", settings=patterns)
    return tmp_path / "pairs"


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_training_data_is_packed_with_its_images_and_read_elsewhere(pairs, tmp_path):
    found = pack_data(pairs, out=tmp_path / "p.zip", licence="CC-BY-4.0", about="Six squares.")
    assert "read back and compared" in found.lines[0]
    fetch_data(tmp_path / "p.zip", out=tmp_path / "elsewhere" / "there")
    there = tmp_path / "elsewhere" / "there"
    splits = ("train", "validation", "test")
    before, after = (read_samples(folder, splits=splits) for folder in (pairs, there))
    assert [(s.unit, s.split) for s in before] == [(s.unit, s.split) for s in after]
    for mine, theirs in zip(before, after, strict=True):
        assert theirs.image.read_bytes() == mine.image.read_bytes()
        assert theirs.labels.resolve().is_relative_to(there)
    sheet = (there / "datasheet.md").read_text()
    for words in ("Training data", "CC-BY-4.0", "Six squares.", "| train | "):
        assert words in sheet
    assert (there / "LICENSE").read_text() == "CC-BY-4.0\n"


def test_a_pack_has_the_same_bytes_and_no_path_of_this_machine(pairs, tmp_path):
    for name in ("1", "2"):
        pack_data(pairs, out=tmp_path / f"{name}.zip", licence="CC0")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        for name in archive.namelist():
            assert not name.startswith(("/", "."))
            assert str(tmp_path).encode() not in archive.read(name), name


def test_results_are_packed_and_the_same_after_unpacking(tmp_path):
    y, x = np.mgrid[:64, :64]
    disc = np.where((y - 20) ** 2 + (x - 20) ** 2 < 20, 180, 20).astype(np.uint8)
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "a.tif", disc)
    settings = fs.NucleiSettings(model="classical", diameter_px=9)
    for kind in ("tif", "zarr"):
        out = tmp_path / kind
        chosen = settings.replace(labels=kind)
        fs.predict_nuclei(tmp_path / "in", out=out, settings=chosen, execution=Execution(workers=1))
        fs.pack_data(out, out=tmp_path / f"{kind}.zip", licence="CC0")
        fs.fetch_data(tmp_path / f"{kind}.zip", out=tmp_path / f"{kind}-again")
        assert diff_results(out, tmp_path / f"{kind}-again").same
    there = tmp_path / "tif-again"
    assert not (there / "ledger.sqlite").exists()
    assert json.loads((there / "run.json").read_text())["inputs"][0]["path"] == "a.tif"
    assert "classical: 1 done" in (there / "datasheet.md").read_text()
    found = fs.query(there, "SELECT count(*) AS n FROM objects")
    assert found["n"].tolist() == [1]


def test_what_cannot_be_packed_is_one_sentence(pairs, tmp_path):
    with pytest.raises(InputError, match="under which licence"):
        pack_data(pairs, out=tmp_path / "p.zip")
    with pytest.raises(InputError, match=r"ends in \.zip"):
        pack_data(pairs, out=tmp_path / "p.tar", licence="CC0")
    with pytest.raises(InputError, match=r"holds neither samples\.csv"):
        pack_data(tmp_path, out=tmp_path / "p.zip", licence="CC0")
    (tmp_path / "there.zip").write_text("")
    with pytest.raises(InputError, match="exists"):
        pack_data(pairs, out=tmp_path / "there.zip", licence="CC0")
    (tmp_path / "raw/images/e3_0.tif").unlink()
    with pytest.raises(FileFormatError, match=r"e3_0\.tif is missing"):
        pack_data(pairs, out=tmp_path / "p.zip", licence="CC0")
    (pairs / "link").symlink_to(tmp_path / "there.zip")
    with pytest.raises(FileFormatError, match="is a link"):
        pack_data(pairs, out=tmp_path / "p.zip", licence="CC0")
    header = (pairs / "samples.csv").read_text().splitlines()[0]
    (pairs / "link").unlink()
    (pairs / "samples.csv").write_text(header + "\n")
    with pytest.raises(FileFormatError, match="has no row"):
        pack_data(pairs, out=tmp_path / "p.zip", licence="CC0")
    assert not (tmp_path / "p.zip").exists()


def test_a_licence_file_of_the_folder_is_enough(pairs, tmp_path):
    (pairs / "LICENSE").write_text("all rights to everybody\n")
    pack_data(pairs, out=tmp_path / "p.zip")
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        assert archive.read("LICENSE") == b"all rights to everybody\n"


def test_a_packed_zip_is_fetched_from_an_address_and_compared(pairs, tmp_path):
    pack_data(pairs, out=tmp_path / "p.zip", licence="CC0")
    data = (tmp_path / "p.zip").read_bytes()
    right = hashlib.sha256(data).hexdigest()
    with Server({"p.zip": data, "bad.zip": data[:-50]}) as server:
        with pytest.raises(RunError, match="was stated"):
            fetch_data(server.url("p.zip"), out=tmp_path / "out", sha256="b" * 64)
        with pytest.raises(
            FileFormatError, match=r"not a readable zip.*kept as .*bad-\w+\.zip\.wrong"
        ):
            fetch_data(server.url("bad.zip"), out=tmp_path / "bad")
        found = fetch_data(server.url("p.zip"), out=tmp_path / "out", sha256=right)
        with pytest.raises(InputError, match="is not empty"):
            fetch_data(server.url("p.zip"), out=tmp_path / "out")
    assert found.units_done == len(names(tmp_path / "out")) - 1  # the hashes are not counted
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
    with pytest.raises(RunError, match="Nothing was unpacked"):
        fetch_data(tmp_path / "p.zip", out=tmp_path / "new", sha256="b" * 64)
    with pytest.raises(FileFormatError, match="what --max-gb"):
        fetch_data(tmp_path / "p.zip", out=tmp_path / "new", max_gb=1e-6)
    assert not (tmp_path / "new").exists()


def test_a_pack_that_is_killed_leaves_no_zip_and_the_same_command_makes_it(pairs, tmp_path):
    with (pairs / "large.bin").open("wb") as stream:
        stream.truncate(3 * 10**9)
    words = ["data", "pack", "pairs", "--licence", "CC0", "--out", "p.zip"]
    command = [sys.executable, "-m", "fatescope", *words]
    process = subprocess.Popen(command, cwd=tmp_path)
    while not list(tmp_path.glob(".*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert not (tmp_path / "p.zip").exists()
    (pairs / "large.bin").unlink()
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    fetch_data(tmp_path / "p.zip", out=tmp_path / "out")
