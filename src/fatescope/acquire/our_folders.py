"""What is passed by when a folder is searched: results of fatescope, and the truth of renderings.

One rule for images, lineages and tables. A folder that is named itself is searched, also where
fatescope wrote it (``simulate`` writes inputs); folders of results inside it are not, and neither
is its ``truth/``, which holds what a command is to find out. Name ``truth`` itself to read it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

OUR_FOLDERS = ("run.json", "ledger.sqlite")
"""A folder holding one of these is output of fatescope."""
TRUTH = "truth"


def is_ours(names: Collection[str]) -> bool:
    """Say whether a folder with these entries is output of fatescope."""
    return any(name in names for name in OUR_FOLDERS)


def searched(top: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Walk through a folder as `os.walk` does; what is passed by, or hidden, is left out.

    Links to folders are not followed, so loops end. Folders may be taken off the list on the way.
    """
    rendered = False
    for here, folders, files in os.walk(top):
        folder = Path(here)
        ours = is_ours(files)
        if ours and folder != top:
            folders.clear()
            continue
        rendered = rendered or ours
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and not (rendered and f == TRUTH)
        )
        yield folder, folders, sorted(f for f in files if not f.startswith("."))
