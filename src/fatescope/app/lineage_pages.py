"""Lineages edited in the browser: the cells of one table, edits, checks, the new table."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response

from fatescope.acquire.lineages import LineageReading
from fatescope.app.context import page, person, sent_form
from fatescope.app.movie_rows import changed_rows, every_row, movies_of, to_scale
from fatescope.app.result_pages import job_of
from fatescope.app.reviewing import editable_lineages, lineage_journal
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
_LONGEST_LINE = 2000  # letters of an edit, or of its reason; not measured


def review_of(request: Request) -> tuple[Context, Job, Path, LineageReview]:
    """Return the app, the job, its folder, and the lineage that an address names."""
    app, job, out = job_of(request)
    files, text = editable_lineages(job, out), request.path_params["number"]
    if not text.isdecimal() or int(text[:9]) >= len(files):
        raise NotHereError("there is no such lineage in this result. Its files may be gone.")
    asked = job.settings if "lineage" in question_named(job.question).takes else {}
    known = {k: v for k, v in asked.items() if k in LineageReading.model_fields}
    reading = LineageReading.from_values(known)  # none of what a result itself wrote
    return app, job, out, app.reviews.lineage(job, out, files[int(text)], reading)


def show_lineage(request: Request) -> Response:
    """Show the cells of a lineage, to be edited."""
    app, job, out, review = review_of(request)
    return page(
        request,
        "lineage",
        job=job,
        question=question_named(job.question),
        data=next((d for d in app.store.all_data(job.person) if d.id == job.data), None),
        title=review.file.key,
        address=request.url.path,
        on_movie=bool(movies_of(app, job, out, review.file.key)[1]),
    )


def show_movie(request: Request) -> Response:
    """Show a lineage over its movie, to be corrected there."""
    app, job, out, review = review_of(request)
    base, movies = movies_of(app, job, out, review.file.key)
    if not movies:
        raise NotHereError("there is no movie beside this lineage.")
    return page(
        request,
        "movie",
        job=job,
        question=question_named(job.question),
        title=review.file.key,
        address=request.url.path.removesuffix("/movie"),
        base=base,
        movies=movies,
    )


def rows(request: Request) -> Response:
    """Give every nucleus of a lineage as it is now, and what can be undone."""
    _, _, _, review = review_of(request)
    return JSONResponse({**review.state, **every_row(review.lineage)})


def cells(request: Request) -> Response:
    """Give the cells as they are now, and what can be undone."""
    _, _, _, review = review_of(request)
    return JSONResponse(_as_it_is(review))


def _as_it_is(review: LineageReview) -> dict[str, Any]:
    found = review.cells()
    return {**review.state, "cells": found[:_SHOWN], "total": len(found)}


def cell(request: Request) -> Response:
    """Give all rows of one cell."""
    _, _, _, review = review_of(request)
    text = request.query_params.get("row", "")
    if not text.isdecimal() or len(text) > 9:
        raise InputError("row must be a whole number.")
    return JSONResponse(review.spots(int(text)))


def check(request: Request) -> Response:
    """Check the lineage as it is now, and give the findings."""
    app, job, _, review = review_of(request)
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
    _, _, _, review = review_of(request)
    table = review.listed()
    columns = {name: table[name].tolist() for name in table.columns}
    return JSONResponse([{n: c[i] for n, c in columns.items()} for i in range(len(table))])


async def edit(request: Request) -> Response:
    """Do one line of ``lineage edit``, undo or redo; the answer comes when it is on the disk."""
    form = await sent_form(request)
    return await run_in_threadpool(_edit, request, form)


def _edit(request: Request, form: dict[str, str]) -> Response:
    app, job, out, review = review_of(request)
    what, line, seen = request.path_params["what"], form.get("line", ""), form.get("seen", "")
    if not seen.isdecimal() or len(seen) > 9:
        raise InputError("what was sent does not say which state of the lineage it is about.")
    why = " ".join(form.get("why", "").split())
    if len(line) > _LONGEST_LINE or len(why) > _LONGEST_LINE:
        raise InputError(f"this is longer than {_LONGEST_LINE} letters. Shorten it.")
    before = review.lineage
    committed = partial(review.commit, who=person(request), why=why, seen=int(seen))
    if what == "do":
        committed([line])
    elif what == "undo":
        committed(undo=review.steps_back)
    elif what == "redo":
        committed(redo=review.steps_on)
    elif what == "name":
        scaled = partial(to_scale, app, job, out, review.file.key)
        review.name_again(scaled, who=person(request), seen=int(seen))
    else:
        raise NotHereError("there is no such edit.")
    if form.get("answer") == "rows":
        return JSONResponse({**review.state, **changed_rows(before, review.lineage)})
    return JSONResponse(_as_it_is(review))


def export_lineage(request: Request) -> Response:
    """Give the table as it is now: what ``lineage edit`` writes."""
    _, _, out, review = review_of(request)
    plain = request.query_params.get("format") == "csv"  # holds any link
    path = lineage_journal(out, review.file.key).with_suffix(".links.csv" if plain else ".csv")
    review.write(path, format="csv" if plain else None)
    name = f"{review.file.key.replace('/', '_')}_{'links' if plain else 'edited'}.csv"
    return FileResponse(path, filename=name, media_type="application/octet-stream")


def script(request: Request) -> Response:
    """Give the edits that hold as the lines of a script for ``lineage edit --script``."""
    _, _, _, review = review_of(request)
    text = "".join(f"{step.text}\n" for step in review.history.done)
    headers = {"content-disposition": 'attachment; filename="edits.txt"'}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)
