"""Some planes of a folder of crops as a folder of their own, which copies no pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table, write_table
from fatescope.prepare.crop_store import PLANES, SUMMARY, read_crop_summary, write_crop_summary
from fatescope.prepare.store import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.prepare.splits import Split

_TABLE = "crops.parquet"


def holds_crops(folder: Path) -> bool:
    """Return whether ``prepare crops`` wrote the folder."""
    return (folder / SUMMARY).is_file()


def plane_samples(folder: Path, *, split: Split) -> list[Sample]:
    """Return the planes of a split that has crops, as samples of the store."""
    table = read_table(folder / _TABLE)
    table = table.rows(table["split"].astype(str) == split)
    first = np.unique(table["image"].astype(str), return_index=True)[1]
    planes = (folder / PLANES).absolute()
    return [
        Sample(
            image=planes / f"{table['image'][i]}.npy",
            labels=planes / f"{table['image'][i]}.labels.npy",
            unit=str(table["unit"][i]),
            frame=int(table["frame"][i]),
            split=split,
            role="classes",
        )
        for i in np.sort(first).tolist()
    ]


def write_crop_share(out: Path, folder: Path, samples: Sequence[Sample]) -> int:
    """Let ``out`` hold the crops of some planes of a folder; return how many train.

    Parameters
    ----------
    out : Path
        Gets a summary and a table in which planes are named by their full path.
    folder : Path
        What ``prepare crops`` wrote.
    samples : sequence of Sample
        Of `plane_samples`.
    """
    summary, table = read_crop_summary(folder), read_table(folder / _TABLE)
    planes = {s.image.stem: str(s.image.with_suffix("")) for s in samples}
    keys = table["image"].astype(str)
    table = table.rows(np.isin(keys, list(planes)))
    named = np.array([planes[str(k)] for k in table["image"]], dtype=object)
    write_table(table.with_columns({"image": named}), out / _TABLE)
    write_crop_summary(out, {**summary, "layout": "npy"})
    is_used = table["used"].astype(np.int64) > 0
    return int((is_used & (table["split"].astype(str) == "train")).sum())
