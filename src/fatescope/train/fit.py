"""The one training loop: any task, killed and continued to the same curve, bit for bit.

Several networks may go through it together: a batch that they share is made once and shown to
each of them, and each gets the weights that it would get alone.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fatescope.train.one_fit import Fit, FitClock, Report, RunningFit, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from fatescope.base import Progress
    from fatescope.train.fit_settings import FitSettings
    from fatescope.train.task import Batch, Row, Task


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a training leaves behind."""

    network: Any  # with averaged weights, in evaluation mode
    history: list[Row]
    cpu_minutes: float  # of all calls that led here


def fit(
    task: Task[Batch],
    settings: FitSettings,
    *,
    folder: Path,
    weights: Callable[[torch.nn.Module], None] | None = None,
    report: Report | None = None,
    watch: Watch | None = None,
) -> Fitted:
    """Train the network of a task, or continue where an earlier call was stopped.

    Parameters
    ----------
    task : Task
    settings : FitSettings
    folder : Path
        Takes ``checkpoints/last.ckpt``, ``log.csv`` and ``times.csv`` after each epoch.
    weights : callable, optional
        Fills a fresh network with weights to begin with, in place.
    report : callable, optional
        Called after each epoch, once its checkpoint is written.
    watch : callable, optional
        Sees the network wherever it is validated, for a film of its predictions.

    Returns
    -------
    Fitted
        On one kind of processor bit for bit the same, however often the run was stopped.
    """
    one = Fit(
        task=task, settings=settings, folder=folder, weights=weights, report=report, watch=watch
    )
    return fit_together([one])[0]


def fit_together(fits: Sequence[Fit]) -> list[Fitted]:
    """Train several networks in one pass over their batches, or continue.

    Parameters
    ----------
    fits : sequence of Fit
        Those of one stream and one batch size share batches: each is made once and shown to all.
        Every fit has its own folder, number of steps, epochs and checkpoint.

    Returns
    -------
    list of Fitted
        Each bit for bit what `fit` makes of it alone.
    """
    torch.set_num_threads(max(f.settings.threads for f in fits))
    trainings = [RunningFit(f) for f in fits]
    streams: dict[tuple[object, int], list[RunningFit]] = {}
    for training in trainings:
        training.resume()
        streams.setdefault(training.fit.stream, []).append(training)
    with ExitStack() as stack:
        passes = [stack.enter_context(closing(_go_through(some))) for some in streams.values()]
        while passes:
            passes = [one for one in passes if next(one, None) is not None]
    return [
        Fitted(
            network=t.averaged.module.cpu().eval(),
            history=t.history,
            cpu_minutes=t.cpu_seconds / 60,
        )
        for t in trainings
    ]


def _go_through(members: Sequence[RunningFit]) -> Generator[int]:
    """Show each batch of a stream to all who need it; pause after each, with its number.

    The next batch is made in a thread beside the step, but not while somebody validates. Whoever
    was ahead when an earlier call was stopped waits for the others.
    """
    task, size = members[0].fit.task, members[0].fit.settings.batch
    with ThreadPoolExecutor(max_workers=1) as beside:
        following = None
        while left := [t for t in members if not t.is_done]:
            clock = FitClock()
            step = min(t.n_steps for t in left)
            now = [t for t in left if t.n_steps == step]
            batch = (following or beside.submit(task.batch, step, size)).result()
            ends = any(t.ends_epoch for t in now)
            following = None if ends else beside.submit(task.batch, step + 1, size)
            shown = tuple(tensor.to(now[0].device) for tensor in batch)
            waited = clock.lap()
            for training in now:
                training.wait(waited, len(now))
                training.take(shown, clock)
            yield step


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCost:
    """CPU seconds of a step and of a validation, and the number of weights."""

    step_seconds: float
    batch_seconds: float  # of a step's, those that make its batch
    validation_seconds: float
    n_weights: int

    def of_fit(self, settings: FitSettings, *, shared: bool = False) -> float:
        """Return the CPU seconds of a whole fit; of one that another fit lends its batches."""
        epochs = math.ceil(settings.steps / settings.steps_per_epoch)
        validations = math.ceil(epochs / settings.validate_every)
        step = self.step_seconds - (self.batch_seconds if shared else 0.0)
        return settings.steps * step + validations * self.validation_seconds


def measure_cost(task: Task[Batch], settings: FitSettings) -> FitCost:
    """Take eight steps and validate once, writing nothing; the first four steps do not count."""
    torch.set_num_threads(settings.threads)
    n, seconds = 4, []
    few = settings.replace(steps=3 * n, steps_per_epoch=3 * n)
    training, clock = RunningFit(Fit(task=task, settings=few, folder=Path())), FitClock()
    for step in range(2 * n):
        batch = task.batch(step, settings.batch)
        made = clock.lap()[1]
        before = training.cpu_seconds
        training.take(tuple(tensor.to(training.device) for tensor in batch), clock)
        seconds.append((made, training.cpu_seconds - before))
    task.validate(training.averaged.module.eval())
    reading, stepping = (sum(part) / n for part in zip(*seconds[n:], strict=True))
    return FitCost(
        step_seconds=reading + stepping,
        batch_seconds=reading,
        validation_seconds=clock.lap()[1],
        n_weights=sum(p.numel() for p in training.network.parameters()),
    )


def report_progress(progress: Progress | None, what: str) -> Report:
    """Return a report that tells steps done, steps in all, and what is going on."""

    def report(done: int, total: int, _: Row) -> None:
        if progress is not None:
            progress(done, total, what)

    return report
