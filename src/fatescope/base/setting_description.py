"""What one setting says of itself: the source of flags, form fields and the docs table."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Kind = Literal["number", "whole number", "text", "switch", "path", "choice", "values"]
_KINDS: dict[Any, Kind] = {
    float: "number",
    int: "whole number",
    str: "text",
    bool: "switch",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDescription:
    """One setting in the user's words.

    Parameters
    ----------
    name : str
        The key in TOML and the argument in Python; the flag is `flag`.
    kind : str
        What is to be given; ``"values"`` stands for anything with parts (ranges, lists, tables).
    type : Any
        The Python type, without ``None``.
    help : str
        One line, as a biologist would say it.
    unit : str
        Empty where there is none.
    limits : tuple of (str, float)
        Each a word (``"from"``, ``"above"``, ``"to"``, ``"below"``) and its number.
    default : Any
        ``None`` where the program decides, or nothing is set.
    required : bool
    choices : tuple of str
        Empty unless ``kind`` is ``"choice"``.
    group : str
        What stands together in a form; empty for what everybody meets.
    advanced : bool
        Hidden in a form until asked for.
    """

    name: str
    kind: Kind
    type: Any
    help: str
    unit: str
    limits: tuple[tuple[str, float], ...]
    default: Any
    required: bool
    choices: tuple[str, ...]
    group: str
    advanced: bool

    @property
    def flag(self) -> str:
        """The flag on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def range(self) -> str:
        """The limits or choices in words, for instance ``"from 0 to 1"``; empty if there are none.

        Examples
        --------
        >>> from fatescope.base import Settings, setting
        >>> class Example(Settings):
        ...     share: float = setting(0.5, "a share", ge=0, lt=1)
        >>> Example.describe()[0].range
        'from 0 below 1'
        """
        if self.choices:
            return ", ".join(self.choices)
        return " ".join(f"{word} {number:g}" for word, number in self.limits)


def describe_field(name: str, field: FieldInfo) -> SettingDescription:
    """Return what a field of a settings class says of itself."""
    extra: Any = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    kind = _without_none(field.annotation)
    is_choice = get_origin(kind) is Literal
    words = {"gt": "above", "ge": "from", "lt": "below", "le": "to"}
    limits = tuple(
        (word, float(getattr(limit, key)))
        for key, word in words.items()
        for limit in field.metadata
        if isinstance(getattr(limit, key, None), int | float)
    )
    return SettingDescription(
        name=name,
        kind="choice" if is_choice else _kind_of(kind),
        type=kind,
        help=field.description or "",
        unit=str(extra.get("unit") or ""),
        limits=limits,
        default=None if field.is_required() else field.get_default(),
        required=field.is_required(),
        choices=tuple(str(choice) for choice in get_args(kind)) if is_choice else (),
        group=str(extra.get("group") or ""),
        advanced=bool(extra.get("advanced")),
    )


def takes_numbers(field: FieldInfo, *, any_decimals: bool = False) -> bool:
    """Say whether a field holds several numbers, and reads no text in a way of its own.

    With ``any_decimals``: whether it takes any number of them, and they may have decimals.
    """
    kind = _without_none(field.annotation)
    numbers = [a for a in get_args(kind) if a is not Ellipsis]
    if any_decimals and (float not in numbers or Ellipsis not in get_args(kind)):
        return False
    own = any(isinstance(m, BeforeValidator) for m in field.metadata)
    return get_origin(kind) is tuple and not own and all(n in (int, float) for n in numbers)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [a for a in get_args(annotation) if a is not type(None)]
        return kinds[0] if len(kinds) == 1 else annotation
    return annotation


def _kind_of(kind: Any) -> Kind:
    if getattr(kind, "__name__", "") == "Path":
        return "path"
    return _KINDS.get(kind, "values")
