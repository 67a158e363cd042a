"""``fatescope reproduce lineage-names-2020``: published, its worth, corrected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import write_table
from fatescope.base import FatescopeError, Finding, Table, WorkUnit
from fatescope.engine.driver import Outcome
from fatescope.lineage.blind_place import MeanEmbryo, mean_embryo
from fatescope.lineage.compact import COMPACT_NAMES, FEATURES, aligned_features, compact_labels
from fatescope.models import (
    ModelDescription,
    ModelPackage,
    NamesPerRow,
    OpenVinoModel,
    RowInput,
    Training,
    npy_bytes,
    write_package,
)
from fatescope.prepare import unit_hash
from fatescope.storage import HASH_FILE
from fatescope.systems.lineages.name_network import MEAN_EMBRYO
from fatescope.systems.lineages.reproduce.atlas import training_atlas
from fatescope.systems.lineages.reproduce.card import names_card
from fatescope.systems.lineages.reproduce.data import (
    N_RENDERED,
    TrainingEmbryo,
    check_data,
    given_tables,
    load_embryos,
    split_embryos,
)
from fatescope.systems.lineages.reproduce.outcome import NamesOutcome
from fatescope.systems.lineages.reproduce.page import names_page
from fatescope.systems.lineages.reproduce.published import run_published
from fatescope.systems.lineages.reproduce.scores import (
    CORRECTED,
    MAJORITY,
    Score,
    score_methods,
    table_of_scores,
)
from fatescope.systems.reproduction.engine import FITS, Reproduction, Request, Work
from fatescope.systems.reproduction.origin import LINEAGE_NAMES

if TYPE_CHECKING:
    from fatescope.base import Progress
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.systems.lineages.training.names import FittedNames
    from fatescope.systems.reproduction.settings import NamesRecipe

_EPOCH_SECONDS, _ROW_SECONDS = 0.3, 1e-4
"""CPU seconds of an epoch of the published network on one table; of a row of the corrected one."""
_EMBRYO_SECONDS, _RENDERED_SECONDS, _EMBRYOS = 13.5, 3.0, 51
"""Of an embryo that is read, placed and scored, recorded or rendered; and how many typical ones the
EPIC tables have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesRun(WorkUnit):
    """The whole run: its networks are trained and scored together."""

    data: Path | None
    quick: bool
    key: str = "lineage-names-2020"
    paths: tuple[Path, ...] = ()


def _find(request: Request[NamesRecipe]) -> Work[None]:
    """Return the one unit that there is; its embryos are read when it is done."""
    check_data(request.data, quick=request.quick)
    return Work(units=[NamesRun(data=request.data, quick=request.quick)], material=None)


def run_names(
    unit: NamesRun, *, out: Path, recipe: NamesRecipe, progress: Progress | None = None
) -> Outcome:
    """Train and score the published networks and the corrected one; write package and page.

    A quick run takes the tables of the published runs from the data, and nothing else.
    """
    embryos, source = load_embryos(unit.data, quick=unit.quick, progress=progress)
    given = given_tables(unit.data) if unit.quick else []
    outcome, findings = _reproduce(embryos, given, source, recipe, out / FITS, progress)
    files = _write(out, outcome, recipe, quick=unit.quick)
    units = {"embryos": sorted(unit_hash(e.key) for e in embryos)}
    return Outcome(input=units, findings=findings, files=files)


def _costs(recipe: NamesRecipe, _: Path | None, quick: bool) -> list[float]:
    """Return the CPU seconds of the one unit."""
    embryos = N_RENDERED * _RENDERED_SECONDS if quick else _EMBRYOS * _EMBRYO_SECONDS
    published = (recipe.epochs + recipe.later_epochs) * _EPOCH_SECONDS
    rows = recipe.corrected_epochs * recipe.rows_per_class * len(COMPACT_NAMES)
    return [embryos + published + rows * _ROW_SECONDS]


def _reproduce(
    embryos: list[TrainingEmbryo],
    given: list[TrainingEmbryo],
    source: str,
    recipe: NamesRecipe,
    fits: Path,
    progress: Progress | None,
) -> tuple[NamesOutcome, list[Finding]]:
    split = split_embryos(embryos, test_share=recipe.test_share)
    groups = {s: [e for e in split if e.split == s] for s in ("train", "validation", "test")}
    tables = given or [*groups["train"], *groups["validation"]]
    published = run_published(tables, recipe, fits, progress)
    reference = mean_embryo([e.lineage for e in groups["train"]])
    features, findings, residuals = _features(split, reference)
    corrected = _corrected(features, groups, recipe, fits / "corrected", progress)
    labels = {e.key: compact_labels(e.lineage.name) for e in split}
    train_labels = np.concatenate([labels[e.key] for e in groups["train"]])
    draft = _draft(corrected, reference, train_labels[train_labels >= 0], groups, recipe)
    tested = [e for e in groups["test"] if e.key in features]
    scores = score_methods(
        tested,
        labels=labels,
        features=features,
        reported=published.reported,
        network=OpenVinoModel(draft, precision="fp32", threads=1),
        atlas=training_atlas(groups["train"]),
    )
    return NamesOutcome(
        source=source,
        published=published,
        corrected=corrected,
        network=_with_scores(draft, scores),
        test=tuple(e.key for e in tested),
        n_train=len(groups["train"]),
        n_validation=len(groups["validation"]),
        scores=scores,
        residual_um=float(np.mean(residuals)),
    ), findings


def _features(
    embryos: list[TrainingEmbryo], reference: MeanEmbryo
) -> tuple[dict[str, FloatArray], list[Finding], list[float]]:
    """Place every embryo without its names; one that cannot be placed is reported."""
    found, findings, residuals = {}, [], []
    for e in embryos:
        try:
            found[e.key], residual = aligned_features(e.lineage, reference)
            residuals.append(residual)
        except FatescopeError as error:
            findings.append(
                Finding(file=e.key, rule="atypical", severity="warning", reason=str(error))
            )
    return found, findings, residuals


def _corrected(
    features: dict[str, FloatArray],
    groups: dict[str, list[TrainingEmbryo]],
    recipe: NamesRecipe,
    folder: Path,
    progress: Progress | None,
) -> FittedNames:
    from fatescope.systems.lineages.training.compact_names import fit_corrected

    rows = {}
    for split in ("train", "validation"):
        used = [e for e in groups[split] if e.key in features]
        labels = np.concatenate([compact_labels(e.lineage.name) for e in used])
        stacked = np.concatenate([features[e.key] for e in used])
        rows[split] = stacked[labels >= 0], labels[labels >= 0]
    return fit_corrected(
        rows["train"],
        rows["validation"],
        n_classes=len(COMPACT_NAMES),
        rows_per_class=recipe.rows_per_class,
        epochs=recipe.corrected_epochs,
        seed=recipe.seed,
        folder=folder,
        progress=progress,
    )


def _draft(
    fitted: FittedNames,
    reference: MeanEmbryo,
    labels: IntArray,
    groups: dict[str, list[TrainingEmbryo]],
    recipe: NamesRecipe,
) -> ModelPackage:
    """Return the package in memory, without scores."""
    from fatescope.systems.lineages.training.package import names_files

    share = np.bincount(labels, minlength=len(COMPACT_NAMES)) + 1.0
    seen = [e for split in ("train", "validation") for e in groups[split]]
    description = ModelDescription(
        name="compact-names",
        summary="Names nuclei of C. elegans embryos by three letters, from place, time and size.",
        task="lineage-names",
        input=RowInput(channels=FEATURES),
        output=NamesPerRow(channels=COMPACT_NAMES),
        training=Training(
            units_seen=tuple(sorted(unit_hash(e.key) for e in seen)),
            n_images=len(seen),
            n_objects=sum(len(e.lineage) for e in seen),
            recipe="lineage-names-2020",
            command="fatescope reproduce lineage-names-2020",
            seed=recipe.seed,
        ),
    )
    embryo = np.column_stack([reference.stage, reference.place_um]).astype(np.float32)
    files = names_files(fitted, np.log(share / share.sum())) | {MEAN_EMBRYO: npy_bytes(embryo)}
    return ModelPackage(description, files, "", Path("draft"))


def _with_scores(draft: ModelPackage, scores: dict[str, Score]) -> ModelPackage:
    ours = scores[CORRECTED]
    numbers = {"accuracy": ours.mean, "majority": scores[MAJORITY].mean}
    numbers.update(zip(("low", "high"), ours.interval or (), strict=False))
    training = draft.description.training.replace(
        scores={name: round(value, 4) for name, value in numbers.items()}
    )
    return replace(draft, description=draft.description.replace(training=training))


def _write_network(folder: Path, outcome: NamesOutcome, *, quick: bool) -> list[Path]:
    """Write the package; its test tensors are rows around the mean of the training rows."""
    draft, fitted = outcome.network, outcome.corrected
    spread = np.random.default_rng(0).standard_normal((64, len(FEATURES)))
    rows = np.asarray(fitted.mean + fitted.sd * spread, np.float32)
    package = write_package(
        folder,
        description=draft.description,
        files=draft.files,
        test_input=rows,
        test_output=OpenVinoModel(draft, precision="fp32", threads=1).run(rows),
        card=names_card(outcome, quick=quick),
    )
    return [folder / name for name in (*package.files, HASH_FILE)]


def _write(out: Path, outcome: NamesOutcome, recipe: NamesRecipe, *, quick: bool) -> list[Path]:
    files = _write_network(out / "network", outcome, quick=quick)
    scores = table_of_scores(outcome.scores, outcome.test)
    runs = outcome.published
    fits = {
        "reported": runs.reported.fit.fitted,
        "reported, schedule on the loss": runs.on_loss.fitted,
        "later": runs.later.fit.fitted,
        "corrected": outcome.corrected,
    }
    course = Table.concatenate([_course(name, fit) for name, fit in fits.items()])
    for name, table in (("scores", scores), ("course", course)):
        write_table(table, out / f"{name}.csv")
        files.append(out / f"{name}.csv")
    lead, sections = names_page(outcome, recipe, quick=quick)
    return [*files, LINEAGE_NAMES_2020.write(out, lead, sections, recipe=recipe, quick=quick)]


def _course(name: str, fit: FittedNames) -> Table:
    n = len(fit.history)
    columns = ("loss", "training_accuracy", "validation_accuracy", "learning_rate")
    return Table(
        {
            "network": np.array([name] * n, dtype=object),
            "epoch": np.arange(1, n + 1),
            **{column: fit.course(column) for column in columns},
        }
    )


LINEAGE_NAMES_2020 = Reproduction(
    name="lineage-names-2020",
    origin=LINEAGE_NAMES,
    needs=("torch", "onnx", "imblearn", "sklearn"),
    quick={
        "epochs": 16,
        "later_epochs": 6,
        "corrected_epochs": 6,
        "rows_per_class": 120,
        "crop_nuclei": 60,
    },
    quick_words="Quick run on rendered embryos: it shows that all runs.",
    what="pages",
    find=_find,
    do=run_names,
    costs=_costs,
)
"""Data: a folder of EPIC tables, or one that holds ``epic_tables``."""
