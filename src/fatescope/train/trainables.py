"""Which code trains a recipe: its ``task`` says. Torch is loaded when a training begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from fatescope.base import SettingsError, imported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import Progress
    from fatescope.models import ModelDescription, ModelPackage
    from fatescope.prepare import Sample
    from fatescope.train.one_fit import Watch
    from fatescope.train.provenance import Provenance
    from fatescope.train.recipe_settings import Recipe
    from fatescope.train.scoring import Scored
    from fatescope.train.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedNetwork:
    """What a training hands to the writer of its package.

    Parameters
    ----------
    network : Module
        With averaged weights.
    recipe : Recipe
        Its name becomes the package's.
    data : Path
        Folder with ``samples.csv``; the test part is read once, by the writer, to be scored.
    folder : Path
        New or empty.
    provenance : Provenance
        What the card says of the training.
    left_out : sequence, optional
        From `score_left_out`; stands in the card in place of test units.
    progress : callable, optional
    """

    network: Any
    recipe: Any
    data: Path
    folder: Path
    provenance: Provenance
    left_out: Sequence[Any] | None = None
    progress: Progress | None = None


class Trainable(Protocol):
    """What `train` and `tune` need to know of a task, beside the loop that trains all.

    A new task is a class of recipes and an object like this in the folder of a system, whose
    description says under which ``task`` both stand.
    """

    @property
    def scores(self) -> Mapping[str, str]:
        """Columns of the log that are scores on validation units, 0 to 1, and their words."""
        ...

    @property
    def metric(self) -> str:
        """The score that decides among trials and variants; higher is better."""
        ...

    @property
    def scored_on(self) -> str:
        """One sentence on how the scores are measured, for the page of the training."""
        ...

    def inherit(self, recipe: Any, start: ModelDescription | None) -> Recipe:
        """Return the recipe with what it takes over from the package that it goes on from."""
        ...

    def build_task(self, stage: Any, *, data: Path) -> Task[Any]:
        """Return one stage of a recipe, ready to be fitted; no test unit is opened."""
        ...

    def write_package(self, made: TrainedNetwork) -> ModelPackage:
        """Choose thresholds on validation units, score test units once, write package and card."""
        ...


@runtime_checkable
class Filmed(Protocol):
    """A `Trainable` that can also show its validation units over epochs, beside baselines."""

    def watch(self, task: Any, folder: Path) -> Watch | None:
        """Return what draws the same units at every validation, into a folder; or nothing."""
        ...

    def baselines(self, recipe: Any, *, data: Path) -> Mapping[str, Mapping[str, float]]:
        """Return, by their words, the scores of methods without training."""
        ...


@runtime_checkable
class LeavesOut(Protocol):
    """A `Trainable` whose samples have a loss each, so that they can be left out and assessed."""

    def losses(self, network: Any, samples: Sequence[Sample], *, stage: Any) -> list[float]:
        """Return the loss of a network on each sample; any two networks are asked the same."""
        ...

    def score_held(self, network: Any, held: Sequence[Sample], *, recipe: Any) -> Sequence[Scored]:
        """Return what the card tells of the test samples of a manifest; nothing, if it does not."""
        ...


def recipe_class(task: str | None) -> type[Recipe]:
    """Return the class of the recipes of a task."""
    found: type[Recipe] = _load(_of(task).recipe)
    return found


def find_trainable(task: str | None) -> Trainable:
    """Return what trains a task.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    """
    found: Trainable = _load(_of(task).trainable)
    return found


def find_leaving_out(task: str | None, *, asked: str | None) -> LeavesOut:
    """Return what scores left-out samples of a task.

    Raises
    ------
    SettingsError
        If nothing says which loss a single sample of this task has.
    """
    found = find_trainable(task)
    if not isinstance(found, LeavesOut):
        raise SettingsError(
            f"--leave-out {asked}: packages for {task!r} have no loss for a single sample. Leave "
            "it out, and set test units apart with prepare."
        )
    return found


def _of(task: str | None) -> Any:
    """Return the places of a task, from the registry of systems: the one name here from above."""
    return imported("fatescope.systems.registry").training_of(task)


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(imported(module), name)
