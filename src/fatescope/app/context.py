"""What every page needs: the store, the queue, results, and a way to answer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jinja2
from starlette.responses import HTMLResponse, RedirectResponse

from fatescope._version import __version__
from fatescope.app.looking import Look, look_at_data
from fatescope.app.planes import PlaneCache
from fatescope.app.previewing import Previews
from fatescope.app.results import Pair, Results, rows_of_images
from fatescope.app.reviewing import Reviews
from fatescope.app.words import in_words
from fatescope.base import FatescopeError, InputError
from fatescope.systems.labels.review import journal_of
from fatescope.systems.registry import question_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from fatescope.app.queue import Queue
    from fatescope.app.results import ShownImage
    from fatescope.app.settings import AppSettings
    from fatescope.app.store import Job, Store
    from fatescope.systems.labels.review import LabelReview
    from fatescope.systems.question import Question

_LARGEST_FORM = 100_000  # bytes; a field takes at most 400 letters (`form`)
_HERE = Path(__file__).parent


@dataclass(slots=True, kw_only=True)
class Context:
    """One running app."""

    settings: AppSettings
    store: Store
    queue: Queue
    results: Results = field(default_factory=Results)
    reviews: Reviews = field(default_factory=Reviews)
    planes: PlaneCache = field(default_factory=PlaneCache)
    previews: Previews = field(init=False)
    deciding: threading.Lock = field(default_factory=threading.Lock)
    bytes_by_person: dict[str, int] = field(default_factory=dict)
    bytes_coming: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.previews = Previews(self.store.folder)

    def look(self, person: str, data: str) -> Look:
        """Say what the files of a person are; done again where they have changed."""
        folder = self.store.folder_of(person, "data", data)
        status = (p.stat() for p in (folder, *(d for d in folder.rglob("*") if d.is_dir())))
        return _look(folder, tuple(s.st_mtime_ns for s in status))

    def models_of(self, person: str, question: Question) -> dict[str, str]:
        """Return the models that a person adapted and that fit a question, the newest first.

        Names are as a form shows them; values say where the packages are.
        """
        shipped = {*question.choices.get("model", ()), *question.choices.get("start", ())}
        shipped.update(*(role.choices for role in question.roles.values()))
        titles = {d.id: d.title for d in self.store.all_data(person)}
        found: dict[str, tuple[str, str]] = {}  # by place: what it began with, and its name
        for job in reversed(self.store.jobs(person)):
            package = self.store.folder_of(person, "results", job.id) / "package"
            kept = (package / "rdf.yaml").exists() and not (package.parent / "tuned").exists()
            if job.question not in ("adapt", "train") or not kept:  # else it is the first one
                continue
            begun = str(job.settings.get("start") or job.settings.get("recipe", "nuclei"))
            begun = found[begun][0] if begun in found else begun
            title = titles.get(job.data, "images").removeprefix("Corrected: ")
            how = "adapted to" if job.question == "adapt" else "trained on"
            found[str(package)] = begun, f"{begun} {how} {title} ({job.id[:6]})"
        fitting = [(name, place) for place, (begun, name) in found.items() if begun in shipped]
        return dict(reversed(fitting))

    def pair(self, job: Job, out: Path, number: int) -> Pair:
        """Return an image of a result and its labels, read as the job read it.

        Raises
        ------
        InputError
            If there is no such image, or it has no labels.
        """
        found = self.shown(job, out, number)
        if not isinstance(found, Pair):
            raise InputError(f"{found.key}: it has no labels here. Run the question again.")
        return found

    def shown(self, job: Job, out: Path, number: int) -> ShownImage:
        """Return an image of a result, read as the job read it."""
        return self.results.shown(job, out, number)

    def words(self, text: str, job: Job) -> str:
        """Return a sentence of a job for a page."""
        return in_words(text, folder=self.store.folder, question=question_named(job.question))

    def reviews_of(self, job: Job, out: Path) -> Iterator[LabelReview]:
        """Yield the review of each image of a result that somebody corrected."""
        for number, row in enumerate(rows_of_images(out)):
            if journal_of(out, str(row["image"])).exists():
                review = self.reviews.of(job, out, self.pair(job, out, number))
                if review is not None:
                    yield review

    def n_checked(self, job: Job, out: Path) -> int:
        """Count the planes of a result that may be used for training."""
        try:
            return sum(len(review.checked()) for review in self.reviews_of(job, out))
        except FatescopeError:  # what is wrong is said where somebody corrects
            return 0


@lru_cache(maxsize=64)
def _look(folder: Path, changed: tuple[int, ...]) -> Look:
    return look_at_data(folder)


def context(request: Request) -> Context:
    """Return the app that a request came to."""
    found: Context = request.app.state.context
    return found


def person(request: Request) -> str:
    """Return who asks, as `Access` found out."""
    return str(request.scope["person"])


async def sent_form(request: Request) -> dict[str, str]:
    """Return the fields of a form.

    Raises
    ------
    InputError
        If it is larger than any form of ours.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_FORM:
            raise InputError("what was sent is larger than any form of the app.")
    text = body.decode("utf-8", errors="replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=300))
    except ValueError as error:
        raise InputError("what was sent is no form of the app.") from error


def page(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    """Fill a template."""
    text = (
        _templates()
        .get_template(f"{name}.html.j2")
        .render(version=__version__, path=request.url.path, **values)
    )
    return HTMLResponse(text, status_code=status)


def go(address: str) -> Response:
    """Send the browser to another page, after a form."""
    return RedirectResponse(address, status_code=303)


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["ago"] = ago
    templates.filters["bytes"] = bytes_in_words
    templates.filters["seconds"] = seconds_in_words
    return templates


def ago(then: float) -> str:
    """Say how long ago something was."""
    return f"{seconds_in_words(time.time() - then)} ago"


def seconds_in_words(seconds: float) -> str:
    """Return a time as a person says it.

    Examples
    --------
    >>> seconds_in_words(7200)
    '2 h'
    """
    for size, word in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(1, seconds):.0f} s"


def bytes_in_words(n: float) -> str:
    """Return a number of bytes as a person says it.

    Examples
    --------
    >>> bytes_in_words(1_500_000)
    '1.5 MB'
    """
    for size, word in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n >= size:
            return f"{n / size:.3g} {word}"
    return f"{n:.0f} bytes"
