"""A form from what settings say of themselves, and settings from what the form sends back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fatescope.app.words import label_of
from fatescope.base import InputError, SettingDescription

if TYPE_CHECKING:
    from fatescope.app.looking import Look
    from fatescope.systems.question import Question, Role

SCALE = ("spacing_um", "interval_min")
_NOT_HERE = ("labels", "precision", "exclude", "cluster")
"""What the app has no use for: formats it shows, and files of another command."""
_READ = {"spacing_um": "steps", "interval_min": "minutes"}
_MODELS = ("model", "start", "old", "new")
_LONGEST = 400  # letters of a field; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One setting as it stands in a form.

    Parameters
    ----------
    name : str
    label, help, unit, hint, shown : str
        Words beside it; ``hint`` says the range and the default, ``shown`` stands in an empty
        field: what was read from the files.
    control : str
        ``"number"``, ``"text"``, ``"switch"`` or ``"choice"``.
    value : str
        What stands in it.
    options : tuple of (str, str)
        Value and words of each choice.
    required : bool
    """

    name: str
    label: str
    help: str
    unit: str
    hint: str
    control: str
    value: str
    options: tuple[tuple[str, str], ...] = ()
    shown: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of a question: what it takes, scale, what everybody may want, and the rest."""

    roles: tuple[Field, ...]
    scale: tuple[Field, ...]
    first: tuple[Field, ...]
    more: tuple[Field, ...]


def form_for(
    question: Question,
    look: Look,
    values: Mapping[str, str] = MappingProxyType({}),
    *,
    models: Mapping[str, str] = MappingProxyType({}),
) -> Form:
    """Make the form of a question.

    Parameters
    ----------
    question : Question
    look : Look
        The files: their tables, channels and scale.
    values : mapping
        What was sent before.
    models : mapping of str to str
        Models of the person's own, by the name that a form shows, and where they are.
    """
    found = {d.name: d for cls in question.classes().values() for d in cls.describe()}
    left_out = {*_NOT_HERE, *question.hidden} - {*question.first, *question.needs}
    left_out |= {d.name for d in found.values() if _names_a_file(d) and not _is_chosen(d, question)}
    if look.kinds <= {"image", "stack", "map", "other"}:
        left_out.add("interval_min")
    fields = {
        name: _field(d, question, look, values.get(name), models)
        for name, d in found.items()
        if name not in left_out
    }
    scale = tuple(fields.pop(n) for n in SCALE if n in fields)
    names = (*(_MODELS if models else ()), *question.first)  # own models are there to be used
    if look.has_one_channel(question):
        names = tuple(n for n in names if n not in question.channels)
    first = tuple(fields.pop(n) for n in dict.fromkeys(names) if n in fields)
    first = (*_preset_fields(question, values), *first)
    roles = _role_fields(question, look, values, models)
    return Form(roles=roles, scale=scale, first=first, more=tuple(fields.values()))


def _preset_fields(question: Question, values: Mapping[str, str]) -> list[Field]:
    return [
        Field(
            name=name,
            label=preset.label,
            help=preset.help,
            unit="",
            hint="",
            control="choice",
            value=values.get(name, next(iter(preset.choices))),
            options=tuple((c, c) for c in preset.choices),
        )
        for name, preset in question.presets.items()
    ]


def _role_fields(
    question: Question, look: Look, values: Mapping[str, str], models: Mapping[str, str]
) -> tuple[Field, ...]:
    """Return a field for each role; what stands in it first is what no role before it has."""
    made: list[Field] = []
    for name, role in question.roles.items():
        offered = _offered(name, role, look, models)
        taken = {f.value for f in made}
        first = next((c for c in offered if c not in taken), next(iter(offered), ""))
        free = not (role.required or role.default)
        options = (("", "as the program decides"),) if free else ()
        made.append(
            Field(
                name=name,
                label=role.label,
                help=role.help,
                unit="",
                hint="",
                control="choice",
                value=values.get(name, first if role.required else role.default),
                options=(*options, *((c, role.words.get(c, c)) for c in offered)),
                required=role.required,
            )
        )
    return tuple(made)


def _offered(name: str, role: Role, look: Look, models: Mapping[str, str]) -> dict[str, str]:
    """Return what may be chosen for a role, by the name that a form shows."""
    if role.kinds:
        return {shown: str(path) for shown, path in look.places(role.kinds).items()}
    return {c: c for c in role.choices} | (dict(models) if name in _MODELS else {})


def _names_a_file(described: SettingDescription) -> bool:
    """Say whether a text could make the server open what a browser names."""
    said = f"{described.name} {described.help}".lower()
    return described.kind == "text" and any(w in said for w in ("path", "folder", "model"))


def _is_chosen(described: SettingDescription, question: Question) -> bool:
    return described.name in question.choices or described.name in question.files


def _field(
    described: SettingDescription,
    question: Question,
    look: Look,
    value: str | None,
    models: Mapping[str, str],
) -> Field:
    default = described.default
    options: tuple[tuple[str, str], ...] = ()
    control = {"number": "number", "whole number": "number", "switch": "switch"}.get(
        described.kind, "text"
    )
    if described.kind == "path" or described.name in question.files:
        control, options = "choice", (("", "none"), *((n, n) for n in _tables(look)))
        if described.name == "map" and len(look.maps) == 1:
            (default,) = look.maps  # it says what was done to the wells of this very plate
    elif described.name in question.channels and look.channels(question):
        must = described.name in _needed(question, look)
        empty = ("", "choose" if must else "none" if question.one_channel else "found by its look")
        control, options = "choice", (empty, *((c, c) for c in look.channels(question)))
    elif described.name in question.choices:
        own = models if described.name in _MODELS else ()
        every = (*question.choices[described.name], *own)
        control, options = "choice", tuple((c, c) for c in every)
    elif described.kind == "choice":
        free = (("", "as the program decides"),) if default is None else ()
        control, options = "choice", (*free, *((c, c) for c in described.choices))
    shown = "" if default in (None, ()) else _plain(default)
    hint = [described.range] if control == "number" else []
    hint += [f"default {shown}"] if shown and control == "number" else []
    return Field(
        name=described.name,
        label=label_of(described.name),
        help=described.help,
        unit=described.unit,
        hint=", ".join(h for h in hint if h),
        control=control,
        value=shown if value is None else value,
        options=options,
        shown=look.read(_READ[described.name]) if described.name in _READ else "",
        required=described.name in _needed(question, look),
    )


def _tables(look: Look) -> dict[str, str]:
    """Return the paths of tables by the names that a form shows."""
    return {p.relative_to(look.folder).as_posix(): str(p) for p in look.tables}


def _needed(question: Question, look: Look) -> tuple[str, ...]:
    several = (question.one_channel,) if question.one_channel and look.channels(question) else ()
    settings = (n for n in question.needs if n not in question.roles)
    return (*settings, *several, *(("channel",) if look.divides(question) else ()))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def values_from(
    question: Question,
    look: Look,
    sent: Mapping[str, str],
    *,
    models: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return settings by name from a form: what was filled in and is not the default.

    Arguments are those of `form_for`.

    Raises
    ------
    InputError
        If a choice is none of those offered, a file none of the person's own, or a setting that
        is needed was left out.
    SettingsError
        If a value is not one that its setting takes.
    """
    files = _tables(look)
    values: dict[str, Any] = {}
    for name, preset in question.presets.items():
        text = sent.get(name, "") or next(iter(preset.choices))
        if text not in preset.choices:
            raise InputError(f"{preset.label}: choose one of the list.")
        values = {**preset.choices[text], **values}  # the first choice counts more
    form = form_for(question, look, models=models)
    offered = {f.name for f in (*form.roles, *form.scale, *form.first, *form.more)}
    for described in (d for cls in question.classes().values() for d in cls.describe()):
        name = described.name
        if name not in offered:
            continue
        text = sent.get(name, "").strip()
        if len(text) > _LONGEST:
            raise InputError(f"{label_of(name)}: is longer than {_LONGEST} letters. Shorten it.")
        if described.kind == "switch":
            if name in sent and (value := text == "true") != bool(described.default):
                values[name] = value
        elif not text or (text == _plain(described.default) and name not in question.needs):
            continue
        elif described.kind == "path" or name in question.files:
            if text not in files:
                raise InputError(f"{label_of(name)}: choose one of the tables among these files.")
            values[name] = files[text]
        elif name in _MODELS and name in question.choices and text in models:
            values[name] = models[text]
        elif name in question.choices and text not in question.choices[name]:
            raise InputError(f"{label_of(name)}: choose one of the list.")
        else:
            values[name] = text
    for name, role in question.roles.items():
        if text := sent.get(name, "").strip():
            places = _offered(name, role, look, models)
            if text not in places:
                raise InputError(f"{role.label}: choose one of the list.")
            values[name] = places[text]
    missing = [label_of(n) for n in _needed(question, look) if n not in values]
    missing += [r.label for n, r in question.roles.items() if r.required and n not in values]
    if missing:
        raise InputError(f"{', '.join(missing)} is needed. Choose one of the list.")
    question.settings_from(values)
    return values
