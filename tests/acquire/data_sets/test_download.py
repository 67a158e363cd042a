"""A file over http from this machine: resumed, compared, and never half in its place."""

import hashlib

import pytest
from tests.acquire.data_sets.server import Server

from fatescope.acquire.data_sets import check_address, download
from fatescope.base import InputError, RunError

DATA = bytes(range(256)) * 4000
SHA = hashlib.sha256(DATA).hexdigest()


def fetch(server, target, path="a.bin", sha256=SHA, most=10**7, progress=None):
    download(server.url(path), target, sha256=sha256, most_bytes=most, progress=progress)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_file_comes_whole_and_says_how_far_it_is(tmp_path):
    said = []
    with Server({"a.bin": DATA}) as server:
        fetch(server, tmp_path / "a", sha256=SHA.upper(), progress=lambda *n: said.append(n))
    assert (tmp_path / "a").read_bytes() == DATA
    assert names(tmp_path) == ["a"]
    assert said[-1] == (len(DATA), len(DATA))


@pytest.mark.parametrize("ranges", [True, False], ids=["resumes", "begins anew"])
def test_a_download_that_broke_off_continues(tmp_path, ranges):
    with Server({"a.bin": DATA}, ranges=ranges) as server:
        server.breaks_after = 300_000
        with pytest.raises(RunError, match=r"cannot be reached.*same command continues"):
            fetch(server, tmp_path / "a")
        assert names(tmp_path) == [".a.download"]
        assert (tmp_path / ".a.download").stat().st_size == 300_000
        fetch(server, tmp_path / "a")
    assert server.asked[1] == ("a.bin", "bytes=300000-")
    assert (tmp_path / "a").read_bytes() == DATA
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("waiting", [DATA, DATA + b"more"], ids=["all of it", "too much"])
def test_what_waits_and_is_complete_or_too_long_is_settled(tmp_path, waiting):
    (tmp_path / ".a.download").write_bytes(waiting)
    with Server({"a.bin": DATA}) as server:
        fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA


def test_a_wrong_hash_loses_nothing_and_says_so(tmp_path):
    with Server({"a.bin": DATA}) as server:
        with pytest.raises(RunError, match=r"SHA-256 .* was stated\. It is kept as .*a\.wrong"):
            fetch(server, tmp_path / "a", sha256="0" * 64)
        assert names(tmp_path) == ["a.wrong"]
        assert (tmp_path / "a.wrong").read_bytes() == DATA
        fetch(server, tmp_path / "a")
    assert names(tmp_path) == ["a", "a.wrong"]


def test_a_file_that_is_larger_than_expected_is_refused(tmp_path):
    with Server({"a.bin": DATA}) as server, pytest.raises(RunError, match="is larger than"):
        fetch(server, tmp_path / "a", most=1000)
    assert not (tmp_path / "a").exists()


def test_a_missing_file_and_a_missing_server_are_sentences(tmp_path):
    with Server({}) as server, pytest.raises(RunError, match="the server answers 404"):
        fetch(server, tmp_path / "a")
    with pytest.raises(RunError, match="Look whether the network is on"):
        download("http://127.0.0.1:9/a", tmp_path / "a", sha256=None, most_bytes=9)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "url", ["http://example.com/a", "ftp://example.com/a", "file:///etc/passwd", "a.zip", ""]
)
def test_only_https_is_fetched_also_after_a_redirect(tmp_path, url):
    with pytest.raises(InputError, match="https://"):
        check_address(url)
    with Server({}) as server:
        server.moved["a.bin"] = "http://example.com/a"
        with pytest.raises(InputError, match="https://"):
            fetch(server, tmp_path / "a")
        server.files["b.bin"] = DATA
        server.moved["a.bin"] = server.url("b.bin")
        fetch(server, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == DATA
    check_address("https://example.com/a")
