"""The configuration that AceTree, its successors and WormGUIDES open: an XML beside the archive.

Of a configuration that was read all is kept, comments and tags that we do not know of too; only
what must fit the new archive is changed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, unescape

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage

_NEW = """<?xml version='1.0' encoding='utf-8'?>
<embryo>
<image file=""/>
<nuclei file=""/>
<end index=""/>
<resolution xyRes="" zRes="" planeEnd=""/>
<exprCorr type="blot"/>
<useStack type="1"/>
<Split SplitMode="0"/>
<polar size="15"/>
</embryo>
"""
"""What AceTree's own readme lists; volumes are taken for one file a frame, with one channel."""
_IMAGE = re.compile(r"<\s*image\b[^>]*>", re.IGNORECASE)
_VALUE = re.compile(r"""(=\s*)(["'])(.*?)\2""", re.DOTALL)


def configuration_text(
    lineage: Lineage, archive: Path, *, images: Path | None = None, origin: Path | None = None
) -> str:
    """Return the XML that belongs beside an archive of a lineage.

    Parameters
    ----------
    lineage : Lineage
        Its ``metadata["configuration"]``, if it has one, is kept: the text of the XML.
    archive : Path
        The zip. An XML that lies beside it already is the one that is kept.
    images : Path, optional
        The first image file, for which frames are counted on (``..._t001.tif``). Without it the
        images stay those of the XML that was read; where there is none, the line is left out.
    origin : Path, optional
        The file that was read: paths in its XML start from there.
    """
    text = lineage.metadata.get("configuration")
    if (beside := archive.with_suffix(".xml")).is_file():
        text, origin = beside.read_text("utf-8"), beside
    is_new = not isinstance(text, str)
    text = _NEW if is_new else str(text)
    text = _set(text, "nuclei", "file", archive.name)
    text = _set(text, "end", "index", str(int(lineage.frame.max(initial=0)) + 1))
    if (steps := lineage.spacing.um("ZYX")) is not None:
        text = _set(text, "resolution", "xyRes", f"{(steps[1] * steps[2]) ** 0.5:.6g}")
        text = _set(text, "resolution", "zRes", f"{steps[0]:.6g}")
    if is_new:
        deepest = int(np.ceil(lineage.position[:, 0].max(initial=0))) + 1
        text = _set(text, "resolution", "planeEnd", str(deepest))
        unknown = [] if images else ["image"]
        for tag in (*unknown, *([] if steps else ["resolution"])):
            text = re.sub(rf"<{tag} [^>]*>\n", "", text)
    if images is not None:
        return _set(text, "image", "file", _beside(images.absolute(), archive))
    if origin is None or is_new:
        return text
    return _IMAGE.sub(lambda m: _moved(m[0], origin.absolute().parent, archive), text)


def _set(text: str, tag: str, attribute: str, value: str) -> str:
    """Return the text with an attribute of the first tag of a name; others stay as they are."""
    found = re.search(rf"<\s*{tag}\b[^>]*>", text, re.IGNORECASE)
    if found is None:
        line = f"<{tag} {attribute}={_quoted(value)}/>\n"
        end = re.search(r"</\s*embryo\s*>", text, re.IGNORECASE)
        at = end.start() if end else len(text)
        return text[:at] + line + text[at:]
    one = rf"(\b{attribute}\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s\"'<>/]+)"
    new, n = re.subn(one, lambda m: m[1] + _quoted(value), found[0], count=1, flags=re.IGNORECASE)
    if not n:
        new = re.sub(r"\s*(/?>)$", lambda m: f" {attribute}={_quoted(value)}{m[1]}", found[0])
    return text[: found.start()] + new + text[found.end() :]


def _quoted(value: str) -> str:
    return '"' + escape(value, {'"': "&quot;"}) + '"'


def _moved(tag: str, folder: Path, archive: Path) -> str:
    """Return an image's tag whose paths lead from the new folder to the files they named."""

    def lead(match: re.Match[str]) -> str:
        named = folder / unescape(match[3], {"&quot;": '"'}).replace("\\", "/")
        return match[1] + _quoted(_beside(named, archive)) if named.is_file() else match[0]

    return _VALUE.sub(lead, tag)


def _beside(file: Path, archive: Path) -> str:
    """Return a path as it is written beside an archive; that of another drive stays whole."""
    try:
        return Path(os.path.relpath(file, archive.absolute().parent)).as_posix()
    except ValueError:
        return file.as_posix()
