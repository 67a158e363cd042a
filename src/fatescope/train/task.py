"""What a task says of itself, so that one loop trains them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import torch

Batch = TypeVar("Batch", bound=tuple[Any, ...])
"""Tensors of one step, as many as the task likes."""

Row = dict[str, float]
"""One epoch of the log: ``epoch``, ``step``, ``learning_rate``, parts of the loss, scores."""


class Task(Protocol[Batch]):
    """Samples, loss and score of one kind of training.

    Everything that is random in `build` and `batch` follows from the task's own seed and the
    number of the step, never from what was drawn before: so a continued run is an unbroken one.
    """

    @property
    def seed(self) -> int:
        """Decides the first weights, the batches and what is random inside the network."""
        ...

    def build(self) -> torch.nn.Module:
        """Return the network with its first weights."""
        ...

    def batch(self, step: int, size: int) -> Batch:
        """Return the tensors of a step, counted from 0; called in a thread beside the loop."""
        ...

    def loss(self, network: torch.nn.Module, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Return ``loss``, which is minimised, and any parts of it that the log should hold."""
        ...

    def validate(self, network: torch.nn.Module) -> Row:
        """Return scores on the validation units; empty where there are none."""
        ...


@runtime_checkable
class Streamed(Protocol):
    """A `Task` that can say which others see the same batches as it does."""

    @property
    def stream(self) -> str:
        """Equal for tasks whose `Task.batch` returns equal tensors: data, seed, augmentation."""
        ...
