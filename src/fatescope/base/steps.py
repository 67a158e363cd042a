"""Steps in µm as a user writes them: ``0.2``, ``0.2,0.2`` or ``1,0.2,0.2``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(","))
    return (value,) if isinstance(value, int | float) else value


def _check(value: tuple[float, ...] | None) -> tuple[float, ...] | None:
    if value is not None and not (1 <= len(value) <= 3 and all(0 < v < 1e6 for v in value)):
        raise ValueError("give one to three positive numbers: X, or Y,X, or Z,Y,X in µm")
    return value


StepsUm = Annotated[tuple[float, ...] | None, BeforeValidator(_split), AfterValidator(_check)]
"""The type of a setting ``spacing_um``: X, or Y,X, or Z,Y,X in µm."""
