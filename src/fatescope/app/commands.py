"""The same answer without the app: as a command line, and as Python."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fatescope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import Settings
    from fatescope.systems.question import Question


def as_command(
    question: Question, inputs: Sequence[Path], *, out: Path | str, values: Mapping[str, Any]
) -> str:
    """Return the command line that gives the same files.

    Parameters
    ----------
    question : Question
    inputs : sequence of Path
    out : path
        Where the command is to write.
    values : mapping
        Settings by name, as they were given; what was not given stays away.
    """
    words = ["fatescope", *question.command.split(), *question.words]
    words += [question.inputs_flag] if question.inputs_flag else []
    words += [*map(str, inputs), "--out", str(out)]
    for settings in question.settings_from(values).values():
        for described in type(settings).describe():
            value = getattr(settings, described.name)
            always = described.name in question.flags
            if value != described.default or always:
                words += _flag(question.flags.get(described.name, described.flag), value)
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _flag(flag: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    if isinstance(value, tuple) and value and all(isinstance(v, str) for v in value):
        return [word for v in value for word in (flag, v)]
    if isinstance(value, tuple):
        value = ",".join(f"{v}" for v in value)
    return [flag, str(value)]


def as_python(
    question: Question, inputs: Sequence[Path], *, out: Path | str, values: Mapping[str, Any]
) -> str:
    """Return the Python that gives the same files; arguments as in `as_command`."""
    module, _, function = question.run.partition(":")
    imports = []
    if function in dir(fatescope):
        imports.append("import fatescope as fs")
        called = f"fs.{function}"
    else:
        imports.append(f"from {module} import {function}")
        called = function
    listed = ", ".join(repr(str(p)) for p in inputs)
    arguments = [listed if question.one_input else f"[{listed}]", f"out={str(out)!r}"]
    for argument, settings in question.settings_from(values).items():
        inside = _keywords(settings)
        if not inside and argument != "settings":  # that one decides the model
            continue
        cls = type(settings)
        if cls.__name__ in dir(fatescope):
            named = f"fs.{cls.__name__}"
            imports.append("import fatescope as fs")
        else:
            imports.append(f"from {cls.__module__} import {cls.__name__}")
            named = cls.__name__
        arguments.append(f"{argument}={named}({inside})")
    arguments += [f"{k}={v!r}" for k, v in question.arguments.items()]
    lines = [*dict.fromkeys(imports), "", f"{called}(", *(f"    {a}," for a in arguments), ")"]
    return "\n".join(lines) + "\n"


def _keywords(settings: Settings) -> str:
    changed = []
    for described in type(settings).describe():
        value = getattr(settings, described.name)
        if value != described.default:
            plain = str(value) if isinstance(value, Path) else value
            changed.append(f"{described.name}={plain!r}")
    return ", ".join(changed)
