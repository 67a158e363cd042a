"""Recipes by name, and from a file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from fatescope.base import SettingsError
from fatescope.train.settings import Recipe

FOLDER = Path(__file__).parent / "recipes"


def recipe_names() -> list[str]:
    """Return the names of the recipes that ship with fatescope, sorted."""
    return sorted(p.stem for p in FOLDER.glob("*.toml"))


def read_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe that ships with fatescope, by name, or any TOML file, by path.

    Raises
    ------
    SettingsError
        If there is no such recipe, the file is no TOML, or a value is not allowed.
    """
    path = FOLDER / f"{name_or_path}.toml"
    if not path.is_file():
        path = Path(name_or_path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"there is no recipe {str(name_or_path)!r}. Give a TOML file, or one of: "
            f"{', '.join(recipe_names())}."
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: the recipe cannot be read ({error}).") from error
    return Recipe.from_values(values)
