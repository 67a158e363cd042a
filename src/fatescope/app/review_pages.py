"""Corrections from the browser: labels edited, findings decided, pairs saved for training."""

from __future__ import annotations

import json
import math
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response

from fatescope.acquire import encode_rois
from fatescope.app.context import go, person, sent_form
from fatescope.app.result_pages import job_of, pair_of, table_of
from fatescope.app.store import NotHereError
from fatescope.base import InputError
from fatescope.engine import decide_finding
from fatescope.systems.labels.edit import LabelEdit
from fatescope.systems.labels.pairs import save_pairs
from fatescope.systems.registry import question_named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request

    from fatescope.systems.labels.review import LabelReview

_LARGEST_EDIT = 2_000_000  # bytes; not measured
_LARGEST_ROIS = 400_000_000  # pixels: 1.6 GB of labels
_NOTHING: dict[str, Any] = {"edits": 0, "undo": "", "redo": "", "revisions": {}, "checked": []}


async def _sent(request: Request) -> dict[str, Any]:
    """Return the object of JSON that was sent."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_EDIT:
            raise InputError("this edit is larger than any drawn by hand. Draw it in parts.")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("what was sent is no edit.") from error
    if not isinstance(said, dict):
        raise InputError("what was sent is no edit.")
    return said


def review_state(request: Request) -> Response:
    """Say what was corrected in an image, and what can be undone."""
    app, job, out, pair = pair_of(request)
    review = app.reviews.of(job, out, pair)
    return JSONResponse(_NOTHING if review is None else review.state)


def review_history(request: Request) -> Response:
    """List who corrected what, and when."""
    app, job, out, pair = pair_of(request)
    review = app.reviews.of(job, out, pair)
    return JSONResponse([] if review is None else review.listed())


async def edit_labels(request: Request) -> Response:
    """Do one edit; the answer comes when it is on the disk."""
    said = await _sent(request)

    def do(review: LabelReview, who: str) -> dict[str, Any]:
        edit = LabelEdit.from_values(said)
        return {"label": review.edit(edit, who=who), "frame": edit.frame}

    return await run_in_threadpool(_changed, request, do)


async def undo_edit(request: Request) -> Response:
    """Take the last edit back."""
    return await run_in_threadpool(_changed, request, lambda r, who: {"frame": r.undo(who=who)})


async def redo_edit(request: Request) -> Response:
    """Bring back what was undone last."""
    return await run_in_threadpool(_changed, request, lambda r, who: {"frame": r.redo(who=who)})


async def check_plane(request: Request) -> Response:
    """Note that a plane is right as it is, or that it is not."""
    said = await _sent(request)
    frame, plane, yes = said.get("frame"), said.get("plane"), said.get("yes")
    numbers = [n for n in (frame, plane) if isinstance(n, int) and 0 <= n < 10**9]
    if len(numbers) != 2 or not isinstance(yes, bool):
        raise InputError("what was sent names no plane.")

    def do(review: LabelReview, who: str) -> dict[str, Any]:
        review.check(numbers[0], numbers[1], yes=yes, who=who)
        return {}

    return await run_in_threadpool(_changed, request, do)


def _changed(request: Request, do: Callable[[LabelReview, str], dict[str, Any]]) -> Response:
    app, job, out, pair = pair_of(request)
    if "labels" not in question_named(job.question).views or job.is_open:
        raise InputError("this result has no labels that can be corrected.")
    review = app.reviews.of(job, out, pair, begin=True)
    assert review is not None
    said = do(review, person(request))
    return JSONResponse({**review.state, **said})


def export_labels(request: Request) -> Response:
    """Give the labels, the table or the outlines of an image, as they are now."""
    app, job, out, pair = pair_of(request)
    review = app.reviews.of(job, out, pair)
    what = request.path_params["what"]
    name = pair.key.replace("/", "_")
    if review is not None and review.edited:
        name += "_corrected"
    if what == "labels":
        path = pair.labels_file if review is None else review.write_labels()
        if path.is_dir():
            raise InputError("these labels are a folder (OME-Zarr): download everything.")
        return _file(path, f"{name}{path.suffix}")
    if what == "objects":
        table = table_of(out, review)
        return _file(table.with_suffix(".csv"), f"{name}.csv")
    if what == "rois":
        labels = pair.labels if review is None else review.as_image()
        pixels = math.prod(labels.shape)
        if pixels > _LARGEST_ROIS:
            raise InputError(
                f"outlines of {pixels / 1e6:,.0f} megapixels are too many for Fiji. Use the labels."
            )
        headers = {"content-disposition": f'attachment; filename="{_plain(name)}_rois.zip"'}
        return Response(encode_rois(labels), media_type="application/zip", headers=headers)
    raise NotHereError("there is no such export of an image.")


def _file(path: Path, name: str) -> Response:
    return FileResponse(path, filename=name, media_type="application/octet-stream")


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII)


async def decide(request: Request) -> Response:
    """Write the status of one finding."""
    form = await sent_form(request)
    return await run_in_threadpool(_decide, request, form)


def _decide(request: Request, form: dict[str, str]) -> Response:
    app, job, out = job_of(request)
    row = form.get("row", "")
    if job.is_open or not row.isdecimal():
        raise InputError("findings can be decided when the job has ended.")
    with app.deciding:
        found = decide_finding(
            out / "findings.csv",
            int(row[:9]),
            form.get("status", ""),
            rule=form.get("rule", ""),
        )
    return JSONResponse({"row": int(row), "status": found["status"]})


async def make_pairs(request: Request) -> Response:
    """Save what is checked as training pairs, and ask how to adapt a model with them."""
    form = await sent_form(request)
    return await run_in_threadpool(_make_pairs, request, form)


def _make_pairs(request: Request, form: dict[str, str]) -> Response:
    app, job, out = job_of(request)
    who = person(request)
    question = question_named(job.question)
    channel = form.get("channel", "0")
    reviews = list(app.reviews_of(job, out))
    if sum(len(review.checked()) for review in reviews) < 2:
        raise InputError(
            "two images are needed, corrected or ticked as right: one to learn from and one to "
            "see whether it helped. Correct or tick more of them."
        )
    title = next((d.title for d in app.store.all_data(who) if d.id == job.data), "files")
    data = app.store.add_data(who, f"Corrected: {title}"[:80])
    folder = app.store.folder_of(who, "data", data.id)
    with ExitStack() as undo:
        undo.callback(app.store.remove_data, who, data.id)
        save_pairs(reviews, out=folder, channel=int(channel[:3]) if channel.isdecimal() else 0)
        undo.pop_all()
    app.bytes_by_person.pop(who, None)
    begun = str(job.settings.get("model", question.adapts))
    start = f"?start={begun}" if begun == question.adapts else ""
    return go(f"/data/{data.id}/ask/adapt{start}" if question.adapts else f"/data/{data.id}")
