"""The complete embryonic lineage of *C. elegans*: 1,341 names, made from rules and exceptions."""

from __future__ import annotations

from functools import cache

from fatescope.base.sulston import FOUNDER_DAUGHTERS, daughter_names, sort_key
from fatescope.base.sulston_facts import DIE, GO_ON, LETTERS, STOP_EARLY


def _divides(name: str) -> bool:
    if name in FOUNDER_DAUGHTERS or name in GO_ON:
        return True
    founder = next((f for f in LETTERS if name.startswith(f)), None)
    return (
        founder is not None
        and len(name) - len(founder) < LETTERS[founder]
        and name not in STOP_EARLY
    )


@cache
def _tree() -> dict[str, tuple[str, ...]]:
    """Return every name with its daughters, in depth-first order from P0."""
    tree: dict[str, tuple[str, ...]] = {}
    waiting = ["P0"]
    while waiting:
        name = waiting.pop()
        tree[name] = daughter_names(name) if _divides(name) else ()
        waiting.extend(reversed(tree[name]))
    return tree


def all_names() -> tuple[str, ...]:
    """Return the 1,341 names of the embryo, depth first, in the order of lineage files.

    Examples
    --------
    >>> len(all_names()), all_names()[:3]
    (1341, ('P0', 'AB', 'ABa'))
    """
    return tuple(_tree())


def terminal_names() -> tuple[str, ...]:
    """Return the 671 cells that do not divide in the embryo, in file order."""
    return tuple(name for name, daughters in _tree().items() if not daughters)


def dying_names() -> tuple[str, ...]:
    """Return the 113 cells that die in the embryo, in file order."""
    return tuple(sorted(DIE, key=sort_key))


def is_canonical(name: str) -> bool:
    """Tell whether ``name`` is one of the 1,341 of the embryo.

    Examples
    --------
    >>> is_canonical("ABplapaaaapp"), is_canonical("ABplapaaaappa")
    (True, False)
    """
    return name in _tree()


def daughters_of(name: str) -> tuple[str, ...]:
    """Return the two daughters of a cell, or ``()`` if it is terminal or not in the tree.

    Examples
    --------
    >>> daughters_of("P4"), daughters_of("MSpaapp")
    (('Z2', 'Z3'), ())
    """
    return _tree().get(name, ())


def is_terminal(name: str) -> bool:
    """Tell whether a cell of the embryo divides no more before hatching."""
    return is_canonical(name) and not _tree()[name]


def dies(name: str) -> bool:
    """Tell whether a cell dies by programmed death in the embryo."""
    return name in DIE
