"""A small web server on this machine that can resume, fail and break off."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """``files`` by path; each request is kept in ``asked`` as (path, range)."""

    daemon_threads = True

    def __init__(self, files, *, ranges=True):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.ranges = dict(files), ranges
        self.breaks_after = None
        self.moved = {}
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path=""):
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def __exit__(self, *error):
        self.shutdown()
        super().__exit__(*error)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def do_GET(self):
        server, path = self.server, self.path[1:]
        asked = self.headers.get("Range")
        server.asked.append((path, asked))
        if path in server.moved:
            self.send_response(302)
            self.send_header("Location", server.moved[path])
            self.end_headers()
            return
        if path not in server.files:
            self.send_error(404)
            return
        data = server.files[path]
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
        if begin >= len(data) > 0 and asked:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        rest = data[begin:]
        if server.breaks_after is not None:
            rest, server.breaks_after = rest[: server.breaks_after], None
        self.wfile.write(rest)
