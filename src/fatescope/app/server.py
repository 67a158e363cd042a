"""The app as a server on this machine: routes, errors as sentences, starting and stopping."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.app.access import Access
from fatescope.app.context import Context, context, page
from fatescope.app.queue import Queue
from fatescope.app.store import OWNER, NotHereError, Store
from fatescope.app.uploads import TooLargeError
from fatescope.app.words import in_words
from fatescope.base import FatescopeError, RunError
from fatescope.base.extras import imported
from fatescope.storage import remove
from fatescope.systems.lineages.review import ChangedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from fatescope.app.access import AsgiApp
    from fatescope.app.settings import AppSettings

_log = logging.getLogger(__name__)
HOST = "127.0.0.1"


def serve_app(settings: AppSettings, *, say: Callable[[str], None]) -> None:
    """Serve the app until Ctrl-C.

    Parameters
    ----------
    settings : AppSettings
    say : callable
        Gets the lines for the terminal: the link, and a new one after each use.

    Raises
    ------
    RunError
        If the port is taken or the folder cannot be used.
    MissingExtraError
        If the extra ``app`` is not installed.
    """
    uvicorn = imported("uvicorn")
    imported("starlette")
    listening = _listen(settings.port)
    port = listening.getsockname()[1]
    store = Store(settings.folder)
    store.forget_links()

    def show_link() -> None:
        say(f"next link, for another browser: {_link(store, port)}")

    app = make_app(settings, store=store, spent=show_link)
    say(f"fatescope is open at {_link(store, port)}")
    say(f"files and results: {store.folder}. The link opens once. Ctrl-C ends the app.")
    entry = None
    if settings.browser:
        entry = write_entry(store.folder, _link(store, port))
        threading.Timer(0.5, webbrowser.open, [entry.as_uri()]).start()
    config = uvicorn.Config(
        app, log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=3
    )
    try:
        with contextlib.suppress(KeyboardInterrupt):  # the usual end
            uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()
        store.close()
        if entry is not None:
            remove(entry.parent)


def write_entry(folder: Path, link: str) -> Path:
    """Write a page that sends a browser on to a link, and that nobody else can read.

    The command line of a browser can be read by everybody who works on the machine: it names this
    file and not the link.
    """
    private = folder / "opening"
    remove(private)  # of an app that was killed
    private.mkdir(mode=0o700)
    written, name = tempfile.mkstemp(suffix=".html", dir=private)  # 0600
    page = (
        "<!doctype html><title>fatescope</title>"
        f'<meta http-equiv="refresh" content="0; url={link}">'
        f'<p><a href="{link}">To fatescope</a></p>'
    )
    os.write(written, page.encode())
    os.close(written)
    return Path(name)


def _link(store: Store, port: int) -> str:
    return f"http://{HOST}:{port}/?token={store.make_link(OWNER)}"


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)  # a browser that is quicker than the server waits
    except OSError as error:
        listening.close()
        raise RunError(
            f"port {port} is in use, perhaps by an app that is open already. Give another one "
            "with --port, or --port 0 for any."
        ) from error
    return listening


def make_app(settings: AppSettings, *, store: Store, spent: Callable[[], None]) -> AsgiApp:
    """Return the app, guarded; its queue works from the first request to the last."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect

    @contextlib.asynccontextmanager
    async def living(app: Starlette) -> AsyncIterator[None]:
        queue = Queue(store)
        app.state.context = Context(settings=settings, store=store, queue=queue)
        try:
            yield
        finally:
            queue.close()
            app.state.context.previews.close()
            app.state.context.reviews.close()

    handlers = {
        FatescopeError: _known,
        HTTPException: _http,
        ClientDisconnect: _gone,
        Exception: _bug,
    }
    inner = Starlette(routes=_routes(), lifespan=living, exception_handlers=handlers)
    return Access(inner, store=store, spent=spent)


def _routes() -> list[BaseRoute]:
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    class Assets(StaticFiles):
        """Scripts and styles: a browser keeps them, and asks whether they changed."""

        def file_response(self, *args: Any, **more: Any) -> Response:
            response = super().file_response(*args, **more)
            response.headers["cache-control"] = "no-cache"
            return response

    from fatescope.app import (
        compare_pages,
        lineage_pages,
        linked_pages,
        model_pages,
        pages,
        preview_pages,
        result_pages,
        review_pages,
        uploads,
    )

    def route(path: str, endpoint: object, *methods: str) -> Route:
        return Route(path, endpoint, methods=list(methods or ("GET",)))  # type: ignore[arg-type]

    data, job = "/data/{data}", "/results/{job}"
    image = job + "/images/{number}"
    lineage = job + "/lineages/{number}"
    return [
        route("/", pages.home),
        route("/help", pages.help_page),
        route("/models", model_pages.models),
        route("/models/{name}", model_pages.model),
        route("/invite", pages.invite, "POST"),
        route("/examples/{name}", pages.add_example, "POST"),
        route("/data", pages.add_data, "POST"),
        route(data, pages.show_data),
        route(data + "/files", uploads.take_file, "PUT"),
        route(data + "/remove", pages.remove_data, "POST"),
        route(data + "/ask/{question}", pages.ask_page),
        route(data + "/ask/{question}", pages.run, "POST"),
        route(data + "/ask/{question}/estimate", pages.estimate, "POST"),
        route(data + "/ask/{question}/preview/{number}", preview_pages.preview, "POST"),
        route(data + "/images/{number}", preview_pages.describe_preview),
        route(
            data + "/images/{number}/{layer}/{t}/{z}/{level}/{x}/{y}.png",
            preview_pages.preview_tile,
        ),
        route(job, result_pages.show_result),
        route(job + "/state", result_pages.state),
        route(job + "/stop", result_pages.stop, "POST"),
        route(job + "/again", result_pages.again, "POST"),
        route(job + "/remove", result_pages.remove, "POST"),
        route(job + "/ask/{question}", result_pages.ask_of_result, "POST"),
        route(job + "/compare", compare_pages.compare),
        route(job + "/all.zip", result_pages.give_all),
        route(job + "/files/{name:path}", result_pages.give_file),
        route(job + "/linked/solid", linked_pages.solid),
        route(job + "/linked/tree", linked_pages.tree),
        route(job + "/linked/cells", linked_pages.listed_cells),
        route(job + "/linked/rows", linked_pages.rows_of_cell),
        route(job + "/linked/{name}", linked_pages.chart),
        route(image, result_pages.describe_result_image),
        route(image + "/at", result_pages.object_at),
        route(image + "/objects", result_pages.objects),
        route(image + "/review", review_pages.review_state),
        route(image + "/review/history", review_pages.review_history),
        route(image + "/review/edit", review_pages.edit_labels, "POST"),
        route(image + "/review/undo", review_pages.undo_edit, "POST"),
        route(image + "/review/redo", review_pages.redo_edit, "POST"),
        route(image + "/review/check", review_pages.check_plane, "POST"),
        route(image + "/export/{what}", review_pages.export_labels),
        route(lineage, lineage_pages.show_lineage),
        route(lineage + "/movie", lineage_pages.show_movie),
        route(lineage + "/rows", lineage_pages.rows),
        route(lineage + "/cells", lineage_pages.cells),
        route(lineage + "/cell", lineage_pages.cell),
        route(lineage + "/check", lineage_pages.check),
        route(lineage + "/history", lineage_pages.history),
        route(lineage + "/edits/{what}", lineage_pages.edit, "POST"),
        route(lineage + "/table.csv", lineage_pages.export_lineage),
        route(lineage + "/edits.txt", lineage_pages.script),
        route(job + "/findings", review_pages.decide, "POST"),
        route(job + "/pairs", review_pages.make_pairs, "POST"),
        route(image + "/{layer}/{t}/{z}/{level}/{x}/{y}.png", result_pages.tile),
        Mount("/static", Assets(directory=Path(__file__).parent / "static")),
    ]


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _answer(request: Request, status: int, sentence: str) -> Response:
    from starlette.responses import JSONResponse

    sentence = in_words(sentence, folder=context(request).store.folder)
    if _wants_page(request):
        return page(request, "error", status=status, sentence=sentence)
    return JSONResponse({"problem": sentence}, status_code=status)


def _known(request: Request, error: Exception) -> Response:
    statuses = {TooLargeError: 413, NotHereError: 404, ChangedError: 409}
    status = next((n for kind, n in statuses.items() if isinstance(error, kind)), 400)
    return _answer(request, status, str(error))


def _http(request: Request, error: Exception) -> Response:
    status = int(getattr(error, "status_code", 500))
    words = {404: "There is no such page. Begin on the first page.", 405: "That cannot be done."}
    return _answer(request, status, words.get(status, "That cannot be done."))


def _gone(request: Request, error: Exception) -> Response:
    return _answer(request, 400, "the browser closed the connection.")  # nobody reads it


def _bug(request: Request, error: Exception) -> Response:
    _log.error("a page failed", exc_info=error)
    kind = type(error).__name__
    return _answer(request, 500, f"this is a bug of fatescope ({kind}: {error}). Report it.")
