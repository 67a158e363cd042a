"""``fatescope train``: from pairs to a model package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Fresh, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import app
from fatescope.train.leave_out_settings import LeaveOut

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="a shipped name, or a TOML file")]
Data = Annotated[Path, typer.Option("--data", help="folder with samples.csv", show_default=False)]
From = Annotated[
    str | None, typer.Option("--from", help="package whose weights are trained further")
]
Exclude = Annotated[
    Path | None,
    typer.Option(
        "--exclude",
        help="exclusion.csv, as clean --apply writes it: these samples are left out of training",
    ),
]
Variants = Annotated[
    str | None,
    typer.Option("--variants", help="train these variants of the recipe, for instance a,b"),
]


@command(app, "train", example="fatescope train nuclei --data pairs --out my-nuclei")
def train(
    recipe: RecipeName,
    data: Data,
    out: Out,
    leave_out: LeaveOut,
    console: Console,
    start: From = None,
    exclude: Exclude = None,
    variants: Variants = None,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Train a network on labelled images and write a model package with its card."""
    from fatescope.systems.training.plan import plan_training
    from fatescope.systems.training.train import train_model
    from fatescope.systems.training.variants import train_variants
    from fatescope.train.recipe import choose_variants, read_recipe

    chosen = read_recipe(recipe)
    if plan:
        names = ["recipe"] if variants is None else variants.split(",")
        recipes = [*choose_variants(chosen, [name.strip() for name in names]).values()]
        return plan_training(recipes, data=data, leave_out=leave_out)
    if variants is not None:
        return train_variants(
            chosen,
            [name.strip() for name in variants.split(",")],
            data=data,
            out=out,
            start=start,
            called=Path(recipe).name,
            leave_out=leave_out,
            exclude=exclude,
            progress=console.progress,
            fresh=fresh,
        )
    return train_model(
        chosen,
        data=data,
        out=out,
        start=start,
        leave_out=leave_out,
        exclude=exclude,
        called=Path(recipe).name,
        progress=console.progress,
        fresh=fresh,
    )
