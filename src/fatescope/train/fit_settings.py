"""How long and how fast a network trains, whatever its task. No array library."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from fatescope.base import Settings, setting
from fatescope.train.schedule_settings import OneCycle, Schedule


class FitSettings(Settings):
    """Steps, optimiser, learning rate, and what is kept."""

    steps: int = setting(10_000, "steps of the optimiser", ge=1)
    batch: int = setting(16, "samples in a step", ge=1)
    optimizer: Literal["adamw", "adam", "sgd", "rmsprop"] = setting("adamw", "the optimiser")
    learning_rate: float = setting(0.004, "highest learning rate of the schedule", gt=0)
    schedule: Schedule = setting(OneCycle(), "how the learning rate moves: see Schedules")
    weight_decay: float = setting(
        0.01, "weight decay of matrices; biases and norms have none", ge=0
    )
    gradient_clip: float = setting(1.0, "largest norm of a gradient; 0: not limited", ge=0)
    ema_decay: float = setting(
        0.998, "decay of the exponential moving average of the weights; 0: none", ge=0, lt=1
    )
    steps_per_epoch: int = setting(
        250, "steps between two checkpoints and two rows of the log", ge=1
    )
    validate_every: int = setting(4, "epochs between two scores on validation units", ge=1)
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto",
        "numbers inside convolutions while training; auto: bfloat16 where hardware multiplies it",
    )
    threads: int = setting(1, "threads; another number changes the last bits", ge=1)


PLAIN: Mapping[str, Any] = MappingProxyType({"weight_decay": 0, "gradient_clip": 0, "ema_decay": 0})
"""What published scripts leave out, for `FitSettings`."""
