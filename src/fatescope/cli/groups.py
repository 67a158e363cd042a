"""The groups of commands. A file beside this one adds its commands to a group on import."""

from __future__ import annotations

import typer

from fatescope.cli.help import Group


def _group(help: str, parent: typer.Typer | None = None, name: str | None = None) -> typer.Typer:
    group = typer.Typer(
        help=help,
        name=name,
        cls=Group,
        no_args_is_help=True,
        add_completion=parent is None,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    if parent is not None:
        parent.add_typer(group)
    return group


app = _group(
    "From images of developing embryos and of cells on plates to tables that can be trusted."
)
predict = _group("Find and measure what is in images.", app, "predict")
evaluate = _group("Score results against the truth.", app, "evaluate")
prepare = _group("Make training data, split by independent units.", app, "prepare")
lineage = _group("Read, check, name, compare and edit lineages.", app, "lineage")
plate = _group("Read plates of many wells.", app, "plate")
data = _group("List, fetch and pack data sets.", app, "data")
models = _group("List, check and exchange model packages.", app, "models")
watch = _group("Predict while images arrive, each when its file is whole.", app, "watch")
simulate = _group("Render images and lineages with exact truth.", app, "simulate")
reproduce = _group("Run a published recipe as published, then the corrected one.", app, "reproduce")
