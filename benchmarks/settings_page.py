"""Write docs/settings.md from the Settings classes: name, meaning, unit, range, default.

python benchmarks/settings_page.py
"""

import importlib
import inspect
import re
from pathlib import Path

import fatescope
from fatescope.base import SettingDescription, Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Every setting of every command, made from the code by `python benchmarks/settings_page.py`. The
same name is the flag (`--min-score`), the key in a file for `--settings FILE.toml` (`min_score`),
and the argument in Python. Flags win over the file.
"""


def settings_classes() -> list[type[Settings]]:
    """Return all settings classes, in the order of their modules."""
    root = Path(fatescope.__file__).parent
    names = sorted(
        ".".join(("fatescope", *path.relative_to(root).with_suffix("").parts))
        for path in root.rglob("*.py")
        if re.search(r"^class \w+\(\w*Settings\):", path.read_text(encoding="utf-8"), re.MULTILINE)
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
    for cls in settings_classes():
        first = (inspect.getdoc(cls) or "").splitlines()[0]
        room = cls.__module__.split(".")[1]
        parts.append(f"\n## {cls.__name__}\n\n{first} Import it from `fatescope.{room}`.\n")
        parts.append("\n| setting | meaning | unit | range | default |\n|--|--|--|--|--|\n")
        parts += [_row(described) for described in cls.describe()]
    return "".join(parts)


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
