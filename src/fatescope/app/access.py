"""Who is let in: this machine's own addresses, a link that opens once, then a cookie.

Every request passes here before anything else sees it. A page of another site can make a browser
send requests to this machine; so what changes something must come from our own pages (``Origin``),
and the name that the browser asked for must be one of this machine (a foreign name that resolves
to it would make a foreign page one of ours).
"""

from __future__ import annotations

import re
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from fatescope.app.store import A_MONTH, Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "fatescope"
_SAFE = ("GET", "HEAD")
_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
EMPTY_STYLE = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
"""The hash of nothing: an empty style element, which keeps the viewer from adding a full one."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' '{EMPTY_STYLE}'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""What a page of the app may load: what this server gives, and no script that stands in a page."""
REPORT_POLICY = "; ".join(
    (
        "sandbox allow-scripts allow-popups allow-downloads",
        "default-src 'none'",
        "script-src 'unsafe-inline'",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "font-src data:",
        "media-src data:",
        "frame-ancestors 'self'",
    )
)
"""A report is one file with its own scripts. It runs as a stranger: no cookie, no request."""
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_CLOSED = {
    "host": "This address is not one of this machine. Open the app by the link in the terminal.",
    "origin": "A page of another site asked for this. The app answers its own pages only.",
    "token": "This link was used already, or belongs to an earlier start. The terminal in which "
    "the app was started shows a new one after each use.",
    "cookie": "This browser has not been let in. Open the app by the link in the terminal in which "
    "it was started.",
}


class Access:
    """Let requests through to the app, with ``scope["person"]`` said, or answer them here.

    Parameters
    ----------
    app : ASGI application
    store : Store
    spent : callable
        Called when a link was used, so that a new one can be shown.
    """

    def __init__(self, app: AsgiApp, *, store: Store, spent: Callable[[], None]) -> None:
        self.app = app
        self.store = store
        self.spent = spent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the app opens no sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = _headers(scope)
        if (fault := _foreign(scope["method"], headers)) is not None:
            await _refuse(send, fault)
            return
        cookie_name = f"{COOKIE}_{(scope.get('server') or ('', 0))[1]}"
        person = self.store.person_of(_cookie(headers, cookie_name))
        token = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token")
        if token and scope["path"] == "/" and scope["method"] == "GET":
            await self._enter(send, token[0], cookie_name, known=person is not None)
        elif person is None:
            await _refuse(send, "cookie")
        else:
            scope["person"] = person
            await self.app(scope, receive, _with_headers(send))

    async def _enter(self, send: Send, token: str, cookie_name: str, *, known: bool) -> None:
        cookie = None if known else self.store.enter(token)
        if cookie is None and not known:
            await _refuse(send, "token")
            return
        extra = [(b"location", b"/")]
        if cookie is not None:
            self.spent()
            text = f"{cookie_name}={cookie}; Path=/; Max-Age={A_MONTH}; HttpOnly; SameSite=Lax"
            extra.append((b"set-cookie", text.encode()))
        await _answer(send, 303, b"", extra)


def _headers(scope: Scope) -> dict[str, str]:
    """Return headers by lower-case name; of one that is given twice, all, joined by a comma."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _foreign(method: str, headers: dict[str, str]) -> str | None:
    """Return why a request comes from elsewhere, or ``None``."""
    host = headers.get("host", "")
    if not _LOOPBACK.fullmatch(host):
        return "host"
    origin = headers.get("origin")
    if origin is not None and not _same(origin, host):
        return "origin"
    site = headers.get("sec-fetch-site", "same-origin")
    if method in _SAFE:
        opened = headers.get("sec-fetch-mode") == "navigate"
        return None if opened or site in ("same-origin", "none") else "origin"
    return None if origin is not None and site == "same-origin" else "origin"


def _same(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    bare = not (parts.path or parts.query or parts.fragment or parts.username)
    return bare and parts.scheme == "http" and parts.netloc.lower() == host.lower()


def _cookie(headers: dict[str, str], name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", []))
            names = {name.lower() for name, _ in given}
            given += [
                (name.encode(), value.encode())
                for name, value in HEADERS.items()
                if name.encode() not in names
            ]
            message = {**message, "headers": given}
        await send(message)

    return sending


async def _refuse(send: Send, why: str) -> None:
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Not let in</title>'
        f"<h1>Not let in</h1><p>{_CLOSED[why]}</p></html>"
    )
    await _answer(send, 403, page.encode(), [(b"content-type", b"text/html; charset=utf-8")])


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    common = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    length = [(b"content-length", str(len(body)).encode())]
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [*headers, *length, *common]})
    await send({"type": "http.response.body", "body": body})
