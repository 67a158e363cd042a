"""Settings: frozen, validated, with unit, range and description; the only home of a default.

The command line, the forms of the app, the TOML keys and the table in the documentation are made
from the same classes.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fatescope.base.errors import SettingsError
from fatescope.base.setting_description import SettingDescription, describe_field, takes_numbers
from fatescope.base.steps import number_parts


def setting(
    default: Any = ...,
    description: str = "",
    *,
    unit: str | None = None,
    group: str = "",
    advanced: bool = False,
    **limits: Any,
) -> Any:
    """Declare one setting of a `Settings` class.

    Parameters
    ----------
    default
        Value when the user gives none; leave out for a setting that must be given.
    description : str
        One line, as a biologist would say it.
    unit : str, optional
        For instance ``"px"`` or ``"µm"``.
    group : str, optional
        What stands together in a form; empty for what everybody meets.
    advanced : bool, optional
        Hidden in a form until asked for.
    **limits
        Range: ``gt``, ``ge``, ``lt``, ``le``.
    """
    extra: dict[str, Any] = {
        "unit": unit,
        "group": group,
        "advanced": advanced,
    }
    return Field(default, description=description, json_schema_extra=extra, **limits)


class Settings(BaseModel):
    """Base of all settings classes: immutable, unknown keys forbidden, readable errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """Validate plain values, as read from TOML or from flags.

        Where several numbers are wanted, text such as ``"8,16"`` is taken apart: a flag, a field of
        a form and an environment have nothing but text.

        Raises
        ------
        SettingsError
            One sentence that names each setting at fault, its value and its range.
        """
        try:
            return cls.model_validate({k: _apart(cls, k, v) for k, v in values.items()})
        except ValidationError as error:
            raise SettingsError(_sentence(cls, error)) from error

    @classmethod
    def describe(cls) -> list[SettingDescription]:
        """Return what each setting says of itself, in the order of declaration.

        The flags of the command line, the table in the documentation and the forms of the app
        are made of this.
        """
        return [describe_field(name, field) for name, field in cls.model_fields.items()]

    def replace(self, **changes: Any) -> Self:
        """Return a copy with ``changes``, validated again."""
        return self.from_values({**self.model_dump(), **changes})

    def __repr_args__(self) -> Any:
        """Show only what differs from the default."""
        fields = type(self).model_fields
        shown = super().__repr_args__()
        return [(k, v) for k, v in shown if k and (k not in fields or v != fields[k].default)]


def _apart(cls: type[BaseModel], name: str, value: Any) -> Any:
    """Return the parts of a text that was given for several numbers; anything else as it is."""
    field = cls.model_fields.get(name)
    if field is None or not isinstance(value, str) or not takes_numbers(field):
        return value
    inner = value.strip().removeprefix("(").removesuffix(")")
    if not inner.strip():
        return []
    try:
        return number_parts(inner.rstrip(", "), alone=takes_numbers(field, any_decimals=True))
    except ValueError as error:
        raise SettingsError(f"{name} = {value!r}: {error}.") from error


def _sentence(cls: type[BaseModel], error: ValidationError) -> str:
    parts = []
    for problem in error.errors():
        key = ".".join(str(p) for p in problem["loc"])
        if problem["type"] == "extra_forbidden":
            parts.append(f"{key} is not a setting; known are {', '.join(sorted(cls.model_fields))}")
        elif problem["type"] == "missing":
            parts.append(f"{key} must be given")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] in ("float_parsing", "int_parsing") and "," in problem["input"]:
                message = "write decimals with a point, and nothing between thousands"
            parts.append(f"{key} = {problem['input']!r}: {message[0].lower()}{message[1:]}")
    return "; ".join(parts) + "."
