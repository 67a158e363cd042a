"""The groups of commands."""

from __future__ import annotations

import typer

from fatescope.cli.help import GroupHelp


def _group(help: str, parent: typer.Typer | None = None, name: str | None = None) -> typer.Typer:
    group = typer.Typer(
        help=help,
        name=name,
        cls=GroupHelp,
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
GROUPS = {
    "": app,
    **{
        name: _group(text, app, name)
        for name, text in {
            "predict": "Find and measure what is in images.",
            "evaluate": "Score results against the truth.",
            "prepare": "Make training data, split by independent units.",
            "lineage": "Read, check, name, compare and edit lineages.",
            "plate": "Read plates of many wells.",
            "data": "List, fetch and pack data sets.",
            "models": "List, check and exchange model packages.",
            "watch": "Predict while images arrive, each when its file is whole.",
            "simulate": "Render images and lineages with exact truth.",
            "reproduce": "Run a published recipe as published, then the corrected one.",
        }.items()
    },
}
"""By the first word of their commands; those of one word lie in the command itself."""
