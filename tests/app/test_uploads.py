"""What is sent arrives whole or not at all, and within limits."""

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.app.served import served, tree, until

from fatescope.app import store, uploads


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app") / "files"
    with served(folder, largest_file="200kB", largest_sum="500kB") as running:
        yield running


@pytest.fixture
def client(app):
    client = app.client(f"person-{time.monotonic_ns()}")
    client.data = client.add_data("a")
    return client


def test_bytes_arrive_as_they_were_sent(app, client):
    body = bytes(range(256)) * 700
    assert client.put(client.data, "a.bin", body).status == 201
    found = [v for k, v in tree(app.store.folder).items() if client.data in k]
    assert found == [body]


def test_a_file_above_the_limit_is_refused_before_it_is_sent(app, client):
    before = tree(app.store.folder)
    answer = client.put(client.data, "a.tif", b"", Content_Length="10000000000")
    assert answer.status == 413
    assert "larger than the 200 kB" in answer.json["problem"]
    assert "command line" in answer.json["problem"]
    assert tree(app.store.folder) == before


def test_a_file_that_does_not_say_its_length_is_cut_off_at_the_limit(app, client):
    before = tree(app.store.folder)
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=300)
    connection.putrequest("PUT", f"/data/{client.data}/files?name=a.tif", skip_host=True)
    host = f"127.0.0.1:{app.port}"
    for name, value in (("Host", host), ("Origin", f"http://{host}"), ("Cookie", client.cookie)):
        connection.putheader(name, value)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    try:
        for _ in range(20):
            connection.send(piece)
        connection.send(b"0\r\n\r\n")
    except OSError:
        pass  # the server has hung up
    try:
        assert connection.getresponse().status == 413
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()
    until(lambda: tree(app.store.folder) == before)


def test_the_sum_of_a_persons_files_is_limited(client):
    for n in range(2):
        assert client.put(client.data, f"{n}.tif", b"x" * 199_000).status == 201
    answer = client.put(client.data, "3.tif", b"x" * 199_000)
    assert answer.status == 413
    assert "are left of what your files may take" in answer.json["problem"]
    assert client.post(f"/data/{client.data}/remove").status == 303
    data = client.add_data("b")
    assert client.put(data, "3.tif", b"x" * 199_000).status == 201


def test_files_that_come_at_the_same_time_are_counted_once(client):
    def put(n):
        return client.put(client.data, f"{n}.tif", b"x" * 10_000).status

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(put, range(20))) == {201}
    assert client.put(client.data, "a.tif", b"x" * 199_000).status == 201
    assert client.put(client.data, "b.tif", b"x" * 100_000).status == 201
    assert client.put(client.data, "c.tif", b"x" * 2_000).status == 413


def test_files_that_are_sent_at_once_share_one_limit(client):
    """None of them was there when the others began."""
    meet = threading.Barrier(8)

    def put(n):
        meet.wait()
        return client.put(client.data, f"{n}.tif", b"x" * 120_000).status

    with ThreadPoolExecutor(8) as pool:
        sent = sorted(pool.map(put, range(8)))
    assert sent == [201] * 4 + [413] * 4
    assert client.put(client.data, "last.tif", b"x" * 20_000).status == 201  # all is given back
    assert client.put(client.data, "more.tif", b"x" * 1_000).status == 413


def test_a_file_that_is_sent_again_counts_once(client):
    for _ in range(6):
        assert client.put(client.data, "a.tif", b"x" * 199_000).status == 201
    assert client.put(client.data, "b.tif", b"x" * 199_000).status == 201
    assert client.put(client.data, "a.tif", b"x" * 190_000).status == 201
    assert client.put(client.data, "c.tif", b"x" * 111_000).status == 201
    assert client.put(client.data, "d.tif", b"x" * 1_000).status == 413


def test_a_file_that_goes_while_files_are_counted_is_no_fault(tmp_path, monkeypatch):
    files = store.Store(tmp_path)
    folder = files.folder_of(store.OWNER, "data", files.add_data(store.OWNER, "a").id)
    (folder / "a.tif").write_bytes(b"x" * 10)
    (folder / f".0{store.PART_SUFFIX}").write_bytes(b"x" * 100)
    found = [*store.list_files(folder), folder / "gone.tif"]
    monkeypatch.setattr(store, "list_files", lambda top: found)
    assert files.bytes_of(store.OWNER) == 10


def test_a_full_disk_is_said(client, monkeypatch):
    monkeypatch.setattr(uploads, "_SPARE_BYTES", 10**18)
    answer = client.put(client.data, "a.tif", b"x")
    assert answer.status == 413
    assert "left on the disk" in answer.json["problem"]


def test_an_upload_that_breaks_off_leaves_nothing_and_is_no_bug(app, client, caplog):
    before = tree(app.store.folder)
    host = f"127.0.0.1:{app.port}"
    head = (
        f"PUT /data/{client.data}/files?name=a.tif HTTP/1.1\r\nHost: {host}\r\n"
        f"Origin: http://{host}\r\nCookie: {client.cookie}\r\nContent-Length: 100000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", app.port)) as connection:
        connection.sendall(head.encode() + b"x" * 5000)
        until(lambda: tree(app.store.folder) != before)
    until(lambda: tree(app.store.folder) == before)
    assert not [r for r in caplog.records if r.name.startswith("fatescope")]


def test_the_same_name_again_takes_the_place_of_the_first(app, client):
    client.put(client.data, "a.csv", b"first")
    client.put(client.data, "a.csv", b"second")
    assert [v for k, v in tree(app.store.folder).items() if client.data in k] == [b"second"]
