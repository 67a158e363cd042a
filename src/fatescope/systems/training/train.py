"""From labelled images to a model package: pairs, audit, fit, thresholds, card.

`prepare_pairs` finds images and labels, divides them by independent unit, and refuses a
division that leaks. `train_model` fits the network of a recipe on the training part, chooses
thresholds on the validation part, and reads the test part once, for the card.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fatescope.acquire import read_exclusions
from fatescope.base import InputError, imported
from fatescope.engine import OfRun, Run
from fatescope.models import find_package, read_package
from fatescope.prepare import (
    audit_leaks,
    audit_units,
    check_leaks,
    check_samples,
    find_pairs,
    joined_units,
    obey_exclusions,
    read_middle_plane,
    read_samples,
    write_samples,
)
from fatescope.prepare.store import SPLITS
from fatescope.systems.training.divided import DividedSummary
from fatescope.systems.training.kept import COMPARED, SENTENCE, TUNED, keep_better
from fatescope.systems.training.movie_pairs import prepare_movie_pairs
from fatescope.systems.training.page import FILM, write_training_film, write_training_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import Finding, Progress
    from fatescope.engine import Summary
    from fatescope.models import ModelPackage
    from fatescope.prepare import PairSettings, Sample
    from fatescope.train import Fitted, LeaveOut, Recipe

OBEYED = "samples"
"""Folder of the manifest that is left where an exclusion is obeyed."""
LEFT_OUT = "left-out"
"""Folder of the trainings without one unit."""


def prepare_pairs(
    inputs: Sequence[Path] = (),
    *,
    out: Path,
    settings: PairSettings,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Write ``samples.csv``: pairs of image and labels, divided by unit and audited.

    Parameters
    ----------
    inputs : sequence of Path
        Folders with ``index.csv``, ``images/`` and ``labels/``; may be empty where ``settings``
        has patterns.
    out : Path
        Takes ``samples.csv`` and, if asked for, ``preview.png`` and ``preview-NAME.png``.
    settings : PairSettings
        Where pairs are, what their unit is, shares, seed.
    progress : callable, optional
        Called with images done, images in all, and what is going on.
    fresh : bool
        Remove what an earlier run left in ``out`` first.

    Raises
    ------
    InputError
        If nothing is found, or samples on two sides share content; the pairs are named.
    """
    if settings.movies or settings.tables:
        return prepare_movie_pairs(inputs, out=out, settings=settings, fresh=fresh)
    samples = find_pairs(inputs, settings=settings)
    if settings.join:
        units = [s.unit for s in samples]
        images = (read_middle_plane(s.image) for s in samples)
        joined = joined_units(audit_leaks(images, units, units, progress=progress))
        samples = find_pairs(inputs, settings=settings, joined=joined)
    learning = [s for s in samples if s.split == "train"]
    shown = _image_named(settings.preview_of, learning) if settings.preview_of else None
    if settings.preview or shown is not None:
        imported("fatescope.train.preview")  # what it lacks is said before anything is written
    refuse_leaks(samples, guard_frames=settings.guard_frames, progress=progress)
    record = settings.model_dump() | {"inputs": [str(p) for p in inputs]}
    with Run.open(out, command="prepare pairs", settings=record, fresh=fresh) as run:
        run.pending(["samples"])
        write_samples(out / "samples.csv", samples)
        written = ["samples.csv"]
        written += _previews(out, learning, shown, settings)
        run.record("samples", files=written, findings=[*check_samples(samples)])
        return DividedSummary.of(run.finish(), samples)


def _image_named(name: str, learning: Sequence[Sample]) -> Sample:
    """Return the training image of that name, with or without its ending."""
    found = [s for s in learning if name in (s.image.stem, s.image.name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted(s.image.stem for s in learning)[:3])
    raise InputError(
        f"--preview-of {name}: {len(found)} training images have this name; one is needed. Some "
        f"of their names: {names}."
    )


def _previews(
    out: Path, learning: Sequence[Sample], shown: Sample | None, settings: PairSettings
) -> list[str]:
    """Draw the sheets that were asked for; return their names."""
    if not settings.preview and shown is None:
        return []
    from fatescope.train import CropSettings, write_preview, write_versions

    written = []
    if settings.preview:
        write_preview(out / "preview.png", learning, settings=CropSettings())
        written.append("preview.png")
    if shown is not None:
        written.append(f"preview-{shown.image.stem}.png")
        write_versions(out / written[-1], shown, settings=CropSettings())
    return written


def refuse_leaks(
    samples: Sequence[Sample], *, guard_frames: int, progress: Progress | None = None
) -> None:
    """Raise `InputError` that names the samples which stand on two sides of the division."""
    names = [str(s.image) for s in samples]
    splits = [s.split for s in samples]
    frames = [s.frame for s in samples]
    units = audit_units([s.unit for s in samples], frames, splits, names, guard_frames=guard_frames)
    check_leaks(units)
    images = (read_middle_plane(s.image) for s in samples)
    check_leaks(audit_leaks(images, names, splits, progress=progress))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained(OfRun):
    """What a training left: a package, one sentence on its curves, one on before and after."""

    verdict: str
    kept: str  # empty where the training did not go on from a package

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        return {**self.summary.as_json(), "verdict": self.verdict, "kept": self.kept}

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal."""
        said = [self.verdict, self.kept] if self.kept else [self.verdict]
        return [*self.summary.as_lines(), *said]


def train_model(
    recipe: Recipe,
    *,
    data: Path,
    out: Path,
    start: Path | str | None = None,
    leave_out: LeaveOut | None = None,
    exclude: Path | None = None,
    called: str | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Trained:
    """Fit a recipe, choose thresholds, score held-out units, and write the package.

    Parameters
    ----------
    recipe : Recipe
        See `fatescope.train.read_recipe`.
    data : Path
        Folder with ``samples.csv`` from `prepare_pairs`.
    out : Path
        Takes ``log.csv``, ``report.html``, ``verdict.txt``, ``checkpoints/`` and ``package/``;
        of a recipe with several stages also ``stage-1/`` and so on.
    start : path or str, optional
        A package whose weights are trained further; its network must have the recipe's shape.
        ``package/`` is the better one on the validation units: see `keep_better`.
    leave_out : LeaveOut, optional
        Units of a kind of image, or of all, are left out of one more training and scored by it,
        for the card of a set that is too small for test units, and for ``samples_loss.csv``.
    exclude : Path, optional
        ``exclusion.csv``: the training and validation samples that it names are not used; test
        samples stay. ``samples/samples.csv`` in ``out`` is the manifest that is left.
    called : str, optional
        What stands for the recipe in the command that the card repeats; default: its name as a
        file.
    progress : callable, optional
    fresh : bool
        Remove what an earlier run left in ``out`` first, and begin again.

    Returns
    -------
    Trained
        Killed and called again, it continues at the last checkpoint, to the same result.
    """
    return train_models(
        [Asked(recipe=recipe, out=out, called=called)],
        Material(data=data, start=start, leave_out=leave_out, exclude=exclude),
        progress=progress,
        fresh=fresh,
    )[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A recipe, the folder of its results, and what stands for it in the command of the card."""

    recipe: Recipe
    out: Path
    called: str | None = None

    @property
    def name(self) -> str:
        """What the command calls the recipe: its name as a file if nothing else is given."""
        return self.called or f"{self.recipe.name}.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a training learns from; the parameters of `train_model` of these names."""

    data: Path
    start: Path | str | None = None
    leave_out: LeaveOut | None = None
    exclude: Path | None = None


def train_models(
    asked: Sequence[Asked],
    material: Material,
    *,
    progress: Progress | None = None,
    fresh: bool = False,
) -> list[Trained]:
    """Do `train_model` for several recipes, in one pass over the batches that they share.

    Parameters
    ----------
    asked : sequence of Asked
        Each has a folder of its own.
    material : Material
    progress, fresh
        As for `train_model`.

    Returns
    -------
    list of Trained
        Each package is what `train_model` alone makes. Killed and called again, those that are
        done are not looked at, and the others continue at their checkpoints.
    """
    from fatescope.train import RecipeFit, fit_recipes, report_progress

    start, left = material.start, material.leave_out
    begun_with = None if start is None else read_package(find_package(start))
    if left is not None and left.leave_out is None and left.scored_by is None:
        material = replace(material, leave_out=None)
    with ExitStack() as stack:
        runs = [_open_run(a, material, stack, begun_with, fresh=fresh) for a in asked]
        todo = [run for run in runs if run.run.pending(["package"])]
        if fresh:
            for run in todo:
                _remove_unlisted(run.run.out)
        for run in todo:
            run.obey()
        said = {data: _odd_samples(data) for data in {r.data for r in todo}}
        fits = [RecipeFit(recipe=r.recipe, data=r.data, out=r.out, film=r.out / FILM) for r in todo]
        report = report_progress(progress, "training")
        found = fit_recipes(fits, start=start, report=report) if todo else []
        for run, fitted in zip(todo, found, strict=True):
            _package(run, fitted, material, progress=progress)
            files = [f for f in _RESULTS if (run.out / f).exists()]
            run.run.record("package", files=files, findings=said[run.data])
        return [run.finish() for run in runs]


def _odd_samples(data: Path) -> list[Finding]:
    """Look at the training data before hours go into them; test units stay closed."""
    return [*check_samples(read_samples(data, splits=("train", "validation")))]


_RESULTS = (
    "log.csv",
    "times.csv",
    "report.html",
    "verdict.txt",
    f"{FILM}.mp4",
    f"{FILM}.gif",
    f"{OBEYED}/samples.csv",
    SENTENCE,
    "package",
    TUNED,
    COMPARED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenRun:
    """A training whose folder is open."""

    run: Run
    recipe: Recipe  # with what it takes over from the package that it goes on from
    data: Path
    out: Path
    command: str
    kinds: Mapping[str, str]
    obeyed: Sequence[Sample]  # what an exclusion leaves; empty without one
    twin: ModelPackage | None  # whose held-out score goes on the card

    def obey(self) -> None:
        """Write the manifest that an exclusion leaves."""
        if self.obeyed:
            self.data.mkdir(parents=True, exist_ok=True)
            write_samples(self.data / "samples.csv", self.obeyed)

    def finish(self) -> Trained:
        """Close the record of the run."""
        from fatescope.train.verdict import read_verdict

        return Trained(
            summary=self.run.finish(),
            verdict=read_verdict(self.out / "verdict.txt"),
            kept=read_verdict(self.out / SENTENCE),
        )


def _open_run(
    asked: Asked,
    material: Material,
    stack: ExitStack,
    begun_with: ModelPackage | None,
    *,
    fresh: bool,
) -> _OpenRun:
    """Open the folder of a training; it stays locked until the stack is left."""
    from fatescope.train import find_leaving_out, find_trainable, read_twin

    data, leave_out, exclude = material.data, material.leave_out, material.exclude
    description = begun_with.description if begun_with else None
    recipe = find_trainable(asked.recipe.task).inherit(asked.recipe, description)
    twin = None
    if leave_out is not None and leave_out.scored_by is not None:
        twin = read_twin(leave_out.scored_by, recipe=recipe, data=data)
    elif leave_out is not None:
        find_leaving_out(recipe.task, asked=leave_out.leave_out)
    record = recipe.model_dump(mode="json", exclude={"tune"}) | {
        "data": str(data),
        "from": begun_with.sha256 if begun_with else "",
        "leave_out": " ".join(leave_out.words[1:]) if leave_out and twin is None else "",
    }
    if twin is not None:
        record["scored_by"] = twin.sha256
    obeyed: Sequence[Sample] = ()
    command = _command(asked.name, begun_with, leave_out)
    if exclude is not None:
        obeyed = obey_exclusions(read_samples(data, splits=SPLITS), read_exclusions(exclude))
        record["excluded"] = _excluded(obeyed, data, exclude)
        command += " --exclude FILE"
    run = Run.open(asked.out, command="train", settings=record, fresh=fresh)
    return _OpenRun(
        run=stack.enter_context(run),
        recipe=recipe,
        data=data if exclude is None else asked.out / OBEYED,
        out=asked.out,
        command=command,
        kinds=_kinds(asked.recipe, begun_with, data, obeyed),
        obeyed=obeyed,
        twin=twin,
    )


def _excluded(obeyed: Sequence[Sample], data: Path, exclude: Path) -> list[str]:
    """Return the samples that an exclusion takes out.

    Raises
    ------
    InputError
        If there are none, or none is left to learn from.
    """
    kept = set(obeyed)
    out = [f"{s.key} {s.frame}" for s in read_samples(data, splits=SPLITS) if s not in kept]
    if not out:
        raise InputError(
            f"--exclude {exclude}: names no training or validation sample of {data}. Its column "
            "file holds the images as samples.csv has them, or their full paths."
        )
    if not any(s.split == "train" for s in obeyed):
        raise InputError(f"--exclude {exclude}: leaves no training sample of {data}. Leave it out.")
    return out


def _package(
    run: _OpenRun, fitted: Fitted, material: Material, *, progress: Progress | None
) -> None:
    """Write curves and package of a fit, and compare it with the one it went on from."""
    from fatescope.train import (
        Filmed,
        InstanceRecipe,
        Provenance,
        assess_curves,
        find_trainable,
        score_left_out,
        write_verdict,
    )
    from fatescope.train.trainables import TrainedNetwork

    recipe, data, out = run.recipe, run.data, run.out
    start, leave_out = material.start, material.leave_out
    trainable = find_trainable(recipe.task)
    metric = trainable.metric
    verdict = assess_curves(fitted.history, metric=metric, words=trainable.scores[metric])
    write_verdict(out / "verdict.txt", verdict)
    write_training_page(
        out / "report.html",
        fitted.history,
        verdict=verdict.sentence,
        recipe=recipe,
        scores=trainable.scores,
        scored_on=trainable.scored_on,
        baselines=trainable.baselines(recipe, data=data) if isinstance(trainable, Filmed) else {},
        film=write_training_film(out),
    )
    left_out = None
    if leave_out is not None and run.twin is None:
        left_out = score_left_out(
            recipe, data=data, out=out / LEFT_OUT, asked=leave_out, start=start, progress=progress
        )
    for name in ("package", TUNED, COMPARED):
        shutil.rmtree(out / name, ignore_errors=True)
    made = TrainedNetwork(
        network=fitted.network,
        recipe=recipe.replace(**run.kinds),
        data=data,
        folder=out / "package",
        provenance=Provenance(
            command=run.command,
            steps=sum(stage.fit.steps for stage in recipe.stages),
            cpu_minutes=fitted.cpu_minutes,
            start=None if start is None else read_package(find_package(start)).description,
            twin=run.twin,
        ),
        left_out=left_out,
        progress=progress,
    )
    trainable.write_package(made)
    if start is not None and isinstance(recipe, InstanceRecipe):
        keep_better(start, out=out, data=data, left_out=left_out, progress=progress)


def _kinds(
    asked: Recipe, start: ModelPackage | None, data: Path, obeyed: Sequence[Sample]
) -> dict[str, str]:
    """Return what a package does not take over from the one it went on from.

    Images that are unlike those of the first package are of another kind; which, only the
    recipe can say.
    """
    from fatescope.systems.nuclei.training.package import are_unlike
    from fatescope.train import InstanceRecipe

    if start is None or not isinstance(asked, InstanceRecipe) or asked.modality is not None:
        return {}
    samples = obeyed or read_samples(data, splits=["train"])
    learning = [s for s in samples if s.split == "train"]
    if not are_unlike(learning, start.description):
        return {}
    return {"modality": "any"} | ({} if asked.polarity else {"polarity": "any"})


def _command(called: str, start: ModelPackage | None, leave_out: LeaveOut | None) -> str:
    """Return the command as a person types it; folders of this machine are left out."""
    words = ["fatescope train", called]
    words += ["--from", start.name] if start is not None else []
    words += leave_out.words if leave_out is not None else []
    return " ".join([*words, "--data DIR --out DIR"])


def _remove_unlisted(out: Path) -> None:
    """Remove checkpoints, of all stages, which no ledger lists."""
    for folder in (out, *out.glob("stage-*")):
        (folder / "checkpoints" / "last.ckpt").unlink(missing_ok=True)
    for name in (LEFT_OUT, COMPARED, FILM):
        shutil.rmtree(out / name, ignore_errors=True)
