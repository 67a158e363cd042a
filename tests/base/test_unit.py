"""A unit of work travels to a worker in another folder: every path that it holds is whole."""

from dataclasses import dataclass
from pathlib import Path

from fatescope.base import WorkUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part(WorkUnit):
    key: str
    paths: tuple[Path, ...] = ()
    other: WorkUnit | None = None
    words: tuple[str, ...] = ()


def test_paths_are_whole_in_tuples_and_in_units_that_a_unit_holds():
    inner = _Part(key="inner", paths=(Path("a"), Path("/b")))
    unit = _Part(key="outer", paths=(Path("c"),), other=inner, words=("a",)).absolute()
    assert unit.paths == (Path.cwd() / "c",)
    assert unit.other.paths == (Path.cwd() / "a", Path("/b"))
    assert (str(unit), unit.words) == ("outer", ("a",))
