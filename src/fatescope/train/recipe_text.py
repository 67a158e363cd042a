"""A recipe as the text of a TOML file. No array library."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def recipe_text(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Return values as TOML that reads back as the same values.

    Parameters
    ----------
    values : mapping
        Plain numbers, texts, switches, lists, tables and lists of tables.
    path : tuple of str
        Names of the tables above.

    Examples
    --------
    >>> print(recipe_text({"name": "mine", "fit": {"batch": 4}}), end="")
    name = "mine"
    <BLANKLINE>
    [fit]
    batch = 4
    """
    lines, tables = [], []
    for key, value in values.items():
        inner = (*path, key if re.fullmatch(r"[\w-]+", key, re.ASCII) else json.dumps(key))
        if isinstance(value, dict):
            tables.append(f"\n[{'.'.join(inner)}]\n{recipe_text(value, inner)}")
        elif isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            tables += [f"\n[[{'.'.join(inner)}]]\n{recipe_text(v, inner)}" for v in value]
        else:  # a JSON string, number, switch or list of them is written the same in TOML
            lines.append(f"{inner[-1]} = {json.dumps(value, ensure_ascii=False)}\n")
    return "".join([*lines, *tables])
