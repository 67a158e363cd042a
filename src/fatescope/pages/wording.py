"""A page in other words: what one system calls nuclei is a cell to another."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from fatescope.pages.page import Code

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

T = TypeVar("T")

CELL_WORDS = {"nucleus": "cell", "nuclei": "cells", "Nucleus": "Cell", "Nuclei": "Cells"}
"""For models that find other cells than nuclei in the way of nuclei."""


def in_other_words(value: T, words: Mapping[str, str], *, names: Collection[str] = ()) -> T:
    """Replace whole words in a sentence, or in every sentence of a page.

    Quoted names (of models, files, commands), code, images and drawings stay as they are; text
    for a paper is prose and is changed. ``names`` (of files) stay wherever they stand.

    Examples
    --------
    >>> in_other_words("2 nuclei by the model 'nuclei'.", {"nuclei": "cells"})
    "2 cells by the model 'nuclei'."
    >>> in_other_words("12 nuclei in wt nuclei 3.tif", CELL_WORDS, names=["wt nuclei 3.tif"])
    '12 cells in wt nuclei 3.tif'
    """
    kept = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    fixed = re.compile(rf"(`[^`]*`|{kept})" if kept else r"(`[^`]*`)")
    listed = "|".join(map(re.escape, words))
    pattern = re.compile(rf"(?<![\w'\"`“/.-])({listed})(?![\w'\"`”/.=-]*['\"`”]|[-/=\w])")
    changed: T = _changed(value, pattern, words, fixed)
    return changed


def _changed(
    value: Any, pattern: re.Pattern[str], words: Mapping[str, str], fixed: re.Pattern[str]
) -> Any:
    if isinstance(value, str):
        if value.startswith(("data:", "<svg")):
            return value
        parts = fixed.split(value)  # what stays as it is stands at odd places
        parts[::2] = (pattern.sub(lambda found: words[found[0]], part) for part in parts[::2])
        return "".join(parts)
    if isinstance(value, Code) and value.kind != "prose":
        return value
    if is_dataclass(value) and not isinstance(value, type):
        given = [f.name for f in fields(value) if f.init]
        new = {name: _changed(getattr(value, name), pattern, words, fixed) for name in given}
        return replace(value, **new)
    if isinstance(value, tuple | list):
        return type(value)(_changed(v, pattern, words, fixed) for v in value)
    return value
