"""The settings that a tuning searches: ranges and choices, checked by the recipe's own classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fatescope.base import Settings, SettingsError
from fatescope.base.steps import number_parts
from fatescope.train.recipe import parse_recipe
from fatescope.train.recipe_settings import merged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import SettingDescription
    from fatescope.train.recipe_settings import Recipe

Value = float | int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """All numbers from ``low`` to ``high``, both included; whole ones where the setting is."""

    low: float
    high: float
    is_whole: bool
    is_log: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """A few values."""

    values: tuple[Value, ...]


Searched = Range | Choices
Space = dict[str, Searched]
"""What is tried for each setting, by its dotted name in the recipe."""


def read_space(texts: Sequence[str], values: Mapping[str, Any]) -> Space:
    """Read what is to be searched in a recipe.

    Parameters
    ----------
    texts : sequence of str
        ``fit.learning_rate=0.0005:0.01``, ``fit.batch=4:64:log``, ``fit.optimizer=adamw,sgd``.
    values : mapping
        The recipe, as TOML holds it.

    Raises
    ------
    SettingsError
        If a text cannot be read, the recipe has no such setting, or does not allow an end.
    """
    recipe = parse_recipe(values)
    space: Space = {}
    for text in texts:
        name, equals, said = (part.strip() for part in text.partition("="))
        if not equals or name in space:
            raise SettingsError(
                f"--search {text}: write NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=A,B,C, each name "
                "once, for instance fit.learning_rate=0.0005:0.01:log."
            )
        described = _describe(recipe, name)
        space[name] = _range(text, said, described) if ":" in said else _choices(said, described)
        for value in _probes(space[name]):
            try:
                parse_recipe(changed(values, {name: value}))
            except SettingsError as error:
                raise SettingsError(f"--search {text}: {error}") from error
    if not space:
        raise SettingsError("there is nothing to search. Give --search NAME=LOW:HIGH.")
    return space


def changed(values: Mapping[str, Any], changes: Mapping[str, Value]) -> dict[str, Any]:
    """Return the values of a recipe with some settings changed, by dotted name."""
    out = dict(values)
    for name, value in changes.items():
        nested: Any = value
        for part in reversed(name.split(".")):
            nested = {part: nested}
        out = merged(out, nested)
    return out


def _describe(recipe: Recipe, name: str) -> SettingDescription:
    """Return what a setting says of itself, by its dotted name."""
    *folders, last = name.split(".")
    owner: Any = recipe
    for folder in folders:
        owner = getattr(owner, folder, None)
    described = owner.describe() if isinstance(owner, Settings) else []
    for one in described:
        if one.name == last and one.kind in ("number", "whole number", "choice", "text"):
            return one
    alike = [n for n in _names(recipe) if n.rpartition(".")[2] == last]
    hint = alike or [n for n in _names(recipe) if n.startswith("fit.")]
    raise SettingsError(
        f"--search {name}: the recipe has no such number or choice. Did you mean "
        f"{' or '.join(hint)}?"
    )


def _names(settings: Settings, above: str = "") -> list[str]:
    """Return the dotted names of all single settings."""
    found: list[str] = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        inner = isinstance(value, Settings) and name != "tune"
        found += _names(value, f"{above}{name}.") if inner else [f"{above}{name}"]
    return found


def _range(text: str, said: str, described: SettingDescription) -> Range:
    low, high, *more = said.split(":")
    is_whole = described.kind == "whole number"
    try:
        if described.kind not in ("number", "whole number") or more not in ([], ["log"]):
            raise ValueError
        ends = [int(v) if is_whole else float(v) for v in (low, high)]
        if not ends[0] < ends[1] or (more and ends[0] <= 0):
            raise ValueError
    except ValueError as error:
        raise SettingsError(
            f"--search {text}: {described.name} is a {described.kind}"
            f"{', ' + described.range if described.range else ''}. A range is LOW:HIGH with the "
            "lower end first, or LOW:HIGH:log with both above 0."
        ) from error
    return Range(low=ends[0], high=ends[1], is_whole=is_whole, is_log=bool(more))


def _choices(said: str, described: SettingDescription) -> Choices:
    kind = {"number": float, "whole number": int}.get(described.kind, str)
    try:
        if kind is str:
            return Choices(values=tuple(v.strip() for v in said.split(",")))
        return Choices(values=tuple(map(kind, number_parts(said, alone=kind is float))))
    except ValueError as error:
        raise SettingsError(
            f"--search {described.name}={said}: {described.name} is a {described.kind} ({error})."
        ) from error


def _probes(searched: Searched) -> tuple[Value, ...]:
    """Return values of which the recipe must allow all: a multiple of 16 shows at the second."""
    if isinstance(searched, Choices):
        return searched.values
    if searched.is_whole:
        return searched.low, searched.low + 1, searched.high
    return searched.low, searched.high
