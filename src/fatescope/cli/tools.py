"""The commands that belong to no system: the app, packages, and what is done with results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.systems.description import EXECUTION, OUT, Argument, Command, Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.app.settings import AppSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What is left to say once the app was ended."""

    folder: str
    errors: tuple[str, ...] = ()
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return where files and results are."""
        return {"command": "app", "out": self.folder}

    def as_lines(self) -> list[str]:
        """Return nothing: Ctrl-C was the last word."""
        return []


def open_app(settings: AppSettings, *, say: Callable[[str], None]) -> Closed:
    """Serve the app until it is ended."""
    from fatescope.app import serve_app

    serve_app(settings, say=say)
    return Closed(folder=str(settings.folder))


COMMANDS = (
    Command(
        name="app",
        help="""
            Open the app in the browser: drop images or tables, choose a question, see the answer.

            It runs on this machine and answers nobody else: the link in the terminal opens it
            once, for one browser. Files that are dropped and results are kept in the folder given
            by --folder, and work that was not finished is continued at the next start.
            """,
        example="fatescope app",
        run="fatescope.cli.tools:open_app",
        settings={"settings": "fatescope.app.settings:AppSettings"},
        fresh=False,
    ),
    Command(
        name="diff",
        help="""
            Say whether two results are the same: tables cell by cell, images pixel by pixel.

            Names what differs and by how much, and what the records say was different: inputs,
            settings, model, versions, processor. The exit code is 0 where all is the same, the
            content of inputs too, otherwise 1.
            """,
        example="fatescope diff results results-of-a-colleague",
        run="fatescope.engine.diff:diff_results",
        arguments=(
            Argument("first", "an output folder", metavar="FIRST"),
            Argument("second", "another one", metavar="SECOND"),
        ),
        fresh=False,
    ),
    Command(
        name="doctor",
        help="""Say what is wrong with the installation, or what was understood of files.

            Looks at Python, packages and extras, processor, memory, disk and models, and outlines
            the nuclei of a small rendered image. Nothing is changed or sent. The exit code is 1 if
            something is wrong.

            With files it says of each image instead what was understood of it (format, axes, pixel
            size, times, channels, objective) and what is in doubt, as a table that can be pasted
            into a question.
            """,
        example="fatescope doctor",
        run="fatescope.systems.file_report:examine",
        arguments=(
            Argument(
                "files",
                "images or folders of them",
                type=list[Path],
                metavar="[FILE]...",
                default=None,
            ),
        ),
        fresh=False,
    ),
    Command(
        name="models list",
        help="List the models that come with fatescope.",
        example="fatescope models list",
        run="fatescope.systems.packages:list_packages",
        fresh=False,
    ),
    Command(
        name="models show",
        help="Show a model's card: what it was trained on, and its held-out numbers.",
        example="fatescope models show nuclei",
        run="fatescope.systems.packages:show_package",
        arguments=(
            Argument(
                "name_or_path", "a shipped name, or a folder or zip", type=str, metavar="MODEL"
            ),
        ),
        fresh=False,
    ),
    Command(
        name="models check",
        help="Check that packages are whole and still give what they gave when they were made.",
        example="fatescope models check nuclei",
        run="fatescope.systems.packages:check_packages",
        arguments=(
            Argument(
                "names_or_paths", "shipped names, folders or zips", type=list[str], metavar="MODEL"
            ),
        ),
        fresh=False,
    ),
    Command(
        name="models export",
        help="Copy a package, checked, into a folder or a zip.",
        example="fatescope models export nuclei --out nuclei.zip",
        run="fatescope.systems.packages:export_package",
        arguments=(
            Argument(
                "name_or_path", "a shipped name, or a folder or zip", type=str, metavar="MODEL"
            ),
            Option("out", "a new folder, or a file ending in .zip", metavar="PATH", default=...),
        ),
        fresh=False,
    ),
    Command(
        name="models import",
        help="Make a package folder of a zip, or of an ONNX file with its six-line sidecar.",
        example="fatescope models import network.onnx --out my-model",
        run="fatescope.systems.packages:import_package",
        arguments=(
            Argument("source", "a zip, a folder, or ONNX with a .toml beside it", metavar="FILE"),
            Option("out", "a new folder", metavar="PATH", default=...),
        ),
        fresh=False,
    ),
    Command(
        name="query",
        help="""Ask one question in SQL of the tables of one result or of many; only reads.

            Each table (objects, images, findings, and what else a command wrote) has the column
            run in front, which tells the folder. Without SQL, the tables and their columns are
            listed. A question can write nothing, and read nothing but these tables.
            """,
        example='fatescope query results "SELECT image, count(*) AS n FROM objects GROUP BY image"',
        run="fatescope.engine.query:answer_words",
        arguments=(
            Argument(
                "words",
                "output folders, or folders that hold such; last the question",
                type=list[str],
                metavar="RESULTS... [SQL]",
            ),
            Option("out", "a new file ending in .csv or .parquet", metavar="FILE"),
        ),
        fresh=False,
    ),
    Command(
        name="replay",
        help="""
            Predict again with the inputs and settings of a result's own record, and compare.

            An input that has changed is refused. The answer is that of diff, and so is the exit
            code: 0 where all is the same, otherwise 1.
            """,
        example="fatescope replay results --out again",
        run="fatescope.systems.replay:replay_result",
        settings={"execution": EXECUTION},
        arguments=(Argument("folder", "output folder of a predict", metavar="DIR"), OUT),
    ),
)
