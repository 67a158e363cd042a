"""What the pages tell people to type exists: imports, commands and flags."""

import ast
import re

import pytest
import typer
from tests.docs.test_pages import DOCS, PAGES, ROOT, name_of
from tests.offenders import for_each

from fatescope.cli.main import load_commands

# Decisions are history: what they name may be gone.
LIVING = [p for p in PAGES if "decisions" not in p.parts]
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
OTHER_PROGRAMS = re.compile(r"\b(pip|python|pytest|mkdocs|git|sbatch|dask)\b")


@pytest.fixture(scope="module")
def flags():
    """The flags of every command, by its name (``lineage draw``)."""
    found = {}

    def walk(command, path):
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                walk(inner, (*path, name))
        options = [o for p in command.params for o in (*p.opts, *p.secondary_opts)]
        found[" ".join(path)] = {o for o in options if o.startswith("-")} | {"--help"}

    walk(typer.main.get_command(load_commands(None)), ())
    return found


def code_of(text):
    """Yield (whole line, code) for fenced lines, continued ones as one, and for inline code."""
    fenced, waiting, language = False, "", ""
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced, language = not fenced, line.strip("` \n")
        elif fenced and language in ("", "bash", "console", "sh"):
            waiting += line.rstrip("\\")
            if not line.endswith("\\"):
                yield waiting, waiting
                waiting = ""
        elif not fenced:
            for code in re.findall(r"`([^`]+)`", line):
                yield line, code


def commands_of(text):
    """Yield (command, rest) of every call of fatescope in code, comments apart."""
    for line, code in code_of(text):
        code = code.split(" # ")[0]
        for call in re.findall(r"(?:^|[/;&|$] ?)fatescope +([^;&|]*)", code):
            if "planned" not in line:
                yield call


def split_call(call, flags):
    """Return (command, what follows): the longest words that are a command."""
    words = call.split()
    for n in (3, 2, 1):
        if " ".join(words[:n]) in flags:
            return " ".join(words[:n]), words[n:]
    return None, words


@for_each(LIVING, named=name_of)
def test_every_import_of_the_pages_works(page):
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        for node in ast.parse(block).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(compile(ast.Module([node], []), str(page), "exec"), {})


@for_each(LIVING, named=name_of)
def test_every_command_of_the_pages_exists_with_its_flags(page, flags):
    for call in commands_of(page.read_text(encoding="utf-8")):
        command, rest = split_call(call, flags)
        stands_for_any = [w for w in call.split()[:2] if w.isupper() or w.startswith("-")]
        if stands_for_any:
            continue
        assert command is not None, f"fatescope {call}: no such command"
        for flag in FLAG.findall(" ".join(rest)):
            assert flag in flags[command], f"fatescope {command} has no {flag}"


@for_each(LIVING, named=name_of)
def test_every_flag_that_the_pages_name_belongs_to_a_command_or_to_the_script_beside_it(
    page, flags
):
    known = set().union(*flags.values())
    for line, code in code_of(page.read_text(encoding="utf-8")):
        for flag in set(FLAG.findall(code)) - known if "planned" not in line else ():
            script = re.search(r"benchmarks[./](\w+)", line)
            if script:
                path = ROOT / "benchmarks" / script[1]
                path = path.with_suffix(".py") if path.with_suffix(".py").exists() else path
                sources = [path] if path.is_file() else sorted(path.glob("*.py"))
                assert any(flag in s.read_text(encoding="utf-8") for s in sources), (flag, line)
            else:
                assert OTHER_PROGRAMS.search(code), f"{flag} is no flag of any command: {line}"


@for_each(LIVING, named=name_of)
def test_make_targets_that_the_pages_name_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for _, code in code_of(page.read_text(encoding="utf-8")):
        for named in re.findall(r"^make ((?:[a-z-]+ ?)+)", code.split("#")[0].strip()):
            assert set(named.split()) <= targets, code


def test_the_settings_page_has_an_import_line_for_every_class():
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert page.count("\n## ") == page.count("```python\nfrom fatescope")
    assert page.count("\n## ") > 20


def test_the_settings_that_are_said_to_be_flags_are_flags(flags):
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    n_checked = 0
    for section in page.split("\n## ")[1:]:
        said = re.search(r"Flags of (.*)\.\n", section)
        for command in re.findall(r"`([^`]+)`", said[1]) if said else ():
            for name in re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE):
                assert "--" + name.replace("_", "-") in flags[command], (command, name)
                n_checked += 1
    assert n_checked > 100


def test_a_page_tells_how_to_activate_the_environment_before_its_first_command():
    for page in (DOCS / "first-steps.md", DOCS / "index.md", ROOT / "README.md"):
        text = page.read_text(encoding="utf-8")
        first = re.search(r"^fatescope ", text, re.MULTILINE)
        told = text.find("activate")
        assert told >= 0, f"{page.name} does not tell"
        assert first is None or told < first.start(), page.name


def test_scripts_that_pages_name_exist_and_their_imports_work():
    named = {
        path
        for page in LIVING
        for path in re.findall(r"\b(benchmarks/\w+\.py)", page.read_text(encoding="utf-8"))
    }
    for path in named:
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("fatescope"):
                exec(compile(ast.Module([node], []), path, "exec"), {})
