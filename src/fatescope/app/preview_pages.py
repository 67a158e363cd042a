"""The image on the form of a question, and what the settings at hand give on what is seen of it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from fatescope.acquire import find_images, open_image
from fatescope.acquire.reading import ImageReading
from fatescope.app.context import context, person, sent_form
from fatescope.app.form import values_from
from fatescope.app.looking import IMAGES
from fatescope.app.planes import Pyramid
from fatescope.app.previewing import region_within
from fatescope.app.result_pages import PNG, described, grey_or_colour, whole_number
from fatescope.app.results import limits_of_plane
from fatescope.app.store import NotHereError
from fatescope.app.words import in_words
from fatescope.base import FatescopeError, InputError
from fatescope.systems.registry import question_named

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from fatescope.app.context import Context
    from fatescope.app.looking import Look, Seen
    from fatescope.base import Image


def _image_of(
    request: Request, reading: ImageReading | None = None
) -> tuple[Context, str, Look, Seen, Image]:
    app, who = context(request), person(request)
    data = app.store.data(who, request.path_params["data"])
    look = app.look(who, data.id)
    n = whole_number(request.path_params, "number")
    if n >= len(look.seen) or look.seen[n].kind not in IMAGES:
        raise NotHereError("there is no such image among these files.")
    seen = look.seen[n]
    changed = seen.path.stat().st_mtime_ns
    image = _opened(seen.path, seen.scene, changed, reading or ImageReading())
    return app, who, look, seen, image


@lru_cache(maxsize=32)
def _opened(path: Path, scene: str | None, changed: int, reading: ImageReading) -> Image:
    file, *_ = find_images([path], scene=scene)
    return open_image(file, reading)


def _plane(app: Context, seen: Seen, image: Image, at: dict[str, int]) -> Pyramid:
    key = (seen.path, seen.scene, seen.path.stat().st_mtime_ns, tuple(sorted(at.items())))
    return app.planes.get(key, lambda: Pyramid(image, at, labels=False))


def describe_preview(request: Request) -> Response:
    """Say what the viewer needs to know of an image, and get ready to answer about it."""
    app, _, _, seen, image = _image_of(request)
    app.previews.warm()
    at = {"T": 0, "Z": image.size("Z") // 2}
    planes = [_plane(app, seen, image, {**at, "C": c}) for c in range(image.size("C"))]
    return JSONResponse(
        described(image, seen.name, [limits_of_plane(p) for p in planes], plane=at["Z"])
    )


def preview_tile(request: Request) -> Response:
    """Give one tile of an image."""
    app, _, _, seen, image = _image_of(request)

    def plane(at: dict[str, int]) -> Pyramid:
        return _plane(app, seen, image, at)

    body = grey_or_colour(request, plane)
    if body is None:
        return Response(status_code=404)
    return Response(body, media_type="image/png", headers=PNG)


async def preview(request: Request) -> Response:
    """Answer about the part of an image that is in view."""
    sent = await sent_form(request)
    return await run_in_threadpool(_preview, request, sent)


def _preview(request: Request, sent: dict[str, str]) -> Response:
    app, who, look, _, _ = _image_of(request)
    question = question_named(request.path_params["question"])
    if "labels" not in question.views:
        raise InputError("this question has no preview.")
    try:
        values = values_from(question, look, sent, models=app.models_of(who, question))
        _, values = look.given_to(question, values)
        known = {k: v for k, v in values.items() if k in ImageReading.model_fields}
        *_, image = _image_of(request, ImageReading.from_values(known))
        view: Any = tuple(float(sent.get(f"view_{side}", "")) for side in _SIDES)
        frame, plane = (whole_number(sent, f"view_{axis}") for axis in "tz")
        region = region_within(image, view, frame=frame, plane=plane)
        return JSONResponse(app.previews.of(question, image, region, values))
    except FatescopeError as error:  # such as a number that is half typed: as for the estimate
        said = str(error)
    except ValueError:
        said = "what was sent names no view of the image."
    said = in_words(said, folder=app.store.folder, question=question)
    return JSONResponse({"problem": said})


_SIDES = ("top", "left", "bottom", "right")
