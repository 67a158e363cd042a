"""The documentation says what the code does."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from tests.offenders import for_each

from fatescope.base.finding import RULES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(p for p in [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


def name_of(page):
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("maker", ROOT / "benchmarks" / "settings_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_settings_page_is_the_one_that_the_code_gives(maker):
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert page == maker.page(), "run python benchmarks/settings_page.py"


def test_every_setting_has_a_meaning(maker):
    for cls in maker.settings_classes():
        for name, field in cls.model_fields.items():
            assert field.description, f"{cls.__name__}.{name} says nothing"


def test_every_page_of_the_navigation_exists_and_every_page_is_in_it():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    named = set(re.findall(r"[\w/-]+\.md", str(nav)))
    there = {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")}
    pages = {p for p in there if not p.startswith("decisions/")}
    assert named == pages, "put the page into nav in mkdocs.yml"


def test_no_page_stands_twice_in_the_navigation():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    named = re.findall(r"[\w/-]+\.md", str(nav))
    assert sorted(named) == sorted(set(named))


def test_the_pages_that_show_something_have_figures_and_every_figure_is_shown_and_described():
    shown = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text):
            assert len(words.split()) > 3, f"{page.name}: {target} is not described"
            shown.setdefault((page.parent / target).resolve(), set()).add(page.name)
    pages = set().union(*shown.values())
    assert {"index.md", "README.md", "first-steps.md", "report.md", "simulate.md"} <= pages
    assert {"lineage-figures.md", "lineage-compare.md", "schedules.md"} <= pages
    there = {p for p in (DOCS / "images").rglob("*") if p.is_file()}
    assert there == set(shown)
    assert sum(p.stat().st_size for p in there) < 1_400_000


@for_each(PAGES, named=name_of)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


@for_each(PAGES, named=name_of)
def test_python_blocks_can_be_compiled(page):
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        compile(code, str(page), "exec")


@for_each(PAGES, named=name_of)
def test_every_table_has_a_head_and_is_in_one_piece(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    tables = re.findall(r"(?:^\|.*\n)+", text + "\n", re.MULTILINE)
    for table in tables:
        rows = table.splitlines()
        assert len(rows) > 1, f"a row by itself: {rows[0][:80]}"
        assert re.fullmatch(r"\|[-:| ]+", rows[1]), f"no head: {rows[0][:80]}"


def test_fragments_have_a_kind_that_the_changelog_knows():
    with (ROOT / "towncrier.toml").open("rb") as stream:
        kinds = {t["directory"] for t in tomllib.load(stream)["tool"]["towncrier"]["type"]}
    for path in (ROOT / "changes").glob("*.md"):
        assert path.stem.rsplit(".", 1)[-1] in kinds, path.name


def test_every_rule_of_findings_is_explained():
    page = (DOCS / "findings.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`([a-z-]+)`", page))
    rules = set().union(*RULES.values())
    assert rules - explained == set(), "explain the rule in docs/findings.md"


def test_the_licences_page_lists_every_package_that_is_installed():
    spec = importlib.util.spec_from_file_location("licences", ROOT / "benchmarks/licences_page.py")
    licences = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(licences)
    listed = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", licences.PAGE.read_text(), re.M))
    for name, licence in licences.packages(licences.EXTRAS).items():
        assert listed.get(name) == licence, "run python benchmarks/licences_page.py"
    assert not [name for name, licence in listed.items() if re.search(r"(?<!L)GPL", licence)]
