"""Lineages edited in the browser: the cells of one table, edits, checks, the new table."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response

from fatescope.acquire.lineages import LineageReading
from fatescope.app.context import page, person, sent_form
from fatescope.app.result_pages import job_of
from fatescope.app.reviewing import lineage_journal, lineages_of
from fatescope.app.store import NotHereError
from fatescope.base import InputError
from fatescope.lineage.lint import LintSettings
from fatescope.systems.registry import question_named

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from fatescope.app.context import Context
    from fatescope.app.store import Job
    from fatescope.systems.lineages.review import LineageReview

_SHOWN = 5000
"""So many cells of a table are listed."""
_LONGEST_LINE = 2000


def _review_of(request: Request) -> tuple[Context, Job, Path, LineageReview]:
    app, job, out = job_of(request)
    files, text = lineages_of(job, out), request.path_params["number"]
    if not text.isdecimal() or int(text[:9]) >= len(files):
        raise NotHereError("there is no such lineage in this result. Its files may be gone.")
    known = {k: v for k, v in job.settings.items() if k in LineageReading.model_fields}
    reading = LineageReading.from_values(known)
    return app, job, out, app.reviews.lineage(job, out, files[int(text)], reading)


def show_lineage(request: Request) -> Response:
    """Show the cells of a lineage, to be edited."""
    app, job, _, review = _review_of(request)
    return page(
        request,
        "lineage",
        job=job,
        question=question_named(job.question),
        data=next((d for d in app.store.all_data(job.person) if d.id == job.data), None),
        title=review.file.key,
        address=request.url.path,
    )


def cells(request: Request) -> Response:
    """Give the cells as they are now, and what can be undone."""
    _, _, _, review = _review_of(request)
    return JSONResponse(_as_it_is(review))


def _as_it_is(review: LineageReview) -> dict[str, Any]:
    found = review.cells()
    return {**review.state, "cells": found[:_SHOWN], "total": len(found)}


def cell(request: Request) -> Response:
    """Give all rows of one cell."""
    _, _, _, review = _review_of(request)
    text = request.query_params.get("row", "")
    if not text.isdecimal() or len(text) > 9:
        raise InputError("row must be a whole number.")
    return JSONResponse(review.spots(int(text)))


def check(request: Request) -> Response:
    """Check the lineage as it is now, and give the findings."""
    app, job, _, review = _review_of(request)
    known = {k: v for k, v in job.settings.items() if k in LintSettings.model_fields}
    revision, found = review.findings(LintSettings.from_values(known))
    rows = [
        {
            "rule": f.rule,
            "severity": f.severity,
            "frame": f.frame,
            "cells": f.object.split("|") if f.object else [],
            "reason": app.words(f.reason, job),
        }
        for f in found
    ]
    lost = app.words("; ".join(review.lost()), job)
    return JSONResponse({"revision": revision, "findings": rows, "lost": lost})


def history(request: Request) -> Response:
    """List who edited what, when and why."""
    _, _, _, review = _review_of(request)
    table = review.listed()
    columns = {name: table[name].tolist() for name in table.columns}
    return JSONResponse([{n: c[i] for n, c in columns.items()} for i in range(len(table))])


async def edit(request: Request) -> Response:
    """Do one line of ``lineage edit``, undo or redo; the answer comes when it is on the disk."""
    form = await sent_form(request)
    return await run_in_threadpool(_edit, request, form)


def _edit(request: Request, form: dict[str, str]) -> Response:
    _, _, _, review = _review_of(request)
    what, line, seen = request.path_params["what"], form.get("line", ""), form.get("seen", "")
    if not seen.isdecimal() or len(seen) > 9:
        raise InputError("what was sent does not say which state of the lineage it is about.")
    why = " ".join(form.get("why", "").split())
    if len(line) > _LONGEST_LINE or len(why) > _LONGEST_LINE:
        raise InputError(f"this is longer than {_LONGEST_LINE} letters. Shorten it.")
    committed = partial(review.commit, who=person(request), why=why, seen=int(seen))
    if what == "do":
        committed([line])
    elif what in ("undo", "redo"):
        committed(undo=int(what == "undo"), redo=int(what == "redo"))
    else:
        raise NotHereError("there is no such edit.")
    return JSONResponse(_as_it_is(review))


def export(request: Request) -> Response:
    """Give the table as it is now: what ``lineage edit`` writes."""
    _, _, out, review = _review_of(request)
    plain = request.query_params.get("format") == "csv"  # holds any link
    path = lineage_journal(out, review.file.key).with_suffix(".links.csv" if plain else ".csv")
    review.write(path, format="csv" if plain else None)
    name = f"{review.file.key.replace('/', '_')}_{'links' if plain else 'edited'}.csv"
    return FileResponse(path, filename=name, media_type="application/octet-stream")


def script(request: Request) -> Response:
    """Give the edits that hold as the lines of a script for ``lineage edit --script``."""
    _, _, _, review = _review_of(request)
    text = "".join(f"{step.text}\n" for step in review.history.done)
    headers = {"content-disposition": 'attachment; filename="edits.txt"'}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)
