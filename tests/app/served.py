"""The app on a free port, and clients that speak to it below the level of a browser."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import uvicorn

from fatescope.app import AppSettings, make_app
from fatescope.app.server import _listen
from fatescope.app.store import OWNER, Store
from fatescope.storage import list_files


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Client:
    """One browser: it keeps its cookie, and says where its requests come from."""

    port: int
    cookie: str = ""
    headers: dict = field(default_factory=dict)

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        given = {"Host": f"127.0.0.1:{self.port}", "Accept": "application/json"}
        if method not in ("GET", "HEAD"):
            given["Origin"] = f"http://127.0.0.1:{self.port}"
        if self.cookie:
            given["Cookie"] = self.cookie
        given |= {k.replace("_", "-"): v for k, v in headers.items()} | self.headers
        given = {k: v for k, v in given.items() if v is not None}
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            data = body if body is not None else b""
            if method not in ("GET", "HEAD") and "Content-Length" not in given:
                given["Content-Length"] = str(len(data))
            for name, value in given.items():
                connection.putheader(name, value)
            with contextlib.suppress(ConnectionError):  # refused before all was sent
                connection.endheaders(data or None)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, _headers=None, **form):
        return self.ask("POST", path, urlencode(form).encode(), **(_headers or {}))

    def enter(self, token):
        answer = self.get(f"/?token={quote(token)}")
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def add_data(self, title="files"):
        return self.post("/data", title=title).json["id"]

    def put(self, data, name, body, folders=(), **headers):
        query = urlencode(
            [("name", name), *(("folder", f) for f in folders)], errors="surrogatepass"
        )
        return self.ask("PUT", f"/data/{data}/files?{query}", body, **headers)

    def run(self, data, question, **form):
        answer = self.post(f"/data/{data}/ask/{question}", **form)
        assert answer.status == 303, answer.text
        return answer.headers["location"]

    def wait(self, result, seconds=400):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now = self.get(f"{result}/state").json
            if now["state"] not in ("waiting", "running"):
                return now
            time.sleep(0.1)
        raise AssertionError(f"{result} did not end: {now}")


def until(true, seconds=120):
    """Wait until what another thread or process does has come true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


@dataclass
class Served:
    port: int
    store: Store
    spent: list

    def client(self, person=OWNER):
        client = Client(self.port)
        assert client.enter(self.store.make_link(person)).status == 303
        return client


@contextlib.contextmanager
def served(folder, port=0, **settings):
    """Serve the app from a folder until the end of the block."""
    chosen = AppSettings(folder=folder, port=port, browser=False, **settings)
    listening = _listen(chosen.port)
    store, spent = Store(chosen.folder), []
    app = make_app(chosen, store=store, spent=lambda: spent.append(1))
    config = uvicorn.Config(app, log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.02)
    try:
        yield Served(listening.getsockname()[1], store, spent)
    finally:
        server.should_exit = True
        thread.join(300)  # the database is closed after the last who uses it
        listening.close()
        store.close()


def tree(folder):
    """Return every file below a folder with its content; what the app writes itself apart."""
    found = {}
    for path in list_files(folder):
        if not path.name.startswith("app.sqlite") and "rehearsals" not in path.parts:
            with contextlib.suppress(FileNotFoundError):  # it went while files were listed
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found
