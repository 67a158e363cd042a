"""The same answer without the app: as a command line, and as Python."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fatescope
from fatescope.systems.place import resolved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import SettingDescription, Settings
    from fatescope.systems.question import Question

_SPECIAL = re.compile(r"[\s&|<>^()%!;,@#{}'`=]")


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
    chosen = {n: str(v) for n, v in question.chosen(values).items()}
    words += [text for n, text in chosen.items() if not question.roles[n].flag]
    words += [question.inputs_flag] if question.inputs_flag else []
    words += [] if question.names_its_files else map(str, inputs)
    for name, text in chosen.items():
        role = question.roles[name]
        words += [role.flag, text] if role.flag and text != role.default else []
    words += ["--out", str(out)] if question.writes else []
    for settings in question.settings_from(values).values():
        for described in type(settings).describe():
            value = getattr(settings, described.name)
            if _is_changed(value, described) or described.name in question.flags:
                words += _flag(question.flags.get(described.name, described.flag), value)
    return shell_line(words, for_windows=os.name == "nt")


def shell_line(words: Sequence[str], *, for_windows: bool) -> str:
    """Return words as a line for the shell of the machine.

    Double quotes serve PowerShell and ``cmd`` alike; a word with anything that is special to one
    of them is quoted, with or without a space.

    Examples
    --------
    >>> quoted(["fatescope", "a b.tif", "x&y.tif"], for_windows=True)
    'fatescope "a b.tif" "x&y.tif"'
    """
    if not for_windows:
        return shlex.join(words)
    return " ".join(
        f'"{w}"' if _SPECIAL.search(w) and '"' not in w else subprocess.list2cmdline([w])
        for w in words
    )


def _is_changed(value: Any, described: SettingDescription) -> bool:
    """Say whether a value is not the default, which may stand in the class as text."""
    as_text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return bool(value != described.default and as_text != str(described.default))


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
    imports, called = _imported(module, function)
    needed = {
        name
        for name, p in inspect.signature(resolved(question.run)).parameters.items()
        if p.default is p.empty
    }
    listed = ", ".join(repr(str(p)) for p in inputs)
    arguments = [listed if question.one_input else f"[{listed}]"]
    given: dict[str, Any] = {**question.chosen(values), "out": str(out)}
    if question.names_its_files:
        arguments, given = [], {**given, "out": Path(out)}
    if not question.writes:
        del given["out"]
    if any(isinstance(value, Path) for value in given.values()):
        imports.append("from pathlib import Path")
    arguments += [
        f"{name}=Path({str(v)!r})" if isinstance(v, Path) else f"{name}={v!r}"
        for name, v in given.items()
    ]
    for argument, settings in question.settings_from(values).items():
        inside = _keywords(settings)
        if not inside and argument not in needed and argument != "settings":
            continue  # `settings` decides the model
        cls = type(settings)
        more, named = _imported(cls.__module__, cls.__name__)
        imports += more
        arguments.append(f"{argument}={named}({inside})")
    if "execution" in needed:
        more, named = _imported("fatescope.base", "Execution")
        imports += more
        arguments.append(f"execution={named}()")
    arguments += [f"{k}={v!r}" for k, v in question.arguments.items()]
    lines = [*dict.fromkeys(imports), "", f"{called}(", *(f"    {a}," for a in arguments), ")"]
    return "\n".join(lines) + "\n"


def _imported(module: str, name: str) -> tuple[list[str], str]:
    """Return the import that gives a name, and how it is called then."""
    if name in dir(fatescope):
        return ["import fatescope as fs"], f"fs.{name}"
    return [f"from {module} import {name}"], name


def _keywords(settings: Settings) -> str:
    changed = []
    for described in type(settings).describe():
        value = getattr(settings, described.name)
        if _is_changed(value, described):
            plain = str(value) if isinstance(value, Path) else value
            changed.append(f"{described.name}={plain!r}")
    return ", ".join(changed)
