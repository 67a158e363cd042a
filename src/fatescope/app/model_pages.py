"""Pages of the models that ship: what each is for, its card, and where to drop an image for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire import read_table
from fatescope.app.cards import blocks_of
from fatescope.app.context import context, page, person
from fatescope.app.store import NotHereError
from fatescope.models import list_models
from fatescope.systems.registry import examples, questions

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from fatescope.app.cards import CardBlock
    from fatescope.systems.question import Question

_EXAMPLES = Path(__file__).parent / "static" / "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model as its page shows it.

    Parameters
    ----------
    name, summary : str
    megabytes : float
    blocks : tuple of CardBlock
    question : Question, optional
        Where it is used, if the app asks that.
    examples : tuple of (str, str)
        Addresses of images that it never saw, with what it made of them (drawn by
        ``python -m benchmarks.model_examples``), and words for each.
    no_examples : str
        Why there are none.
    """

    name: str
    summary: str
    megabytes: float
    blocks: tuple[CardBlock, ...]
    question: Question | None
    examples: tuple[tuple[str, str], ...] = ()
    no_examples: str = ""


@lru_cache(maxsize=1)
def cards() -> tuple[ModelCard, ...]:
    """Return the models that ship, read and checked once."""
    table = read_table(_EXAMPLES / "examples.csv")
    said: dict[str, list[str]] = {}
    for name, words in zip(table["model"].tolist(), table["words"].tolist(), strict=True):
        said.setdefault(name, []).append(words)
    reasons = {name: words for q in questions() for name, words in q.unrendered.items()}
    used = {name: q for q in questions() for name in q.choices.get("model", ())}
    return tuple(
        ModelCard(
            name=package.name,
            summary=package.description.summary,
            megabytes=sum(len(body) for body in package.files.values()) / 1e6,
            blocks=tuple(blocks_of(package.files["card.md"].decode("utf-8"))),
            question=used.get(package.name),
            examples=tuple(
                (f"/static/models/{package.name}-{n}.jpg", words)
                for n, words in enumerate(said.get(package.name, ()))
            ),
            no_examples=reasons.get(package.name, ""),
        )
        for package in list_models()
    )


def models(request: Request) -> Response:
    """List the models that ship, and those that this person adapted."""
    app, who = context(request), person(request)
    own = {
        name: question
        for question in questions()
        if question.adapts
        for name in app.models_of(who, question)
    }
    return page(request, "models", cards=cards(), own=own)


def model(request: Request) -> Response:
    """Show the card of a model, and ask for an image."""
    name = request.path_params["name"]
    card = next((c for c in cards() if c.name == name), None)
    if card is None:
        raise NotHereError("there is no such model among those that ship.")
    fitting = [e for e in examples() if card.question and e.name in card.question.examples]
    return page(request, "model", card=card, examples=fitting)
