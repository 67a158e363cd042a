"""The reference names what exists, all that is public, and examples that run as they say."""

import doctest
import importlib
import inspect
import re

from tests.docs.test_pages import DOCS
from tests.offenders import for_each

import fatescope as fs

NAMED = re.findall(r"^::: (\S+)$", (DOCS / "reference.md").read_text(encoding="utf-8"), re.M)


def find(path):
    """Return what a dotted path names: a module, or a value in one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


@for_each(NAMED)
def test_what_the_reference_names_has_a_docstring_and_examples_that_run(
    path, tmp_path, monkeypatch
):
    named = find(path)
    assert inspect.getdoc(named)
    monkeypatch.chdir(tmp_path)
    home = importlib.import_module(getattr(named, "__module__", path))
    globs = {**vars(home), "fs": fs}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for test in doctest.DocTestFinder(recurse=inspect.isclass(named)).find(named, globs=globs):
        said = []
        runner.run(test, out=said.append)
        assert runner.failures == 0, "".join(said)


def test_the_reference_names_everything_public_once():
    assert len(NAMED) == len(set(NAMED))
    there = {id(find(path)) for path in NAMED}
    values = [n for n in fs.__all__ if n not in ("base", "__version__")]
    missing = [n for n in values if id(getattr(fs, n)) not in there]
    assert missing == [], "add them to docs/reference.md"
