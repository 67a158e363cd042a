"""Sentences as a page says them: files by their names, settings as the form calls them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.systems.question import Question

_FLAG = re.compile(r"--([a-z][a-z-]+[a-z])")
_BEGINS_WITH_A_FILE = re.compile(r"[^:“]*\.\w{1,8}: ")
_PLACES = {"data": "these files", "results": "the result"}
_LABELS = {
    "spacing_um": "Pixel size",
    "interval_min": "Time between frames",
    "diameter_um": "Typical diameter",
    "diameter_px": "Diameter in pixels",
    "min_area_um2": "Smallest area",
    "min_area_px": "Smallest area in pixels",
    "map": "Plate map",
    "model": "Model",
    "start": "Begin with the model",
}


def label_of(name: str) -> str:
    """Return the name of a setting as a person reads it: the unit stands beside its field."""
    for unit in ("_um2", "_um", "_px", "_min"):
        bare = name.removesuffix(unit)
        if bare != name:
            break
    return _LABELS.get(name, bare.replace("_", " ").capitalize())


def without_folders(text: str, folder: Path) -> str:
    """Return a text in which the folders of the app are left out; nobody needs to read of them."""
    return _places(folder).sub(lambda m: "" if m[2] else _PLACES[m[1]], text)


def in_words(text: str, *, folder: Path, question: Question | None = None) -> str:
    """Return a sentence of a workflow for a page.

    Parameters
    ----------
    text : str
    folder : Path
        The folder of the app.
    question : Question, optional
        Whose settings are meant.
    """
    text = without_folders(text, folder)
    if question is not None:
        text = _FLAG.sub(lambda m: f"“{label_of(m[1].replace('-', '_'))}”", text)
        text = _settings(question.name).sub(lambda m: f"“{label_of(m[1] or m[2])}”", text)
    return capital(text)


def capital(text: str) -> str:
    """Return a sentence with its first letter large, unless it is that of a file.

    Examples
    --------
    >>> capital("nothing is left."), capital("embryo.tif: is empty.")
    ('Nothing is left.', 'embryo.tif: is empty.')
    """
    return text if _BEGINS_WITH_A_FILE.match(text) else text[:1].upper() + text[1:]


@lru_cache(maxsize=4)
def _places(folder: Path) -> re.Pattern[str]:
    sep = r"[\\/]+"
    top = sep.join(re.escape(part.strip("\\/")) for part in folder.parts)
    place = rf"people{sep}[\w-]+{sep}(data|results){sep}[0-9a-f]{{12}}"
    return re.compile(rf"{top}{sep}{place}({sep}(?=[^\s:,;'\"]))?")


@lru_cache(maxsize=64)
def _settings(question: str) -> re.Pattern[str]:
    """Match the names of settings: any with an underscore, others where a value follows."""
    from fatescope.systems.registry import question_named

    classes = question_named(question).classes().values()
    names = sorted({n for cls in classes for n in cls.model_fields}, key=len, reverse=True)
    apart = "|".join(map(re.escape, (n for n in names if "_" in n))) or "(?!)"
    every = "|".join(map(re.escape, names)) or "(?!)"
    valued = rf"({every})(?:\.\d+)?(?= = | must be given)"
    return re.compile(rf"`?(?<![\w-])(?:{valued}|({apart})(?:\.\d+)?(?![\w-]))`?")
