"""The one training loop: any task, killed and continued to the same curve, bit for bit."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import AveragedModel

from fatescope.base import SettingsError
from fatescope.prepare.store import write_rows
from fatescope.storage import write_beside
from fatescope.train.precision import training_precision
from fatescope.train.schedules import LearningRate

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.base import Progress
    from fatescope.train.fit_settings import FitSettings
    from fatescope.train.task import Batch, Row, Task

Report = Callable[[int, int, "Row"], None]
"""Called with steps done, steps in all and the row of each epoch. What it raises ends the fit: so a
tuner prunes, and the checkpoint is there for whoever goes on."""

Watch = Callable[["torch.nn.Module", "Row"], None]
"""Given the averaged network and the row of each epoch that was validated, before its checkpoint is
written: what it draws for an epoch that is run again, it draws again."""

_LOG = logging.getLogger(__name__)
_OPTIMIZERS: dict[str, Any] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}


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
        Takes ``checkpoints/last.ckpt`` and ``log.csv`` after each epoch.
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
    torch.set_num_threads(settings.threads)
    training = _Training(task, settings, weights)
    checkpoint = folder / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        training.load_state_dict(torch.load(checkpoint, weights_only=True))
    while training.n_steps < settings.steps:
        row = training.run_epoch()
        if watch is not None and training.is_validated:
            watch(training.averaged.module, row)
        with write_beside(checkpoint) as part:
            torch.save(training.state_dict(), part)
        write_rows(folder / "log.csv", training.history)
        _LOG.info("%s", row)
        if report is not None:
            report(training.n_steps, settings.steps, row)
    return Fitted(
        network=training.averaged.module.cpu().eval(),
        history=training.history,
        cpu_minutes=training.cpu_seconds / 60,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU seconds of a step and of a validation, and the number of weights."""

    step_seconds: float
    validation_seconds: float
    n_weights: int

    def of_fit(self, settings: FitSettings) -> float:
        """Return the CPU seconds of a whole fit."""
        epochs = math.ceil(settings.steps / settings.steps_per_epoch)
        validations = math.ceil(epochs / settings.validate_every)
        return settings.steps * self.step_seconds + validations * self.validation_seconds


def measure_cost(task: Task[Batch], settings: FitSettings) -> Cost:
    """Take eight steps and validate once, writing nothing; the first four steps do not count."""
    torch.set_num_threads(settings.threads)
    n = 4
    few = settings.replace(steps=3 * n, steps_per_epoch=n, validate_every=4)
    training = _Training(task, few, None)
    training.run_epoch()
    times = [time.process_time()]
    training.run_epoch()
    times.append(time.process_time())
    task.validate(training.averaged.module.eval())
    times.append(time.process_time())
    return Cost(
        step_seconds=(times[1] - times[0]) / n,
        validation_seconds=times[2] - times[1],
        n_weights=sum(p.numel() for p in training.network.parameters()),
    )


def report_progress(progress: Progress | None, what: str) -> Report:
    """Return a report that tells steps done, steps in all, and what is going on."""

    def report(done: int, total: int, _: Row) -> None:
        if progress is not None:
            progress(done, total, what)

    return report


class _Training:
    """A fit on its way: network, average, optimiser, learning rate and curve."""

    def __init__(
        self,
        task: Task[Batch],
        settings: FitSettings,
        weights: Callable[[torch.nn.Module], None] | None,
    ) -> None:
        self._task, self._settings = task, settings
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = task.build()
        if weights is not None:
            weights(network)
        self.network = network.to(self._device)
        self.averaged = AveragedModel(self.network, avg_fn=_average(settings), use_buffers=True)
        self._optimizer = _optimizer(self.network, settings)
        self._rate = LearningRate(settings)
        self.history: list[Row] = []
        self.n_steps = 0
        self.is_validated = False  # in the last epoch
        self._watched = getattr(settings.schedule, "metric", "loss")
        self._cpu_before = 0.0
        self._cpu_start = time.process_time()

    @property
    def cpu_seconds(self) -> float:
        """CPU time of this process and of those before it that it continues."""
        return self._cpu_before + time.process_time() - self._cpu_start

    def run_epoch(self) -> Row:
        """Take the steps of one epoch, and add its row to the history."""
        n_steps = min(self._settings.steps_per_epoch, self._settings.steps - self.n_steps)
        sums: dict[str, float] = {}
        self.network.train()
        with torch.random.fork_rng(devices=[]), _deterministic():
            for batch in self._batches(n_steps):
                for name, value in self._step(batch).items():
                    sums[name] = sums.get(name, 0.0) + float(value.detach())
        if not self._settings.ema_decay:
            self.averaged.update_parameters(self.network)
        row = {"epoch": float(len(self.history)), "step": float(self.n_steps)}
        row |= {"learning_rate": self._rate.value}
        row |= {name: total / n_steps for name, total in sums.items()}
        last = self.n_steps >= self._settings.steps
        self.is_validated = last or (len(self.history) + 1) % self._settings.validate_every == 0
        if self.is_validated:
            self.averaged.eval()
            row |= self._task.validate(self.averaged.module)
            if self._watched not in row:
                raise SettingsError(
                    f"the schedule follows {self._watched!r}, which is not measured here. Take one "
                    f"of: {', '.join(row)}; without validation units: loss."
                )
        self._rate.after_epoch(row)
        self.history.append(row)
        return row

    def _batches(self, n_steps: int) -> Iterator[Any]:
        """Yield the batches of an epoch; the next one is made in a thread beside the step."""
        steps = range(self.n_steps, self.n_steps + n_steps)
        size = self._settings.batch
        with ThreadPoolExecutor(max_workers=1) as beside:
            following = beside.submit(self._task.batch, steps[0], size)
            for step in steps:
                batch = following.result()
                if step + 1 in steps:
                    following = beside.submit(self._task.batch, step + 1, size)
                yield tuple(tensor.to(self._device) for tensor in batch)

    def _step(self, batch: Any) -> dict[str, torch.Tensor]:
        """Take one step of the optimiser; what is random in it follows from its number."""
        torch.manual_seed((self._task.seed << 32) + self.n_steps)
        _prepare(self.network, self.n_steps)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate.value * group["share"]
        low = training_precision(self._settings.precision) == "bfloat16"
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=low):
            parts = dict(self._task.loss(self.network, batch))
        self._optimizer.zero_grad(set_to_none=True)
        parts["loss"].backward()
        if self._settings.gradient_clip:
            clip = self._settings.gradient_clip
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), clip)
        self._optimizer.step()
        self._rate.after_step()
        if self._settings.ema_decay:
            self.averaged.update_parameters(self.network)
        self.n_steps += 1
        return parts

    def state_dict(self) -> dict[str, Any]:
        """Return all that a continued run needs."""
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "learning_rate": self._rate.state_dict(),
            "n_steps": self.n_steps,
            "cpu_seconds": self.cpu_seconds,
            "history": [dict(row) for row in self.history],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._rate.load_state_dict(state["learning_rate"])
        self.n_steps = int(state["n_steps"])
        self._cpu_before = float(state["cpu_seconds"])
        self.history = [dict(row) for row in state["history"]]


def _average(settings: FitSettings) -> Callable[..., torch.Tensor]:
    """Return the update of the moving average, which follows faster in the beginning."""

    def update(average: torch.Tensor, value: torch.Tensor, n: Any) -> torch.Tensor:
        if not average.is_floating_point():
            return value
        done = int(n) + 1
        decay = min(settings.ema_decay, (1 + done) / (10 + done))
        return average.lerp(value, 1 - decay) if settings.ema_decay else value

    return update


def _optimizer(network: torch.nn.Module, settings: FitSettings) -> torch.optim.Optimizer:
    """Return the optimiser; matrices decay, biases and norms do not."""
    named = getattr(network, "rate_groups", None)
    shares = named() if named else [(1.0, list(network.parameters()))]
    groups: list[dict[str, Any]] = []
    for share, parameters in shares:
        matrices = [p for p in parameters if p.ndim > 1]
        vectors = [p for p in parameters if p.ndim <= 1]
        for some, decay in ((matrices, settings.weight_decay), (vectors, 0.0)):
            groups.append({"params": some, "weight_decay": decay, "share": share})
    make = _OPTIMIZERS[settings.optimizer]
    optimizer: torch.optim.Optimizer = make(groups, lr=settings.learning_rate)
    return optimizer


def _prepare(network: torch.nn.Module, step: int) -> None:
    """Let a network freeze or free parts of itself at a step, where it knows how."""
    prepare = getattr(network, "prepare_step", None)
    if prepare is not None:
        prepare(step)


@contextmanager
def _deterministic() -> Iterator[None]:
    """Let torch take the algorithms that give the same bits each time."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
