"""Pages of a result: how far it is, images with their labels, tables, files to take away."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from fatescope.acquire.lineages import find_lineages
from fatescope.app.access import REPORT_POLICY
from fatescope.app.context import context, go, page, person, sent_form
from fatescope.app.movie_rows import movies_of
from fatescope.app.pages import ways
from fatescope.app.planes import BRIGHTEST
from fatescope.app.results import (
    Pair,
    file_of,
    files_of_result,
    first_rows,
    object_row,
    objects_page,
    outline_of,
    rows_of_images,
    zipped,
)
from fatescope.app.reviewing import lineages_shown
from fatescope.app.tiles import Style, grey_tile, label_tile, n_levels, tile_side, tile_slices
from fatescope.app.words import without_folders
from fatescope.base import InputError
from fatescope.pages.findings import caution_sentence
from fatescope.pages.result import ResultFolder
from fatescope.systems.registry import question_named, questions
from fatescope.train.verdict import read_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from starlette.requests import Request

    from fatescope.acquire.lineages import LineageFile
    from fatescope.app.context import Context
    from fatescope.app.planes import Pyramid
    from fatescope.app.store import Job
    from fatescope.base import Image
    from fatescope.systems.labels.review import LabelReview
    from fatescope.systems.question import Question

_IMAGES_LISTED = 2000
_FINDINGS_SHOWN = 300
_TABLES = (".csv", ".tsv", ".txt", ".parquet")
_RGB = ("red", "green", "blue")
STRANGER = {
    "content-security-policy": REPORT_POLICY,
    "cross-origin-opener-policy": "unsafe-none",
}
"""A page of ours with scripts in it reaches nothing of the app."""
PNG = {"cache-control": "private, max-age=600"}
_FIRST_FILES = (
    *("report.html", "objects.csv", "objects.parquet", "spots.csv", "tracks.csv"),
    *("populations.csv", "differences.csv", "positions.csv"),
    *("treatments.csv", "fates.csv", "viability.csv", "images.csv", "findings.csv"),
)


def job_of(request: Request) -> tuple[Context, Job, Path]:
    """Return the app, the job of an address, and the folder of its results."""
    app, who = context(request), person(request)
    job = app.store.job(who, request.path_params["job"])
    return app, job, app.store.folder_of(who, "results", job.id)


def show_result(request: Request) -> Response:
    """Show how far a job is, or what came out."""
    app, job, out = job_of(request)
    question = question_named(job.question)
    files = files_of_result(out) if not job.is_open else []
    names = {name for name, _ in files}
    looked_at = {"images", "labels"} & {*question.views} and not job.is_open
    images = rows_of_images(out) if looked_at else []
    lineages = []
    if "tree" in question.views and not job.is_open:
        lineages = [file.key for file in lineages_of_result(job, out)]
    shown = [
        {"n": n, "image": r["image"], "n_objects": r.get("n_objects"), "well": r.get("well", "")}
        for n, r in enumerate(images[:_IMAGES_LISTED])
        if r.get("state") == "done" and not str(r.get("path", "")).lower().endswith(_TABLES)
    ]
    linked = linked_views(question, names, shown, lineages)
    firsts = [name for name in (*question.reports, *_FIRST_FILES) if name in names]
    firsts = list(dict.fromkeys(firsts))
    firsts += [n for n in sorted(names) if n.startswith(("labels/", "named/"))][:3]
    others = sorted(n for n, _ in files if n not in firsts)
    return page(
        request,
        "result",
        job=job,
        question=question,
        data=next((d for d in app.store.all_data(job.person) if d.id == job.data), None),
        before=app.store.n_before(job) if job.state == "waiting" else 0,
        errors=[app.words(e, job) for e in job.summary.get("errors", [])],
        message=app.words(job.message, job),
        images=shown,
        files=[(n, dict(files)[n]) for n in firsts],
        others=[(n, dict(files)[n]) for n in others],
        reports=[r for r in question.reports if r in names],
        model=model_of(out) if "run.json" in names else "",
        answer="" if job.is_open else answer_of(out, job, question),
        caution=app.words(caution_of(out, job, question), job) if "run.json" in names else "",
        findings=findings_shown(app, out, job),
        n_findings=len(ResultFolder(out).findings),
        n_checked=app.n_checked(job, out) if images and question.adapts else 0,
        linked=linked,
        lineages=lineages,
        wells=wells_of(out) if "wells" in linked else [],
        editable=[
            {**shown, "on_movie": bool(movies_of(app, job, out, shown["key"])[1])}
            for shown in lineages_shown(job, out)
        ],
        table={} if images or linked or job.is_open else first_rows(out, firsts),
        has_objects="objects.parquet" in names and "objects" in question.views,
        elsewhere=of_results() if _has_labels(names) else [],
        beside=others_of(app, job) if files else [],
        ways=ways(question, job.inputs, "results", dict(job.settings)),
    )


def answer_of(out: Path, job: Job, question: Question) -> str:
    """Return the sentence that answers: of a file that says it, of the page, or of the command."""
    said = read_verdict(out / question.says) if question.says else ""
    return said or ResultFolder(out).answer or str(job.summary.get("answer", ""))


def others_of(app: Context, job: Job) -> list[Job]:
    """Return the other results of the same question, the newest first."""
    return [
        other
        for other in app.store.jobs(job.person)
        if other.question == job.question and other.id != job.id and other.summary
    ]


def _has_labels(names: set[str]) -> bool:
    return any(name.startswith("labels/") for name in names)


def of_results() -> list[Question]:
    """Return what can be asked of the labels of a result, one choice each."""
    return [q for q in questions() if "result" in q.takes]


async def ask_of_result(request: Request) -> Response:
    """Put a question about the label images of a result into the queue."""
    sent = await sent_form(request)
    return await run_in_threadpool(_ask_of_result, request, sent)


def _ask_of_result(request: Request, sent: dict[str, str]) -> Response:
    app, job, out = job_of(request)
    question = question_named(request.path_params["question"])
    if question not in of_results() or not _has_labels({name for name, _ in files_of_result(out)}):
        raise InputError("this cannot be asked of a result. Choose a question on its page.")
    for name, role in question.roles.items():
        if sent.get(name) not in role.choices:
            raise InputError(f"{role.label}: choose one of the list.")
    asked = app.store.add_job(
        job.person,
        data=job.data,
        question=question.name,
        inputs=(out,),
        settings={name: sent[name] for name in question.roles},
    )
    app.queue.wake()
    return go(f"/results/{asked.id}")


_DEVICES = {"cpu": "the processor", "cuda": "the graphics card"}


def model_of(out: Path) -> str:
    """Return which model gave a result and where it was computed, in words; empty if none did."""
    model = ResultFolder(out).model
    if not model.get("sha256"):
        return ""
    device = str(model.get("device") or "cpu")
    return (
        f"Model {model['name']}, content {str(model['sha256'])[:12]}, "
        f"on {_DEVICES.get(device, device)}."
    )


def linked_views(
    question: Question,
    names: set[str],
    images: Sequence[Mapping[str, Any]],
    lineages: Sequence[str],
) -> list[str]:
    """Return which charts of a result can be linked with its page."""
    there = {
        "labels": bool(images) and "labels" in question.views,
        "images": bool(images) and "findings.csv" in names,
        "counts": "populations.csv" in names and bool(images),
        "tree": bool(lineages),
        "wells": "viability.csv" in names,
    }
    return [view for view in question.views if there.get(view)]


def lineages_of_result(job: Job, out: Path) -> list[LineageFile]:
    """Return the lineages of a result: those that it named, else those that were asked about."""
    named = out / "named"
    try:
        return find_lineages([named] if named.exists() else job.inputs)
    except InputError:
        return []


def wells_of(out: Path) -> list[tuple[int, str, str]]:
    """List the wells of a result: number of the plate, name of the well, and both in words."""
    table = ResultFolder(out).table("viability")
    pairs = dict.fromkeys(zip(table["plate"].tolist(), table["well"], strict=True))
    plates = list(dict.fromkeys(p for p, _ in pairs))
    return [(plates.index(p), w, f"{p} {w}" if len(plates) > 1 else w) for p, w in pairs]


def caution_of(out: Path, job: Job, question: Question) -> str:
    """Return what makes all numbers of a result doubtful; empty where nothing does."""
    result = ResultFolder(out)
    return caution_sentence(
        result.findings,
        result.record,
        n_images=int(job.summary.get("units_done", 0)),
        image=question.parts[0],
    )


def findings_shown(app: Context, out: Path, job: Job) -> list[dict[str, Any]]:
    """Return the first findings of a result as a page shows them: worst first."""
    rows = [{**r, "n": n} for n, r in enumerate(ResultFolder(out).findings)]
    rank = {"error": 0, "warning": 1}
    rows.sort(key=lambda r: rank.get(str(r.get("severity")), 2))
    known = {str(p): p.name for p in job.inputs}
    return [
        {
            **r,
            "file": known.get(str(r["file"]), str(r["file"]).rpartition("/")[2]),
            "frame": "" if r["frame"] is None else r["frame"],
            "reason": app.words(str(r["reason"]), job),
        }
        for r in rows[:_FINDINGS_SHOWN]
    ]


def state(request: Request) -> Response:
    """Say how far a job is."""
    app, job, _ = job_of(request)
    before = app.store.n_before(job) if job.state == "waiting" else 0
    return JSONResponse(
        {
            "state": job.state,
            "done": job.done,
            "total": job.total,
            "what": without_folders(job.what, app.store.folder),
            "before": before,
            "message": app.words(job.message, job),
            "trouble": app.words(app.queue.trouble, job),
        }
    )


async def stop(request: Request) -> Response:
    """Stop a job."""
    app, job, _ = job_of(request)
    await run_in_threadpool(app.queue.stop, job)
    return go(f"/results/{job.id}")


async def again(request: Request) -> Response:
    """Continue a job that was stopped or failed: what was done is kept."""
    app, job, _ = job_of(request)
    app.store.move_job(job.id, before=("stopped", "failed"), now="waiting")
    app.queue.wake()
    return go(f"/results/{job.id}")


async def remove(request: Request) -> Response:
    """Remove a result."""
    app, job, _ = job_of(request)
    app.reviews.forget(job)
    await run_in_threadpool(app.store.remove_job, job.person, job.id)
    return go("/")


def whole_number(values: Mapping[str, Any], name: str) -> int:
    """Return a whole number of an address or a form; 0 where there is none of that name.

    Raises
    ------
    InputError
        If it is something else.
    """
    text = str(values.get(name, 0))
    if not text.isdecimal() or len(text) > 9:
        raise InputError(f"{name} must be a whole number.")
    return int(text)


def pair_of(request: Request) -> tuple[Context, Job, Path, Pair]:
    """Return the app, the job, its folder, and the image with labels that an address names."""
    app, job, out = job_of(request)
    return app, job, out, app.pair(job, out, whole_number(request.path_params, "number"))


def describe_result_image(request: Request) -> Response:
    """Say what the viewer needs to know of an image."""
    app, job, out = job_of(request)
    shown = app.shown(job, out, whole_number(request.path_params, "number"))
    image = shown.image
    at = {"T": 0, "Z": image.size("Z") // 2}
    limits = [app.results.limits(job, shown, {**at, "C": c}) for c in range(image.size("C"))]
    about = described(image, shown.key, limits, plane=at["Z"])
    return JSONResponse(
        {
            **about,
            "labels": isinstance(shown, Pair),
            "solid": image.size("Z") > 1 and image.spacing.um("ZYX") is not None,
            "linked": bool(job.settings.get("link")),
        }
    )


def described(
    image: Image, name: str, limits: Sequence[Mapping[str, Any]], *, plane: int
) -> dict[str, Any]:
    """Return what a viewer needs to know of an image, and how bright each channel is shown."""
    um = image.spacing.um("YX")
    return {
        "image": name,
        "width": image.size("X"),
        "height": image.size("Y"),
        "frames": image.size("T"),
        "planes": image.size("Z"),
        "plane": plane,
        "channels": list(image.channels) or [str(c) for c in range(image.size("C"))],
        "colour": tuple(image.channels) == _RGB,
        "limits": list(limits),
        "pixel_um": None if um is None else um[1],
        "plane_um": (image.spacing.um("Z") or (None,))[0],
        "interval_min": image.spacing.interval_min,
        "tile": tile_side(image.size("Y"), image.size("X")),
        "levels": n_levels(image.size("Y"), image.size("X")),
    }


def tile(request: Request) -> Response:
    """Give one tile: grey, colour, or labels over nothing."""
    app, job, out = job_of(request)
    path, asked = request.path_params, request.query_params
    body: bytes | None
    if path["layer"] != "labels":
        shown = app.shown(job, out, whole_number(path, "number"))
        body = grey_or_colour(request, lambda at: app.results.plane(job, shown, at))
    else:
        at = {"T": whole_number(path, "t"), "Z": whole_number(path, "z")}
        pair = app.pair(job, out, whole_number(path, "number"))
        plane = app.results.labels(job, pair, at, app.reviews.of(job, out, pair))
        place = _place(request, plane)
        style: Style = "filled" if asked.get("style") == "filled" else "outlines"
        body = None if place is None else label_tile(plane, place, style)
    if body is None:
        return Response(status_code=404)
    return Response(body, media_type="image/png", headers=PNG)


def _place(request: Request, plane: Pyramid) -> tuple[int, slice, slice] | None:
    x, y, level = (whole_number(request.path_params, n) for n in ("x", "y", "level"))
    return tile_slices(plane, level, x, y)


def grey_or_colour(request: Request, plane: Callable[[dict[str, int]], Pyramid]) -> bytes | None:
    """Return the tile that an address names, as PNG; ``None`` if there is none."""
    path, asked = request.path_params, request.query_params
    brightest = asked.get("brightest") == "1"
    at = {"T": whole_number(path, "t"), "Z": BRIGHTEST if brightest else whole_number(path, "z")}
    colours = range(3) if path["layer"] == "colour" else (whole_number(asked, "c"),)
    planes = [plane({**at, "C": c}) for c in colours]
    place = _place(request, planes[0])
    return None if place is None else grey_tile(planes, [_limits(asked)] * len(planes), place)


def _limits(asked: Mapping[str, str]) -> tuple[float, float]:
    try:
        return float(asked.get("low", 0)), float(asked.get("high", 255))
    except ValueError as error:
        raise InputError("low and high must be numbers.") from error


def table_of(out: Path, review: LabelReview | None) -> Path:
    """Return the table of objects of an image as they are now."""
    run = out / "objects.parquet"
    return (
        run if review is None or not review.edited or not run.exists() else review.write_objects()
    )


def _frame(pair: Pair, t: int) -> int | None:
    return t if "T" in pair.labels.axes else None


def object_at(request: Request) -> Response:
    """Say which object is at a pixel, or all of one with a given label."""
    app, job, out, pair = pair_of(request)
    asked = request.query_params
    t, z = whole_number(asked, "t"), whole_number(asked, "z")
    review = app.reviews.of(job, out, pair)
    plane = app.results.labels(job, pair, {"T": t, "Z": z}, review)
    if "label" in asked:
        label = whole_number(asked, "label")
    else:
        y, x = whole_number(asked, "y"), whole_number(asked, "x")
        if y >= plane.height or x >= plane.width:
            return JSONResponse({"label": 0})
        label = int(plane.value(y, x))
    table = table_of(out, review)
    row = object_row(table, image=pair.key, frame=_frame(pair, t), label=label) if label else None
    if row is None:
        return JSONResponse({"label": label})
    box = tuple(int(row[f"bbox_{n}"]) for n in ("y0", "x0", "y1", "x1"))
    path = outline_of(plane, label, (box[0], box[1], box[2], box[3]))
    return JSONResponse({"label": label, "row": row, "box": box, "path": path})


def objects(request: Request) -> Response:
    """Give some rows of the table of objects."""
    app, job, out, pair = pair_of(request)
    asked = request.query_params
    found = objects_page(
        table_of(out, app.reviews.of(job, out, pair)),
        image=pair.key,
        frame=_frame(pair, whole_number(asked, "t")),
        order=asked.get("order", "label"),
        down=asked.get("down") == "1",
        offset=whole_number(asked, "offset"),
    )
    return JSONResponse(found)


def give_file(request: Request) -> Response:
    """Give a file of a result; a page of ours runs as a stranger."""
    _, _, out = job_of(request)
    name = request.path_params["name"]
    path = file_of(out, name)
    if request.query_params.get("show") == "1" and path.suffix in (".html", ".svg", ".png", ".jpg"):
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return FileResponse(path, media_type=kind, headers=STRANGER)
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


def give_all(request: Request) -> Response:
    """Give all files of a result as one zip."""
    _, job, out = job_of(request)
    name = f"fatescope-{job.question}-{job.id}.zip"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(zipped(out), media_type="application/zip", headers=headers)
