"""Recipes by name, and from a file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.base import SettingsError
from fatescope.models.outputs import DISTANCE_MAPS
from fatescope.prepare.targets import DRAWN
from fatescope.train.recipe_settings import merged
from fatescope.train.trainables import recipe_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.models import ModelDescription
    from fatescope.train.recipe_settings import Recipe
    from fatescope.train.settings import InstanceRecipe, Network

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
    return parse_recipe(read_recipe_values(name_or_path))


def parse_recipe(values: Mapping[str, Any]) -> Recipe:
    """Return a recipe of the class that its ``task`` asks for.

    Raises
    ------
    SettingsError
        If a value is not allowed, or the task has no such setting.
    """
    task = values.get("task")
    return recipe_class(task if isinstance(task, str) else None).from_values(dict(values))


def read_recipe_values(name_or_path: str | Path) -> dict[str, Any]:
    """Read what the file of a recipe says, and nothing else: as `read_recipe`, not validated."""
    path = FOLDER / f"{name_or_path}.toml"
    if not path.is_file():
        path = Path(name_or_path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"there is no recipe {str(name_or_path)!r}. Give a TOML file, or one of: "
            f"{', '.join(recipe_names())}."
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: the recipe cannot be read ({error}).") from error


def recipe_variant(recipe: Recipe, name: str) -> Recipe:
    """Return a recipe with the changes of one of its variants, under the name ``recipe-variant``.

    Raises
    ------
    SettingsError
        If the recipe has no such variant (its variants are named), or a change is not allowed.
    """
    if name not in recipe.variants:
        known = ", ".join(recipe.variants) or "none"
        raise SettingsError(
            f"recipe {recipe.name!r} has no variant {name!r}; it has: {known}. Variants are tables "
            "[variants.NAME] in the recipe's file, with the values that differ."
        )
    values = merged(recipe.model_dump(exclude={"variants"}), recipe.variants[name])
    return parse_recipe({**values, "name": f"{recipe.name}-{name}"})


def choose_variants(recipe: Recipe, names: Sequence[str]) -> dict[str, Recipe]:
    """Return variants of a recipe by name; ``recipe`` is the recipe as it stands.

    Raises
    ------
    SettingsError
        If a name is given twice, or the recipe has no such variant.
    """
    if len(set(names)) != len(names):
        raise SettingsError(f"--variants {','.join(names)}: a name is there twice.")
    return {n: recipe if n == "recipe" else recipe_variant(recipe, n) for n in names}


def _with_maps(network: Network, n_outputs: int) -> dict[str, Any]:
    return {**network.model_dump(), "n_outputs": network.n_outputs or n_outputs}


def inherited(recipe: InstanceRecipe, start: ModelDescription | None) -> InstanceRecipe:
    """Return a recipe that says what its package is for: as it says, as `start`, or nuclei.

    Stages that do not say how many maps they draw learn those that `start` needs.
    """
    if start is None:
        task, modality, polarity, cite = "nuclei", "fluorescence", "bright", recipe.cite
    else:
        image = start.image
        task, modality, polarity, cite = start.task, image.modality, image.polarity, start.cite
    maps = 3 if start is not None and start.instances.channels == DISTANCE_MAPS else len(DRAWN)
    return recipe.replace(
        network=_with_maps(recipe.network, maps),
        then=[{**s.model_dump(), "network": _with_maps(s.network, maps)} for s in recipe.then],
        task=recipe.task or task,
        modality=recipe.modality or modality,
        polarity=recipe.polarity or polarity,
        cite=recipe.cite or cite,
    )
