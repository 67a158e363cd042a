"""A result beside another of the same question, or beside what was corrected in it by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.app.context import page
from fatescope.app.result_pages import job_of
from fatescope.engine.diff import diff_results
from fatescope.evaluate import pool_scores, score_labels
from fatescope.pages.result import ResultFolder
from fatescope.systems.registry import question_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from fatescope.evaluate import LabelScores
    from fatescope.systems.labels.review import LabelReview

CORRECTIONS = "corrections"


def compare(request: Request) -> Response:
    """Say how a result differs from another one, or from what it was corrected to."""
    app, job, out = job_of(request)
    chosen = request.query_params.get("with", "")
    if chosen == CORRECTIONS:
        other, answers = None, []
        lines = corrected_lines([r for r in app.reviews_of(job, out) if r.edited])
    else:
        other = app.store.job(job.person, chosen)
        folder = app.store.folder_of(job.person, "results", other.id)
        answers = [ResultFolder(f).answer for f in (out, folder)]
        names = {str(out): "this result", str(folder): "the other"}
        lines = []
        for line in diff_results(out, folder).as_lines():
            for path, name in names.items():
                line = line.replace(path, name)
            lines.append(app.words(line, job))
    return page(
        request,
        "compare",
        job=job,
        other=other,
        question=question_named(job.question),
        answers=answers,
        lines=lines,
    )


def corrected_lines(reviews: Sequence[LabelReview]) -> list[str]:
    """Return how far labels were from what they were corrected to, in all and image by image."""
    scores = {review.key: pool_scores(list(_frames_scored(review))) for review in reviews}
    if not scores:
        return ["Nothing was corrected in this result."]
    whole = pool_scores(list(scores.values()))
    n, missed, added = whole.n_true, whole.fn(50), whole.fp(50)
    first = (
        f"Of {n:,} objects as corrected, {n - missed:,} had been outlined (half of their area or "
        f"more in common): F1 {whole.f1(50):.3f}. {missed:,} had been missed, {added:,} were none."
    )
    rows = [
        f"{key}: {s.n_pred:,} objects before, {s.n_true:,} as corrected, F1 {s.f1(50):.3f}"
        for key, s in scores.items()
    ]
    return [first, *rows]


def _frames_scored(review: LabelReview) -> Iterator[LabelScores]:
    for frame in range(review.labels.size("T")):
        if review.revision(frame):
            yield score_labels(review.frame(frame), review.labels.read(T=frame))
