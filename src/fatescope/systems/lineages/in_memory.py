"""Lineages as values: checked, linked and named in memory; nothing here writes a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Finding, Lineage, Table

if TYPE_CHECKING:
    from fatescope.lineage.lint import LintSettings
    from fatescope.lineage.naming import NameSettings
    from fatescope.track import ObjectLinkSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLineage:
    """A lineage whose cells have names.

    Parameters
    ----------
    lineage : Lineage
        As given, with the found names; ``""`` where the program cannot tell.
    table : Table
        One row for each spot: place and link, then ``name``, ``compact``, ``confidence``,
        ``second``, ``abstained``; a name that was given stands in ``name_given``.
    findings : tuple of Finding
        What was wrong with the file, and why the embryo as a whole does not fit, if it does not.
    """

    lineage: Lineage
    table: Table
    findings: tuple[Finding, ...]


def lint_lineage(lineage: Lineage, settings: LintSettings | None = None) -> list[Finding]:
    """Check a lineage: what is wrong, odd or doubtful, errors first.

    Parameters
    ----------
    lineage : Lineage
        From `read_lineage`; named or not, linked or not.
    settings : LintSettings, optional

    Returns
    -------
    list of Finding
        Those of reading the file are among them.
    """
    from fatescope.lineage.lint import LintSettings
    from fatescope.lineage.lint import lint_one_lineage as lint
    from fatescope.lineage.lint.ranking import ranked
    from fatescope.systems.lineages.reading import open_atlas, with_estimated_spacing

    found = lint(
        with_estimated_spacing(lineage),
        file=str(lineage.metadata.get("source", "lineage")),
        settings=settings or LintSettings(),
        atlas=open_atlas(),
    )
    return ranked([*lineage.findings, *found])


def link_lineage(lineage: Lineage, settings: ObjectLinkSettings | None = None) -> Lineage:
    """Link the nuclei of a movie through time, in memory; what ``lineage link`` does.

    Parameters
    ----------
    lineage : Lineage
        Nuclei by frame and position; its own links are ignored.
    settings : ObjectLinkSettings, optional

    Returns
    -------
    Lineage
        The same rows with ``parent``: the row of the same nucleus, or of its mother, in an earlier
        frame; -1 where there is none.

    References
    ----------
    Jaqaman K et al. (2008). Nature Methods 5:695-702: linear assignment between frames; here with
    divisions in the same step, and mending afterwards (`fatescope.track`).

    Examples
    --------
    >>> import fatescope as fs
    >>> at = np.array([[0, 5.0, 5.0], [0, 40.0, 5.0], [0, 41.0, 6.0], [0, 6.0, 5.0]])
    >>> nuclei = fs.Lineage(
    ...     frame=np.array([0, 0, 1, 1]),
    ...     position=at,
    ...     parent=np.full(4, -1),
    ...     name=np.full(4, "", dtype=object),
    ...     radius_px=np.full(4, 3.0),
    ... )
    >>> fs.link_lineage(nuclei).parent.tolist()
    [-1, -1, 1, 0]
    """
    from fatescope.lineage.link import link_detections
    from fatescope.track import ObjectLinkSettings

    return link_detections(lineage, settings or ObjectLinkSettings())


def name_lineage(lineage: Lineage, settings: NameSettings | None = None) -> NamedLineage:
    """Name every cell of an embryo, with a confidence; where it cannot tell, it says so.

    Parameters
    ----------
    lineage : Lineage
        From `read_lineage`: a tracked tree, a movie without links, or one frame. Names in it are
        not used.
    settings : NameSettings, optional
        Atlas, method, limits.

    Returns
    -------
    NamedLineage
    """
    from fatescope.acquire.lineages.columns import plain_table
    from fatescope.lineage.naming import NameSettings
    from fatescope.systems.lineages.name import name_rows, why_atypical
    from fatescope.systems.lineages.reading import with_estimated_spacing

    scaled = with_estimated_spacing(lineage)
    named = name_rows(scaled, plain_table(lineage), settings or NameSettings())
    return NamedLineage(
        lineage=replace(scaled, name=np.asarray(named.table["name"], dtype=object)),
        table=named.table,
        findings=(
            *lineage.findings,
            *why_atypical(str(lineage.metadata.get("source", "lineage")), named),
        ),
    )
