"""Write docs/settings.md from the Settings classes: name, meaning, unit, range, default.

python benchmarks/settings_page.py
"""

import importlib
import inspect
import re
import typing
from pathlib import Path

import fatescope
from fatescope.base import SettingDescription, Settings
from fatescope.cli.tools import COMMANDS
from fatescope.systems.place import resolved
from fatescope.systems.registry import commands

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Every setting of every command, made from the code by `python benchmarks/settings_page.py`. Where a
class says that it gives the flags of a command, the same name is the flag (`--diameter-px`), the
key in a file for `--settings FILE.toml` (`diameter_px`), and the argument in Python. Flags win over
the file. `fatescope COMMAND --help` lists the flags of one command.
"""


def settings_classes() -> list[type[Settings]]:
    """Return all settings classes, in the order of their modules."""
    root = Path(fatescope.__file__).parent
    names = sorted(
        ".".join(("fatescope", *path.relative_to(root).with_suffix("").parts))
        for path in root.rglob("*.py")
        if re.search(r"= setting\(", path.read_text(encoding="utf-8"))
    )
    found: dict[str, type[Settings]] = {}
    for name in names:
        module = importlib.import_module(name)
        for label, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, Settings) and cls.__module__ == name and _is_for_users(cls):
                found[f"{name}.{label}"] = cls
    return list(found.values())


def _is_for_users(cls: type[Settings]) -> bool:
    """Tell settings from the description of a model package, which is validated the same way."""
    return not cls.__module__.startswith("fatescope.models.")


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    classes, used = settings_classes(), commands_of_settings()
    for cls in classes:
        first = (inspect.getdoc(cls) or "").splitlines()[0]
        kinds = [c for c in classes if c is not cls and issubclass(c, cls) and c in used]
        owners = [o for o in classes if _holds(o, cls)]
        where = _where(used.get(cls, []), owners=owners, kinds=kinds)
        parts.append(f"\n## {cls.__name__}\n\n{first} {where}\n")
        parts.append(f"\n```python\nfrom {import_path(cls)} import {cls.__name__}\n```\n")
        parts.append("\n| setting | meaning | unit | range | default |\n|--|--|--|--|--|\n")
        parts += [_row(described) for described in cls.describe()]
    return "".join(parts)


def import_path(cls: type[Settings]) -> str:
    """Return the shortest module that has the class."""
    parts = cls.__module__.split(".")
    paths = (".".join(parts[:n]) for n in range(2, len(parts) + 1))
    return next(p for p in paths if getattr(importlib.import_module(p), cls.__name__, None) is cls)


def commands_of_settings() -> dict[type[Settings], list[str]]:
    """Return the commands that take the fields of each class as flags."""
    used: dict[type[Settings], list[str]] = {}
    for command in (*COMMANDS, *commands()):
        for place in command.settings.values():
            used.setdefault(resolved(place), []).append(command.name)
    return used


def _where(commands: list[str], owners: list[type[Settings]], kinds: list[type[Settings]]) -> str:
    if commands:
        return f"Flags of {_listed(sorted(set(commands)))}."
    if kinds:
        return f"Among the flags of {_listed(k.__name__ for k in kinds)}."
    if owners:
        return f"Not a flag: a part of {_listed(o.__name__ for o in owners)}."
    return "Not a flag: given in Python, or in a file of its own."


def _listed(names) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _holds(owner: type[Settings], cls: type[Settings]) -> bool:
    """Tell whether a field of ``owner`` is a ``cls``, alone or inside a list or a choice."""

    def inside(hint) -> bool:
        return hint is cls or any(inside(a) for a in typing.get_args(hint))

    return any(inside(field.annotation) for field in owner.model_fields.values())


def _row(described: SettingDescription) -> str:
    default = "not set" if described.default is None else str(described.default)
    last = "must be given" if described.required else f"`{default}`"
    choices = ", ".join(f"`{choice}`" for choice in described.choices)
    cells = (
        f"`{described.name}`",
        described.help,
        described.unit,
        choices or described.range,
        last,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
