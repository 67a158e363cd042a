"""The training step, the running average of the weights, and what a checkpoint holds."""

from __future__ import annotations

import copy
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fatescope.train._lightning import lightning
from fatescope.train.losses import nucleus_loss
from fatescope.train.networks import build_network
from fatescope.train.rates import rate_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fatescope.train.crops import CropSource
    from fatescope.train.settings import Stage

PARTS = ("loss", "foreground", "dice", "distance", "border", "offset")
Row = dict[str, float]


@dataclass(frozen=True, slots=True)
class EpochBatches:
    """The batches of one epoch; crop numbers follow from the step alone.

    The next batch is cut in a thread beside the training step: the same batches, sooner.
    """

    source: CropSource
    first_step: int
    n_steps: int
    batch: int

    def __len__(self) -> int:
        return self.n_steps

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        steps = range(self.first_step, self.first_step + self.n_steps)
        with ThreadPoolExecutor(max_workers=1) as beside:
            following = beside.submit(self._at, steps[0])
            for step in steps:
                batch = following.result()
                if step + 1 in steps:
                    following = beside.submit(self._at, step + 1)
                yield batch

    def _at(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        numbers = range(step * self.batch, (step + 1) * self.batch)
        images, targets = zip(*[self.source.crop(n) for n in numbers], strict=True)
        return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(targets))


class NucleusLearner(lightning.LightningModule):  # type: ignore[misc] # lightning is not followed
    """What Lightning trains. ``averaged`` is the network that is shipped.

    Parameters
    ----------
    recipe : Stage
        All settings of one fit.
    source : CropSource
        Where crops come from.
    validate : callable, optional
        Scores the averaged network; called every ``recipe.fit.validate_every`` epochs.
    on_epoch : callable, optional
        Called after each epoch (to write checkpoint and log, to show progress).
    """

    def __init__(
        self,
        recipe: Stage,
        *,
        source: CropSource,
        validate: Callable[[torch.nn.Module], Row] | None = None,
        on_epoch: Callable[[NucleusLearner], None] | None = None,
    ) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = build_network(recipe.network, seed=recipe.seed)
        self.network.to(memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.history: list[Row] = []
        self._source = source
        self._validate = validate
        self._on_epoch = on_epoch
        self._sums = dict.fromkeys(PARTS, 0.0)
        self._restored: dict[str, Any] | None = None
        self.n_steps = 0
        self._cpu_before = 0.0
        self._cpu_start = time.process_time()

    @property
    def cpu_seconds(self) -> float:
        """CPU time of this process and of those before it that it continues."""
        return self._cpu_before + time.process_time() - self._cpu_start

    @property
    def n_epochs(self) -> int:
        """Epochs done, those before an interruption included."""
        return len(self.history)

    def state(self) -> dict[str, Any]:
        """Return all that a continued run needs: weights, average, optimiser, curve."""
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.trainer.optimizers[0].state_dict(),
            "n_steps": self.n_steps,
            "cpu_seconds": self.cpu_seconds,
            "history": [dict(row) for row in self.history],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`; the optimiser follows when it is made."""
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.n_steps = int(state["n_steps"])
        self._cpu_before = float(state["cpu_seconds"])
        self.history = [dict(row) for row in state["history"]]
        self._restored = state

    def train_dataloader(self) -> EpochBatches:
        """Return the batches of the current epoch."""
        fit = self.recipe.fit
        n_steps = min(fit.steps_per_epoch, fit.steps - self.n_steps)
        return EpochBatches(self._source, self.n_steps, n_steps, fit.batch)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Freeze or free the encoder of a network by name."""
        if hasattr(self.network, "prepare_step"):
            self.network.prepare_step(self.n_steps)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> torch.Tensor:
        """Return the loss of one batch, and add its parts to the log of the epoch."""
        image, target = batch
        logits = self.network.logits(image.contiguous(memory_format=torch.channels_last))
        parts = nucleus_loss(logits.float(), target, settings=self.recipe.loss)
        for name in PARTS:
            self._sums[name] += float(parts[name].detach())
        return parts["loss"]

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Move the average a little towards the weights: more in the beginning."""
        self.n_steps += 1
        memory = min(self.recipe.fit.average, (1 + self.n_steps) / (10 + self.n_steps))
        state = self.network.state_dict()
        with torch.no_grad():
            for name, average in self.averaged.state_dict().items():
                if average.is_floating_point():
                    average.lerp_(state[name], 1 - memory)
                else:
                    average.copy_(state[name])

    def on_train_epoch_end(self) -> None:
        """Add a row to the history; every few epochs with scores on validation pictures."""
        fit = self.recipe.fit
        n_steps = self.n_steps - int(self.history[-1]["step"] if self.history else 0)
        row = {"epoch": float(self.n_epochs), "step": float(self.n_steps)}
        row["rate"] = float(self.trainer.optimizers[0].param_groups[0]["lr"])
        row |= {name: total / n_steps for name, total in self._sums.items()}
        self._sums = dict.fromkeys(PARTS, 0.0)
        last = self.n_steps >= fit.steps
        if self._validate and (last or (self.n_epochs + 1) % fit.validate_every == 0):
            row |= self._validate(self.averaged)
        self.history.append(row)
        if self._on_epoch:
            self._on_epoch(self)

    def configure_optimizers(self) -> Any:
        """AdamW (no decay on biases and norms); the rate follows the schedule of the recipe."""
        fit = self.recipe.fit
        groups = []
        for share, parameters in self._rate_groups():
            matrices = [p for p in parameters if p.ndim > 1]
            vectors = [p for p in parameters if p.ndim <= 1]
            for some, decay in ((matrices, fit.weight_decay), (vectors, 0.0)):
                groups.append({"params": some, "weight_decay": decay, "lr": fit.rate * share})
        optimizer = torch.optim.AdamW(groups, lr=fit.rate)
        first = self.n_steps  # the schedule counts the steps of this process
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: rate_at(first + step, fit=fit, history=self.history) / fit.rate,
        )
        if self._restored is not None:
            optimizer.load_state_dict(self._restored["optimizer"])
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _rate_groups(self) -> list[tuple[float, list[torch.nn.Parameter]]]:
        named = getattr(self.network, "rate_groups", None)
        return named() if named else [(1.0, list(self.network.parameters()))]
