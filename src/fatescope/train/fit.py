"""Run a recipe, with checkpoints: killed and continued is the same curve, bit for bit."""

from __future__ import annotations

import copy
import logging
import math
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from fatescope.models import find_package, read_package
from fatescope.prepare.store import read_samples, write_rows
from fatescope.train._lightning import lightning
from fatescope.train.crops import CropSource
from fatescope.train.export import load_weights, weights_bytes
from fatescope.train.learner import NucleusLearner, Row
from fatescope.train.pictures import load_pictures
from fatescope.train.precision import training_precision
from fatescope.train.validation import score_network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fatescope.train.networks import SmallUNet
    from fatescope.train.settings import Recipe, Stage

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a training run leaves behind."""

    network: SmallUNet  # with averaged weights, in evaluation mode
    history: list[Row]
    cpu_minutes: float  # of all calls that led here


def fit_recipe(
    recipe: Recipe,
    *,
    data: Path,
    out: Path,
    start: Path | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Fitted:
    """Train a network in all stages of a recipe, or continue where an earlier call was stopped.

    Parameters
    ----------
    recipe : Recipe
        One stage, or several: each begins with the averaged weights of the one before, or of the
        one that it names.
    data : Path
        Folder with ``samples.csv``; rows of the split ``test`` are not opened.
    out : Path
        Takes ``checkpoints/last.ckpt`` and ``log.csv`` of the last stage after every epoch, and
        those of the stages before it in ``stage-1``, ``stage-2`` and so on.
    start : path or str, optional
        A package, by path or shipped name, whose weights are the beginning.
    progress : callable, optional
        Told steps done, steps in all, and what is going on.

    Returns
    -------
    Fitted
        On one kind of processor bit for bit the same, however often the run was stopped. The
        history is that of the last stage, CPU time is that of all.
    """
    weights: dict[int, bytes | None] = {0: None}
    if start is not None:
        weights[0] = read_package(find_package(start)).files.get("weights.safetensors", b"")
    fits: dict[int, Fitted] = {}
    for number, stage in enumerate(recipe.stages, start=1):
        is_last = number == len(recipe.stages)
        fits[number] = fit_stage(
            stage,
            data=data,
            out=out if is_last else out / f"stage-{number}",
            weights=weights[number - 1 if stage.after is None else stage.after],
            progress=progress,
        )
        weights[number] = weights_bytes(fits[number].network)
    last = fits[len(recipe.stages)]
    if recipe.mean_of:
        last = replace(last, network=mean_network([fits[n].network for n in recipe.mean_of]))
    return replace(last, cpu_minutes=sum(fit.cpu_minutes for fit in fits.values()))


def mean_network(networks: Sequence[SmallUNet]) -> SmallUNet:
    """Return a network whose weights are the means of those of others of the same kind.

    Networks that went on from the same weights in different ways lie close enough for that, and
    the mean is a little better than each (Wortsman et al., Model soups, ICML 2022).
    """
    mean = copy.deepcopy(networks[0])
    states = [network.state_dict() for network in networks]
    with torch.no_grad():
        for name, value in mean.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.stack([state[name].double() for state in states]).mean(0))
    mean.eval()
    return mean


def fit_stage(
    recipe: Stage,
    *,
    data: Path,
    out: Path,
    weights: bytes | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Fitted:
    """Do one fit of a recipe; as `fit_recipe`, with safetensors to begin with.

    Raises
    ------
    ModelError
        If ``weights`` belong to another network.
    """
    torch.set_num_threads(recipe.fit.threads)
    working = recipe.crops.diameter_px
    samples = read_samples(data, splits=["train"])
    learning = load_pictures(
        [s for s in samples if s.kind not in recipe.crops.without],
        working_px=working,
        ignore_label=recipe.crops.ignore_label,
    )
    choosing = read_samples(data, splits=["validation"])

    def on_epoch(learner: NucleusLearner) -> None:
        _keep(learner.state(), checkpoint)
        write_rows(out / "log.csv", learner.history)
        _LOG.info("%s", learner.history[-1])
        if progress:
            progress(learner.n_steps, recipe.fit.steps, "training")

    learner = NucleusLearner(
        recipe,
        source=CropSource(learning, settings=recipe.crops, seed=recipe.seed),
        validate=(lambda net: score_network(net, choosing, stage=recipe)) if choosing else None,
        on_epoch=on_epoch,
    )
    checkpoint = out / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        learner.restore(torch.load(checkpoint, weights_only=True))
    elif weights is not None:
        load_weights(learner.network, weights)
        load_weights(learner.averaged, weights)
    if learner.n_steps < recipe.fit.steps:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            _trainer(recipe, learner.n_steps).fit(learner)
    return Fitted(
        network=learner.averaged.eval(),
        history=learner.history,
        cpu_minutes=learner.cpu_seconds / 60,
    )


def _keep(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint beside its final name, then rename it."""
    beside = path.with_suffix(".part")
    torch.save(state, beside)
    beside.replace(path)


def _trainer(recipe: Stage, n_steps: int) -> Any:
    """Return a trainer for the epochs left: Lightning counts from 0, the learner goes on."""
    # It greets with its devices and advertises a service; a run speaks for itself.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    low = training_precision(recipe.fit.precision) == "bfloat16"
    return lightning.Trainer(
        accelerator="auto",
        devices=1,
        precision="bf16-mixed" if low else "32-true",
        max_epochs=math.ceil((recipe.fit.steps - n_steps) / recipe.fit.steps_per_epoch),
        gradient_clip_val=recipe.fit.clip,
        reload_dataloaders_every_n_epochs=1,
        deterministic=True,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
