"""Write the pages that lead from what was published, and what users wish for, to tests.

``python -m benchmarks.evidence_pages`` writes ``docs/published-steps.md``, ``docs/gallery.md`` and
``docs/wishes.md`` from ``benchmarks/evidence/*.toml``. A row without a test is refused, and so is
a test that does not exist or a command line that would not be accepted.
"""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
ROWS = ROOT / "benchmarks" / "evidence"
STATES = ("met", "partly", "not met")

STEPS_HEAD = """# Published steps

Each step, setting, figure and tool of the five published documents that fatescope grew out of: the
command that does it here, where it is seen, and the tests that fail when it no longer works. A test
of the documentation reads this list: a row without a test, a test that does not exist, and a
command that is not accepted fail. What the published systems reached, and what to know about it,
stands in the [reproduction notes](reproduction.md); their figures, made again, in the
[gallery](gallery.md). What the same authors wrote on worms in motion is [out of scope](scope.md).

Written by `python -m benchmarks.evidence_pages`.
"""

GALLERY_HEAD = """# Gallery

The figures and films of the five published documents, made again by fatescope, with the commands
below each. All of them show rendered images, so that anybody can repeat them without data, and they
come from the shortest runs (`--quick`): they show that a figure is made and how it looks, and prove
nothing about cells. What the published systems reach on recorded images stands in the
[reproduction notes](reproduction.md); the figures of the systems of today on their own pages.

Images by `python -m benchmarks.gallery --runs FOLDER`, those of lineages by
`python benchmarks/docs_images.py lineage` from a rendered embryo; this page by
`python -m benchmarks.evidence_pages`.
"""

WISHES_HEAD = """# What users ask for

Users of other programs say in public what hurts. These are the 22 wishes that they voice most
often, most painful first, with what meets them here and the tests that fail when it no longer
holds. A wish is *met* only where a test can say so; what is missing is written down.

Written by `python -m benchmarks.evidence_pages`.
"""


def main() -> None:
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(DOCS / name)


def pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    for where, row in rows():
        check(where, row)
    return {
        "published-steps.md": steps_page(),
        "gallery.md": gallery_page(),
        "wishes.md": wishes_page(),
    }


def documents() -> list[dict[str, Any]]:
    """Return the published documents, each with its rows."""
    return tomllib.loads((ROWS / "published.toml").read_text(encoding="utf-8"))["document"]


def wishes() -> list[dict[str, Any]]:
    """Return the wishes in their order."""
    return tomllib.loads((ROWS / "wishes.toml").read_text(encoding="utf-8"))["wish"]


def rows() -> list[tuple[str, dict[str, Any]]]:
    """Return every row of both lists with a name for it."""
    steps = [(f"{d['name']}: {row['step']}", row) for d in documents() for row in d["row"]]
    return [*steps, *((wish["id"], wish) for wish in wishes())]


def check(where: str, row: dict[str, Any]) -> None:
    """Raise `ValueError` where a row claims what nothing proves."""
    state = row.get("state", "met")
    if state not in STATES:
        raise ValueError(f"{where}: {state} is none of {', '.join(STATES)}")
    if state != "not met" and not row["tests"]:
        raise ValueError(f"{where}: no test proves it")
    if state != "met" and not row.get("open"):
        raise ValueError(f"{where}: it is {state}, and what is missing is not said")
    for test in row["tests"]:
        path, _, name = test.partition("::")
        if name not in tests_in(path):
            raise ValueError(f"{where}: there is no test {test}")
    for command in (*row.get("commands", ()), *row.get("drawn", ())):
        parse_command(command)
    folders = re.findall(r"--out (\S+)", " ".join(row.get("commands", ())))
    if len(set(folders)) < len(folders):
        raise ValueError(f"{where}: two of its commands write into one folder")
    for image, _ in row.get("images", ()):
        if not (DOCS / "images" / image).is_file():
            raise ValueError(f"{where}: there is no figure {image}")


@cache
def tests_in(path: str) -> frozenset[str]:
    """Return the names of the tests in a file; none where there is no such file."""
    if not (ROOT / path).is_file():
        return frozenset()
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return frozenset(node.name for node in found if node.name.startswith("test_"))


@cache
def command_line() -> Any:
    """Return the whole command line, every group loaded."""
    import typer

    from fatescope.cli.main import load_commands

    return typer.main.get_command(load_commands(None))


def parse_command(line: str) -> str:
    """Return the name of the command if the command line accepts it, without running it."""
    words = shlex.split(line)
    if words[:1] != ["fatescope"]:
        raise ValueError(f"{line}: not a command of fatescope")
    command, name, rest = command_line(), "fatescope", words[1:]
    while hasattr(command, "commands"):
        if not rest or rest[0] not in command.commands:
            raise ValueError(f"{line}: no such command")
        name, rest = rest[0], rest[1:]
        command = command.commands[name]
    try:
        command.make_context(name, list(rest)).close()
    except Exception as error:
        say = getattr(error, "format_message", error.__str__)
        raise ValueError(f"{line}: {say()}") from error
    return name


def steps_page() -> str:
    """Return the page of the published steps."""
    parts = [STEPS_HEAD]
    for document in documents():
        parts.append(f"\n## {document['title']}\n\n{document['about']} As a whole, published and ")
        parts.append(f"corrected: [{document['name']}]({document['page']}).\n\n")
        parts.append("| published step | command | seen in | tests |\n|--|--|--|--|\n")
        parts += [
            _row(row["step"], _commands(row["commands"]), row["where"], _tests(row["tests"]))
            for row in document["row"]
        ]
    return "".join(parts)


def gallery_page() -> str:
    """Return the page of the published figures, made again."""
    parts = [GALLERY_HEAD]
    for document in documents():
        parts.append(f"\n## {document['title']}\n")
        for row in (row for row in document["row"] if "images" in row):
            parts.append(f"\n**{row['step']}.**\n\n")
            parts += [f"![{words}](images/{image})\n" for image, words in row["images"]]
            parts.append("\n```\n" + "\n".join(row["drawn"]) + "\n```\n")
    return "".join(parts)


def wishes_page() -> str:
    """Return the page of the wishes."""
    all_of_them = wishes()
    counts = [f"{sum(w['state'] == state for w in all_of_them)} {state}" for state in STATES]
    parts = [WISHES_HEAD, f"\nToday: {', '.join(counts)}.\n\n"]
    parts.append("| wish | state | what meets it, and what is missing | tests |\n|--|--|--|--|\n")
    for wish in all_of_them:
        missing = f" **Missing:** {wish['open']}" if wish["state"] != "met" else ""
        asked = f"{wish['id']}. {wish['wish']}"
        parts.append(_row(asked, wish["state"], wish["met"] + missing, _tests(wish["tests"])))
    return "".join(parts)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _commands(lines: list[str]) -> str:
    return "<br>".join(f"`{line}`" for line in lines) or "a notebook"


def _tests(names: list[str]) -> str:
    """Return tests as the sentences that they are, with the file of each."""
    said = []
    for test in names:
        path, _, name = test.partition("::")
        sentence = name.removeprefix("test_").replace("_", " ")
        said.append(f"*{sentence}* (`{path.removeprefix('tests/')}`)")
    return "<br>".join(said)


if __name__ == "__main__":
    main()
