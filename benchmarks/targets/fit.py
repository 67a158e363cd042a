"""The same training for each design: AdamW, one cycle, a running average; a budget in CPU time."""

from __future__ import annotations

import copy
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from benchmarks.targets.design import Design, LabelledCrops

from fatescope.train.precision import training_precision
from fatescope.train.rates import rate_at
from fatescope.train.settings import FitSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROUNDS = 9
STEPS_OF_A_ROUND = 4
STEPS_OF_A_TURN = 10
STEPS_BETWEEN_CHECKPOINTS = 100


class Run:
    """A network on its way; all that is needed to go on is in `state`."""

    def __init__(
        self, design: Design, crops: LabelledCrops, *, settings: FitSettings, seed: int
    ) -> None:
        self.design = design
        self.settings = settings
        self.network = design.network(seed).to(memory_format=torch.channels_last).train()
        self.averaged = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.n_steps = 0
        self.cpu_seconds = 0.0
        self.losses: list[float] = []
        self._crops = crops
        parameters = list(self.network.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1]},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            groups, lr=self.settings.rate, weight_decay=self.settings.weight_decay
        )

    @property
    def done(self) -> bool:
        return self.n_steps >= self.settings.steps

    def step(self) -> None:
        """Make targets of the next crops, move the weights, and the average after them."""
        begun = time.process_time()
        batch = range(self.n_steps * self.settings.batch, (self.n_steps + 1) * self.settings.batch)
        crops = [self._crops.labelled(i) for i in batch]
        image = torch.from_numpy(np.stack([c.image for c in crops])[:, None])
        target = torch.from_numpy(np.stack([self.design.target(c) for c in crops]))
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.n_steps, fit=self.settings)
        low = training_precision(self.settings.precision) == "bfloat16"
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
            logits = self.network.logits(image.contiguous(memory_format=torch.channels_last))
        loss = self.design.loss(logits.float(), target)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        self.optimizer.step()
        self.n_steps += 1
        self._average()
        self.losses.append(float(loss.detach()))
        self.cpu_seconds += time.process_time() - begun

    def _average(self) -> None:
        memory = min(self.settings.average, (1 + self.n_steps) / (10 + self.n_steps))
        state = self.network.state_dict()
        with torch.no_grad():
            for name, average in self.averaged.state_dict().items():
                if average.is_floating_point():
                    average.lerp_(state[name], 1 - memory)
                else:
                    average.copy_(state[name])

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "n_steps": self.n_steps,
            "cpu_seconds": self.cpu_seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        for name in ("network", "averaged", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.n_steps, self.cpu_seconds = int(state["n_steps"]), float(state["cpu_seconds"])


def seconds_per_step(
    designs: Sequence[Design], crops: LabelledCrops, *, seed: int
) -> dict[str, float]:
    """Measure the CPU time of a step of each design, in turn, so that all see the same machine."""
    runs = [Run(d, crops, settings=FitSettings(steps=1000), seed=seed) for d in designs]
    found: dict[str, list[float]] = {d.name: [] for d in designs}
    for _ in range(1 + ROUNDS):
        for run in runs:
            before = run.cpu_seconds
            for _ in range(STEPS_OF_A_ROUND):
                run.step()
            found[run.design.name].append((run.cpu_seconds - before) / STEPS_OF_A_ROUND)
    return {name: statistics.median(seconds[1:]) for name, seconds in found.items()}


def fit_in_turns(runs: Sequence[Run], folder: Path) -> None:
    """Train all to the end, or go on from the checkpoints in ``folder``.

    The run that is furthest behind is next: at any moment all have used the same share of their
    budget, on the same machine with the same neighbours.
    """
    for run in runs:
        checkpoint = folder / f"{run.design.name}.ckpt"
        if checkpoint.exists():
            run.restore(torch.load(checkpoint, weights_only=True))
    while any(not run.done for run in runs):
        run = min(runs, key=lambda r: r.n_steps / r.settings.steps)
        for _ in range(min(STEPS_OF_A_TURN, run.settings.steps - run.n_steps)):
            run.step()
        if run.n_steps % STEPS_BETWEEN_CHECKPOINTS == 0 or run.done:
            _keep(run, folder / f"{run.design.name}.ckpt")


def _keep(run: Run, checkpoint: Path) -> None:
    """Write a checkpoint beside its final name, then rename it."""
    beside = checkpoint.with_suffix(".part")
    torch.save(run.state(), beside)
    beside.replace(checkpoint)
    mean = statistics.fmean(run.losses[-STEPS_BETWEEN_CHECKPOINTS:])
    print(
        f"{run.design.name}: {run.n_steps} of {run.settings.steps} steps, "
        f"{run.cpu_seconds / 60:.1f} CPU-min, loss {mean:.4f}",
        flush=True,
    )
