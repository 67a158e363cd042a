"""Pages before a question is asked: the first page, what was read, and the form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from fatescope.app.commands import as_command, as_python
from fatescope.app.context import context, go, page, person, seconds_in_words, sent_form
from fatescope.app.form import form_for, values_from
from fatescope.app.store import NotHereError
from fatescope.app.words import in_words
from fatescope.base import FatescopeError, InputError
from fatescope.systems.place import resolved
from fatescope.systems.registry import examples, question_named, questions

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from fatescope.app.context import Context
    from fatescope.app.looking import Look
    from fatescope.engine.plan import RunPlan
    from fatescope.systems.question import Question

_TITLE_LENGTH = 80  # letters; room in the list of results


def home(request: Request) -> Response:
    """Show where to drop files, examples, and what is there already."""
    app, who = context(request), person(request)
    titles = {d.id: d.title for d in app.store.all_data(who)}
    return page(
        request,
        "home",
        examples=examples(),
        all_data=app.store.all_data(who),
        jobs=[(job, question_named(job.question), titles) for job in app.store.jobs(who)[:50]],
    )


async def add_data(request: Request) -> Response:
    """Make an empty folder for files that will be sent."""
    form = await sent_form(request)
    title = " ".join(form.get("title", "").split())[:_TITLE_LENGTH] or "files"
    data = context(request).store.add_data(person(request), title)
    return JSONResponse({"id": data.id, "address": f"/data/{data.id}"}, status_code=201)


async def add_example(request: Request) -> Response:
    """Render an example into a folder of its own, and go on to a question if one is meant."""
    form = await sent_form(request)
    then = form.get("then", "")
    question = question_named(then) if then else None
    data = await run_in_threadpool(_add_example, request)
    return go(f"/data/{data}/ask/{question.name}" if question else f"/data/{data}")


def _add_example(request: Request) -> str:
    app, who = context(request), person(request)
    name = request.path_params["name"]
    example = next((e for e in examples() if e.name == name), None)
    if example is None:
        raise NotHereError("there is no such example.")
    data = app.store.add_data(who, f"Example: {example.title}")
    resolved(example.write)(app.store.folder_of(who, "data", data.id))
    return data.id


def show_data(request: Request) -> Response:
    """Say what was read, and offer what can be asked of it."""
    app, who = context(request), person(request)
    data = app.store.data(who, request.path_params["data"])
    look = app.look(who, data.id)
    return page(
        request,
        "data",
        data=data,
        look=look,
        questions=questions_for(look),
        jobs=[(j, question_named(j.question)) for j in app.store.jobs(who) if j.data == data.id],
    )


def questions_for(look: Look) -> list[Question]:
    """Return what can be asked of files; of a plate, first what is about all of it."""
    fitting = [q for q in questions() if q.takes & look.kinds and look.has_all(q)]
    return sorted(fitting, key=lambda q: "plate" in look.kinds and "plate" not in q.takes)


async def remove_data(request: Request) -> Response:
    """Remove copies of files."""
    app, who = context(request), person(request)
    await run_in_threadpool(app.store.remove_data, who, request.path_params["data"])
    app.bytes_by_person.pop(who, None)
    return go("/")


def _asked(request: Request) -> tuple[Context, str, Any, Look, Question]:
    app, who = context(request), person(request)
    data = app.store.data(who, request.path_params["data"])
    return app, who, data, app.look(who, data.id), question_named(request.path_params["question"])


def ask_page(request: Request) -> Response:
    """Show the form of a question, with what the address says filled in."""
    _, _, data, look, question = _asked(request)
    return _form_page(request, data, look, question, dict(request.query_params), "")


async def run(request: Request) -> Response:
    """Put a question into the queue, or show its form again with what is wrong."""
    sent = await sent_form(request)
    return await run_in_threadpool(_run, request, sent)


def _run(request: Request, sent: dict[str, str]) -> Response:
    app, who, data, look, question = _asked(request)
    try:
        values = values_from(question, look, sent, models=app.models_of(who, question))
        inputs, values = look.given_to(question, values)
        if not inputs:
            raise InputError("none of these files can be used for this question.")
        job = app.store.add_job(
            who, data=data.id, question=question.name, inputs=inputs, settings=values
        )
    except FatescopeError as error:
        problem = in_words(str(error), folder=app.store.folder, question=question)
        return _form_page(request, data, look, question, sent, problem)
    app.queue.wake()
    return go(f"/results/{job.id}")


def _form_page(
    request: Request,
    data: Any,
    look: Look,
    question: Question,
    sent: dict[str, str],
    problem: str,
) -> Response:
    models = context(request).models_of(person(request), question)
    return page(
        request,
        "ask",
        status=400 if problem else 200,
        data=data,
        look=look,
        question=question,
        form=form_for(question, look, sent, models=models),
        images=look.to_preview(question),
        problem=problem,
    )


async def estimate(request: Request) -> Response:
    """Say what a run would cost, and how to do the same without the app."""
    sent = await sent_form(request)
    return await run_in_threadpool(_estimate, request, sent)


def _estimate(request: Request, sent: dict[str, str]) -> Response:
    app, who, _, look, question = _asked(request)
    try:
        values = values_from(question, look, sent, models=app.models_of(who, question))
        inputs, values = look.given_to(question, values)
        plan = question.estimate(inputs, values)
        said = question.lasts or _plan_in_words(plan, question.parts)
    except FatescopeError as error:
        said = in_words(str(error), folder=app.store.folder, question=question)
        return JSONResponse({"problem": said})
    return JSONResponse({"estimate": said, **ways(question, inputs, "results", values)})


def _plan_in_words(plan: RunPlan | None, parts: tuple[str, str]) -> str:
    if plan is None:
        return "Done within a few seconds."
    units = f"{plan.units} {parts[plan.units != 1]}"
    about = seconds_in_words(plan.wall_seconds)
    memory, disk = plan.peak_memory_mb, max(1, round(plan.output_mb))
    return (
        f"{units}: about {about} on this machine, with up to {memory:,.0f} MB of memory and "
        f"{disk:,} MB of results."
    )


def ways(question: Question, inputs: Any, out: Any, values: dict[str, Any]) -> dict[str, str]:
    """Return the same as a command line and as Python."""
    return {
        "command": as_command(question, inputs, out=out, values=values),
        "python": as_python(question, inputs, out=out, values=values),
    }


async def invite(request: Request) -> Response:
    """Make a link for another person, whose files are apart from everybody else's."""
    import secrets

    store = context(request).store
    link = store.make_link(f"person-{secrets.token_hex(4)}")
    host = request.headers["host"]
    return page(request, "invite", link=f"http://{host}/?token={link}")


def help_page(request: Request) -> Response:
    """Say what the keys do, where the files are, and how to come from elsewhere."""
    _, port = request.scope["server"]
    return page(request, "help", folder=str(context(request).store.folder), port=port)
