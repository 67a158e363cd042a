"""Who is let in, and who is not: asked below the level of a browser."""

import contextlib
import hashlib
import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.app.served import Client, served, until

PAGES = ("/", "/help", "/data/0", "/results/0", "/results/0/all.zip", "/static/app.css", "/nothing")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_shown_without_a_cookie(app, path):
    answer = Client(app.port).get(path)
    assert answer.status == 403
    assert "link in the terminal" in answer.text


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 50_000, "../../etc", "é", "'; DROP"])
def test_a_wrong_token_opens_nothing(app, token):
    answer = Client(app.port).enter(token)
    assert answer.status in (400, 403, 414, 431)
    assert "set-cookie" not in answer.headers


def test_a_link_longer_than_a_server_reads_opens_nothing(app):
    """The server answers and hangs up with the rest unread: the connection may be reset first."""
    client = Client(app.port)
    with contextlib.suppress(ConnectionError):
        assert client.enter("A" * 1_000_000).status in (400, 403, 414, 431)
    assert client.cookie == ""
    assert app.client().get("/").status == 200


def test_a_link_opens_once_and_a_new_one_is_announced(app):
    token, before = app.store.make_link("owner"), len(app.spent)
    first, second = Client(app.port), Client(app.port)
    assert first.enter(token).status == 303
    assert first.get("/").status == 200
    assert len(app.spent) == before + 1
    assert second.enter(token).status == 403
    assert second.get("/").status == 403


def test_a_browser_that_is_in_may_open_an_old_link_again(app):
    client = app.client()
    assert client.enter("spent long ago").headers["location"] == "/"


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(app):
    answer = Client(app.port).enter(app.store.make_link("owner"))
    said = answer.headers["set-cookie"]
    assert "HttpOnly" in said
    assert "SameSite=Lax" in said


def test_links_and_cookies_are_stored_as_hashes_alone(app):
    client = app.client()
    secret = client.cookie.partition("=")[2]
    files = [p for p in app.store.folder.iterdir() if p.is_file()]
    assert files
    assert not any(secret.encode() in p.read_bytes() for p in files)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "0.0.0.0", "", "[::2]"],
)
def test_a_foreign_host_name_is_refused(app, host):
    assert app.client().get("/", Host=host).status in (400, 403)


@pytest.mark.parametrize("host", ["localhost:9999", "127.0.0.1", "[::1]:1234", "LOCALHOST:1"])
def test_a_tunnel_may_use_another_port(app, host):
    assert app.client().get("/", Host=host).status == 200


ORIGINS = {
    "another site": "http://evil.example",
    "another port": "http://127.0.0.1:1",
    "another scheme": "https://127.0.0.1:{port}",
    "a sandbox": "null",
    "a longer name": "http://127.0.0.1:{port}.evil.example",
    "a user in front": "http://127.0.0.1:{port}@evil.example",
    "two": "http://127.0.0.1:{port}, http://evil.example",
    "none": None,
}


@pytest.mark.parametrize("origin", ORIGINS.values(), ids=ORIGINS)
def test_a_change_asked_for_by_a_page_of_another_origin_is_refused(app, origin):
    client = app.client()
    before = len(app.store.all_data("owner"))
    origin = origin and origin.format(port=app.port)
    answer = client.post("/data", _headers={"Origin": origin}, title="theirs")
    assert answer.status == 403
    assert len(app.store.all_data("owner")) == before


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_cannot_read_by_fetching(app, site):
    client = app.client()
    assert client.get("/", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors").status == 403
    assert client.get("/", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status == 200


def test_a_page_may_load_what_this_server_gives_and_no_script_that_stands_in_it(app):
    answer = app.client().get("/", Accept="text/html")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert " on" not in {w[:3] for w in answer.text.split('"') if w.endswith("=")}


def test_no_socket_is_opened(app):
    client = app.client()
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
    }
    assert client.ask(
        "GET", "/", **{k.replace("-", "_"): v for k, v in upgrade.items()}
    ).status in (
        200,  # uvicorn without a library for sockets answers as to any request
        403,
    )


def test_one_person_sees_nothing_of_another(app):
    mine, theirs = app.client("owner"), app.client("person-2")
    data = mine.add_data("my secret embryo")
    mine.put(data, "a.csv", b"well,treatment\nA01,none\n")
    job = app.store.add_job("owner", data=data, question="lint", inputs=[], settings={})
    app.store.move_job(job.id, before=("waiting", "running", "failed"), now="stopped")
    assert "my secret embryo" in mine.get("/", Accept="text/html").text
    assert "my secret embryo" not in theirs.get("/", Accept="text/html").text
    for path in (
        f"/data/{data}",
        f"/data/{data}/ask/lint",
        f"/results/{job.id}",
        f"/results/{job.id}/state",
        f"/results/{job.id}/all.zip",
        f"/results/{job.id}/files/run.json",
        f"/results/{job.id}/images/0",
    ):
        assert theirs.get(path).status == 404, path
    for path in (
        f"/data/{data}/remove",
        f"/data/{data}/ask/lint",
        f"/results/{job.id}/stop",
        f"/results/{job.id}/again",
        f"/results/{job.id}/remove",
    ):
        assert theirs.post(path).status == 404, path
    assert theirs.put(data, "b.csv", b"x").status == 404
    assert mine.get(f"/data/{data}").status == 200


def test_twenty_people_at_once_see_their_own_files_alone(app):
    there = threading.Barrier(20)
    data = {}

    def one(n):
        client = app.client(f"one-of-twenty-{n}")
        data[n] = client.add_data(f"embryo <{n}>")
        own = f"well,treatment\nA01,{n}\n".encode()
        assert client.put(data[n], f"map-{n}.csv", own).status == 201
        there.wait(60)  # all of them have files before anybody looks
        first = client.get("/", Accept="text/html").text
        page = client.get(f"/data/{data[n]}", Accept="text/html").text
        seen = {k for k in range(20) if f"embryo &lt;{k}&gt;" in first or f"map-{k}.csv" in page}
        others = {client.get(f"/data/{d}").status for k, d in data.items() if k != n}
        return seen, others, client.put(data[(n + 1) % 20], "b.csv", b"x").status

    with ThreadPoolExecutor(20) as people:
        answers = list(people.map(one, range(20)))
    assert answers == [({n}, {404}, 404) for n in range(20)]


def test_a_link_for_another_person_opens_files_of_their_own(app):
    mine = app.client("owner")
    mine.add_data("mine alone")
    page = mine.ask("POST", "/invite", b"", Accept="text/html").text
    token = page.partition("?token=")[2].partition("<")[0]
    guest = Client(app.port)
    assert guest.enter(token).status == 303
    assert "mine alone" not in guest.get("/", Accept="text/html").text


def test_a_cookie_still_opens_after_a_restart(tmp_path):
    with served(tmp_path / "files") as first:
        client = first.client()
        data = client.add_data("kept")
        port = first.port
    with served(tmp_path / "files", port=port):
        assert "kept" in client.get("/", Accept="text/html").text
        assert client.get(f"/data/{data}").status == 200


def test_a_session_ends_after_a_month(tmp_path):
    with served(tmp_path / "files") as app:
        old, young = app.client(), app.client()
        made = time.time() - 30 * 24 * 3600
        for client, seconds in ((old, -10), (young, 600)):
            hashed = hashlib.sha256(client.cookie.partition("=")[2].encode()).hexdigest()
            app.store._run("UPDATE doors SET made = ? WHERE hash = ?", made + seconds, hashed)
        assert old.get("/").status == 403
        assert young.get("/").status == 200


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_no_secret_stands_on_the_command_line_of_the_browser(tmp_path):
    """Other users of the machine read command lines, and not a file that is ours alone."""
    browser, said, folder = tmp_path / "browser", tmp_path / "said", tmp_path / "files"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$*" > {said}.part; mv {said}.part {said}\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "fatescope", "app", "--port", "0", "--folder", str(folder)]
    environment = {**os.environ, "BROWSER": f"{browser} %s"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            until(said.exists)
            entry = Path(unquote(urlsplit(said.read_text()).path))
            port, token = re.search(r":(\d+)/\?token=([\w-]+)", entry.read_text()).groups()
            assert token not in said.read_text()
            assert (entry.stat().st_mode & 0o777, entry.parent.stat().st_mode & 0o777) == (
                0o600,
                0o700,
            )
            assert Client(int(port)).enter(token).status == 303
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=120)
    assert not entry.exists()


def test_a_form_larger_than_any_of_ours_is_refused(app):
    answer = app.client().ask("POST", "/data", b"title=" + b"x" * 200_000)
    assert answer.status == 400
    assert "larger than any form" in answer.text


def test_two_requests_in_one_are_two_answers_or_a_refusal(app):
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=200)
    connection.putrequest("POST", "/data", skip_host=True)
    for name, value in {"Host": f"127.0.0.1:{app.port}", "Content-Length": "4"}.items():
        connection.putheader(name, value)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders(b"0\r\n\r\n")
    response = connection.getresponse()
    status, _ = response.status, response.read()
    connection.close()
    assert status in (400, 403)
