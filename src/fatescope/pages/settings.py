"""How a run was made, on its page: the channel, and settings to be given again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_SETTINGS = ("excluded", "markers_sha256", "solid_sha256", "old", "new", "data")
"""What the record keeps beside the settings: what they name (files, models, data)."""


def settings_toml(record: Mapping[str, Any]) -> str:
    """Return the settings of a run as the text of a TOML file; what was not set is a comment."""
    # A JSON string, number, boolean or list of them is written the same in TOML, but for DEL.
    lines = [
        f"# {name} is not set"
        if value is None
        else f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in _leaves(record.get("settings") or {}).items()
    ]
    return "\n".join(lines).replace("\x7f", "\\u007f")


def given_settings(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the single settings that have a value; groups of settings share one space of names."""
    settings = _leaves(record.get("settings") or {})
    return {name: value for name, value in settings.items() if value is not None}


def _leaves(settings: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found |= _leaves(value)
        elif key not in _NO_SETTINGS:
            found[key] = value
    return found


def channel_sentence(record: Mapping[str, Any]) -> str:
    """Say which of several channels was analysed, by number and name; empty where each has one."""
    named: dict[str, None] = {}
    for said in record.get("inputs") or ():
        if "C" in str(said.get("axes")) and "channel" in said and said["state"] == "done":
            number, names = int(said["channel"]), said.get("channels") or ()
            name = f" ({names[number]})" if number < len(names) else ""
            if said["shape"][said["axes"].index("C")] > 1:
                named[f"channel {number}{name}"] = None
    return f"Of several channels, {' or '.join(named)} was analysed." if named else ""
