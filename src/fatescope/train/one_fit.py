"""One network on its way: optimiser, learning rate, average and curve, step by step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import AveragedModel

from fatescope.base import SettingsError
from fatescope.prepare.store import write_rows
from fatescope.storage import write_beside
from fatescope.train.precision import training_precision
from fatescope.train.schedules import LearningRate
from fatescope.train.task import Streamed

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.train.fit_settings import FitSettings
    from fatescope.train.task import Row, Task

Report = Callable[[int, int, "Row"], None]
"""Called with steps done, steps in all and the row of each epoch. What it raises ends the fit: so a
tuner prunes, and the checkpoint is there for whoever goes on."""

Watch = Callable[["torch.nn.Module", "Row"], None]
"""Given the averaged network and the row of each epoch that was validated, before its checkpoint is
written: what it draws for an epoch that is run again, it draws again."""

TIMES = "times.csv"

_LOG = logging.getLogger(__name__)
_OPTIMIZERS: dict[str, Any] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A network to be trained: what `fit` takes."""

    task: Task[Any]
    settings: FitSettings
    folder: Path
    weights: Callable[[torch.nn.Module], None] | None = None
    report: Report | None = None
    watch: Watch | None = None

    @property
    def stream(self) -> tuple[object, int]:
        """Fits of which this is equal see the same batches."""
        task = self.task
        return (task.stream if isinstance(task, Streamed) else id(task), self.settings.batch)


@dataclass(slots=True)
class Spent:
    """What an epoch took: seconds in the network, its validation included, and for batches."""

    seconds: float = 0.0
    reading_seconds: float = 0.0
    models: int = 1  # that waited for the same batches

    def as_row(self, epoch: int) -> dict[str, float]:
        """Return a row of ``times.csv``."""
        return {
            "epoch": epoch,
            "seconds": round(self.seconds, 3),
            "reading_seconds": round(self.reading_seconds, 3),
            "models": self.models,
        }


@dataclass(slots=True)
class FitClock:
    """Wall and processor time since it was last read."""

    _wall: float = field(default_factory=time.perf_counter)
    _cpu: float = field(default_factory=time.process_time)

    def lap(self) -> tuple[float, float]:
        """Return seconds of both since the last lap, and restart."""
        wall, cpu = time.perf_counter(), time.process_time()
        found = wall - self._wall, cpu - self._cpu
        self._wall, self._cpu = wall, cpu
        return found


class RunningFit:
    """A fit on its way.

    Parameters
    ----------
    fit : Fit
        Its folder takes ``checkpoints/last.ckpt``, ``log.csv`` and ``times.csv`` after each epoch.
    """

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        self._settings = settings = fit.settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = fit.task.build()
        if fit.weights is not None:
            fit.weights(network)
        self.network = network.to(self.device)
        self.averaged = AveragedModel(self.network, avg_fn=_average(settings), use_buffers=True)
        self._optimizer = _optimizer(self.network, settings)
        self._rate = LearningRate(settings)
        self.history: list[Row] = []
        self.n_steps = 0
        self.cpu_seconds = 0.0  # of this process and of those before it that it continues
        self._in_epoch = 0  # steps taken in the epoch
        self._sums: dict[str, float] = {}
        self._spent = Spent()
        self._times: list[dict[str, float]] = []
        self._watched = getattr(settings.schedule, "metric", "loss")

    @property
    def _checkpoint(self) -> Path:
        return self.fit.folder / "checkpoints" / "last.ckpt"

    def resume(self) -> None:
        """Go on from the checkpoint in the folder, where there is one."""
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        if self._checkpoint.exists():
            self.load_state_dict(torch.load(self._checkpoint, weights_only=True))

    @property
    def is_done(self) -> bool:
        """True once all steps are taken."""
        return self.n_steps >= self._settings.steps

    @property
    def ends_epoch(self) -> bool:
        """True where the next step is the last of an epoch."""
        last = self.n_steps + 1 >= self._settings.steps
        return last or self._in_epoch + 1 >= self._settings.steps_per_epoch

    def wait(self, seconds: tuple[float, float], models: int) -> None:
        """Note what a batch took, wall and processor, that so many models waited for."""
        self._spent.reading_seconds += seconds[0]
        self._spent.models = max(self._spent.models, models)
        self.cpu_seconds += seconds[1] / models

    def take(self, batch: Any, clock: FitClock) -> None:
        """Take a step with a batch, and close the epoch where it is the last of one.

        Closing writes log and checkpoint and reports, so whatever the report raises loses nothing.
        """
        ends = self.ends_epoch
        if not self._in_epoch:
            self.network.train()
        with torch.random.fork_rng(devices=[]), _deterministic():
            for name, value in self._step(batch).items():
                self._sums[name] = self._sums.get(name, 0.0) + float(value.detach())
        self._in_epoch += 1
        row = self._close_epoch() if ends else None
        seconds, cpu = clock.lap()
        self._spent.seconds += seconds
        self.cpu_seconds += cpu
        if row is not None:
            self._save(row)
            clock.lap()

    def _close_epoch(self) -> Row:
        """Validate where it is time to, and add the row of the epoch to the history."""
        settings = self._settings
        if not settings.ema_decay:
            self.averaged.update_parameters(self.network)
        row = {"epoch": float(len(self.history)), "step": float(self.n_steps)}
        row |= {"learning_rate": self._rate.value}
        row |= {name: total / self._in_epoch for name, total in self._sums.items()}
        self._sums, self._in_epoch = {}, 0
        if self.is_done or (len(self.history) + 1) % settings.validate_every == 0:
            self.averaged.eval()
            row |= self.fit.task.validate(self.averaged.module)
            if self._watched not in row:
                raise SettingsError(
                    f"the schedule follows {self._watched!r}, which is not measured here. Take one "
                    f"of: {', '.join(row)}; without validation units: loss."
                )
            if self.fit.watch is not None:
                self.fit.watch(self.averaged.module, row)
        self._rate.after_epoch(row)
        self.history.append(row)
        return row

    def _save(self, row: Row) -> None:
        """Write checkpoint, log and times of the epoch that has ended, and report it."""
        self._times.append(self._spent.as_row(len(self._times)))
        self._spent = Spent()
        with write_beside(self._checkpoint) as part:
            torch.save(self.state_dict(), part)
        write_rows(self.fit.folder / "log.csv", self.history)
        write_rows(self.fit.folder / TIMES, self._times)
        _LOG.info("%s", row)
        if self.fit.report is not None:
            self.fit.report(self.n_steps, self._settings.steps, row)

    def _step(self, batch: Any) -> dict[str, torch.Tensor]:
        """Take one step of the optimiser; what is random in it follows from its number."""
        torch.manual_seed((self.fit.task.seed << 32) + self.n_steps)
        _prepare(self.network, self.n_steps)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate.value * group["share"]
        low = training_precision(self._settings.precision) == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=low):
            parts = dict(self.fit.task.loss(self.network, batch))
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
            "times": [dict(row) for row in self._times],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._rate.load_state_dict(state["learning_rate"])
        self.n_steps = int(state["n_steps"])
        self.cpu_seconds = float(state["cpu_seconds"])
        self.history = [dict(row) for row in state["history"]]
        self._times = [dict(row) for row in state.get("times", [])]


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
