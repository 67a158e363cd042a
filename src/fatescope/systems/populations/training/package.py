"""From a fitted network that counts to a package: calibrated on whole validation movies."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.lineages.atlas_file import read_arrays
from fatescope.acquire.lineages.growth_file import read_growth
from fatescope.base import InputError
from fatescope.lineage.atlas import atlas_from_arrays
from fatescope.lineage.growth import (
    GROUPS,
    FrameErrors,
    GrowthCurves,
    GrowthMatch,
    count_by_frame,
    count_moments,
    estimate_populations,
    growth_of,
    match_growth,
)
from fatescope.models import (
    ImageInput,
    ModelDescription,
    ModelPackage,
    OpenVinoModel,
    Tiling,
    describe_input,
    expected_ranges,
)
from fatescope.numeric import BootstrapSettings, mean_interval
from fatescope.prepare.store import SPLITS, read_samples
from fatescope.systems.populations.inference import (
    DIVISOR,
    CountChances,
    cells_of_bins,
    frame_chances,
    pad_frame,
)
from fatescope.systems.populations.training.errors import fit_errors
from fatescope.systems.populations.training.movie_frames import read_counted
from fatescope.train.card import Card, score_table, write_card
from fatescope.train.export import export_onnx, weights_bytes
from fatescope.train.packaging import draft_package, training_facts, write_trained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import Progress
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.growth import PopulationEstimate
    from fatescope.models.inputs import ValueRange
    from fatescope.prepare import Sample
    from fatescope.systems.populations.training.movie_frames import CountedFrame
    from fatescope.systems.populations.training.settings import PopulationRecipe
    from fatescope.train.provenance import Provenance
    from fatescope.train.trainables import TrainedNetwork

_TRUSTS = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.22, 0.16, 0.1, 0.07, 0.04)
_COVERED = 0.9
_LEAST_CELLS, _MOST_CELLS = 4, 350
"""Frames that are scored, as movies are accepted by."""
_FIT_MARGIN = 1.0  # below the worst validation movie: a chance of 1 / e; not measured
_LIKENESS_EVERY = 7  # training frames, of which every such one is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredMovie:
    """A movie with its truth, as the network sees it.

    Parameters
    ----------
    unit : str
    logits : ndarray of float, shape (frames, bins + 1)
    used : ndarray of bool, shape (frames,)
        Frames that are annotated.
    truth : ndarray of int, shape (frames, len(`GROUPS`))
    curves : GrowthCurves
        Of all embryos but this one.
    neighbour : bool or None
    """

    unit: str
    logits: FloatArray
    used: BoolArray
    truth: IntArray
    curves: GrowthCurves
    neighbour: bool | None

    def infer(
        self, output: CountChances, *, errors: FrameErrors
    ) -> tuple[GrowthMatch, PopulationEstimate]:
        """Return how the movie fits, and its counts."""
        match = match_growth(
            frame_chances(self.logits[:, :-1]),
            self.used,
            cells_of_bins(),
            self.curves,
            interval_min=None,
            errors=errors,
            floor=output.floor,
        )
        estimate = estimate_populations(
            match, self.curves, n_frames=len(self.used), up_to=output.counts_up_to
        )
        return match, estimate

    def errors(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return how far the frames are from the truth, for `fit_errors`."""
        total = self.truth[:, 0]
        frames = np.flatnonzero(self.used & (total >= 2) & (total <= CountChances().counts_up_to))
        mean, spread = count_moments(frame_chances(self.logits[frames, :-1]), cells_of_bins())
        stage = np.log(total[frames])
        return (mean - stage) / spread, stage, frames


def package_counts(made: TrainedNetwork) -> ModelPackage:
    """Export, calibrate on validation movies, score test movies once, write package and card."""
    network, provenance, progress = made.network, made.provenance, made.progress
    recipe: PopulationRecipe = made.recipe
    rows = read_samples(made.data, splits=SPLITS)
    training = [s for s in rows if s.split == "train"]
    files = {
        "model.onnx": export_onnx(network, form="values"),
        "weights.safetensors": weights_bytes(network),
    }
    some = read_counted(training[::_LIKENESS_EVERY])
    description = _describe(
        recipe,
        rows,
        expected=expected_ranges([describe_input(_level(f)) for f in some]),
        provenance=provenance,
    )
    model = OpenVinoModel(draft_package(description, files), precision="fp32", threads=1)
    validation = read_movies(model, rows, split="validation", progress=progress)
    if validation:
        description = description.replace(output=calibrated(CountChances(), validation))
    test = read_movies(model, rows, split="test", progress=progress)
    scores = score_movies(description.output_as(CountChances), test)
    card = _card(description, recipe, scores, len(validation), len(test))
    return write_trained(
        draft_package(description, files),
        made.folder,
        scores={name: value for name, (value, _, _) in scores.items()},
        card=write_card(card, description, recipe=recipe, provenance=provenance),
        test_input=pad_frame(_level(some[len(some) // 2]))[None, None],
    )


def read_movies(
    model: OpenVinoModel,
    rows: Sequence[Sample],
    *,
    split: str,
    progress: Progress | None = None,
) -> list[ScoredMovie]:
    """Read the movies of one side, with what the network says of their annotated frames."""
    by_unit: dict[str, list[Sample]] = defaultdict(list)
    for s in rows:
        if s.split == split:
            by_unit[s.unit].append(s)
    count, tempo, metadata = read_growth()
    whole = GrowthCurves(count=count, tempo=tempo, metadata=metadata)
    atlas = atlas_from_arrays(*read_arrays())
    movies = []
    for done, (unit, samples) in enumerate(by_unit.items()):
        if progress is not None:
            progress(done, len(by_unit), f"{split} movies")
        frames = np.array([s.frame or 0 for s in samples])
        seen = np.concatenate(
            [model.run(pad_frame(_level(f))[None, None]) for f in read_counted(samples)]
        )
        logits = np.zeros((int(frames.max()) + 1, seen.shape[1]), dtype=np.float32)
        logits[frames] = seen
        used = np.zeros(len(logits), dtype=np.bool_)
        used[frames] = True
        lineage = read_lineage(samples[0].labels)
        try:
            curves = whole.apart_from(growth_of(atlas, lineage)[0])
        except InputError:
            curves = whole
        movies.append(
            ScoredMovie(
                unit=unit,
                logits=logits,
                used=used,
                truth=count_by_frame(lineage, np.arange(len(used)) - samples[0].offset),
                curves=curves,
                neighbour=samples[0].neighbour,
            )
        )
    return movies


def calibrated(output: CountChances, movies: Sequence[ScoredMovie]) -> CountChances:
    """Learn how frames err, and the limits of the findings, on validation movies.

    The parts of the errors are the most likely ones. Recorded embryos are none of those in the
    movies, so the evidence counts less than these parts allow: as much as makes intervals hold
    the truth.
    """
    errors = fit_errors([m.errors() for m in movies])
    covered = {}
    for trust in _TRUSTS:  # from the highest: the less evidence counts, the wider the intervals
        tried = replace(errors, trust=trust)
        each = [_score(m, m.infer(output, errors=tried)[1])["coverage"] for m in movies]
        covered[trust] = float(np.mean(np.nan_to_num(each)))  # not counted is not covered
        if covered[trust] >= _COVERED:
            break
    errors = replace(errors, trust=max(covered, key=lambda t: covered[t]))
    fits = [m.infer(output, errors=errors)[0].fit for m in movies]
    return output.replace(
        **asdict(errors),
        least_fit=round(float(min(fits)) - _FIT_MARGIN, 2),
        neighbour=_between(movies),
    )


def score_movies(
    output: CountChances, movies: Sequence[ScoredMovie]
) -> dict[str, tuple[float, float, float]]:
    """Return means over movies with their 95 % bootstrap intervals, by name.

    ``coverage`` is the share of frames whose total lies in its interval, ``relative_error`` the
    median of a movie's frames, ``error`` the mean in cells, ``error_AB`` as a share of its cells,
    ``error_others`` the largest mean error of the other founders, ``counted`` the share of frames
    that are not abstained from, ``neighbour_found`` and ``neighbour_absent`` of the movies with
    and without another embryo that of which the right thing is said.
    """
    if not movies:
        return {}
    errors = output.frame_errors()
    rows = [_score(m, m.infer(output, errors=errors)[1]) for m in movies]
    scores = {
        name: mean_interval(np.array([r[name] for r in rows]), BootstrapSettings())
        for name in rows[0]
    }
    for name, is_there in (("neighbour_found", True), ("neighbour_absent", False)):
        said = [_says_neighbour(output, m) for m in movies if m.neighbour is is_there]
        if said:
            right = np.array(said) == is_there
            scores[name] = mean_interval(right.astype(float), BootstrapSettings())
    return scores


def _says_neighbour(output: CountChances, movie: ScoredMovie) -> bool:
    return neighbour_chance(movie.logits[movie.used]) > output.neighbour


def _score(movie: ScoredMovie, found: PopulationEstimate) -> dict[str, float]:
    total = movie.truth[:, 0]
    wanted = movie.used & (total >= _LEAST_CELLS) & (total <= _MOST_CELLS)
    kept = wanted & ~found.abstained
    if not kept.any():
        names = ("coverage", "relative_error", "error", "error_AB", "error_others")
        return {**dict.fromkeys(names, float("nan")), "counted": 0.0}
    truth, count = movie.truth[kept], found.count[kept]
    off = np.abs(count - truth)
    inside = (found.low[kept] <= truth) & (truth <= found.high[kept])
    ab = GROUPS.index("AB")
    others = [i for i in range(1, len(GROUPS)) if i != ab]
    return {
        "coverage": float(inside[:, 0].sum() / wanted.sum()),
        "relative_error": float(np.median(off[:, 0] / truth[:, 0])),
        "error": float(off[:, 0].mean()),
        "error_AB": float(off[:, ab].sum() / max(truth[:, ab].sum(), 1)),
        "error_others": float(off[:, others].mean(axis=0).max()),
        "counted": float(kept.sum() / wanted.sum()),
    }


def _between(movies: Sequence[ScoredMovie]) -> float:
    """Return the chance of a neighbour that best parts the movies with and without one."""
    known = [m for m in movies if m.neighbour is not None]
    if len({m.neighbour for m in known}) < 2:
        return CountChances().neighbour
    chance = np.array([neighbour_chance(m.logits[m.used]) for m in known])
    truth = np.array([bool(m.neighbour) for m in known])
    limits = np.linspace(0.3, 0.9, 25)
    right = [float(((chance > x) == truth).mean()) for x in limits]
    best = [x for x, r in zip(limits, right, strict=True) if r == max(right)]
    return round(float(np.median(best)), 3)


def neighbour_chance(logits: FloatArray) -> float:
    """Return the chance of a neighbour that the median frame says."""
    return float(np.median(1 / (1 + np.exp(-logits[:, -1].astype(np.float64)))))


def _level(frame: CountedFrame) -> NDArray[np.float32]:
    return frame.pixels.astype(np.float32) / np.float32(128)


def _describe(
    recipe: PopulationRecipe,
    rows: Sequence[Sample],
    *,
    expected: dict[str, ValueRange],
    provenance: Provenance,
) -> ModelDescription:
    frames = recipe.frames
    return ModelDescription(
        name=recipe.name,
        summary=recipe.summary,
        task=recipe.task,
        cite=recipe.cite,
        input=ImageInput(
            expected=expected,
            polarity="bright",
            modality="fluorescence",
            diameter_px=10.0,
            diameter_range_px=(5.0, 30.0),
            tiling=Tiling(
                tile_px=(frames.rows, frames.columns),
                halo_px=(0, 0),
                divisor=(DIVISOR, DIVISOR),
            ),
        ),
        output=CountChances(),
        training=training_facts(recipe, rows, provenance, n_objects=0),
    )


def _card(
    description: ModelDescription,
    recipe: PopulationRecipe,
    scores: dict[str, tuple[float, float, float]],
    n_validation: int,
    n_test: int,
) -> Card:
    output = description.output_as(CountChances)
    table = score_table((_WORDS[k], v, (low, high)) for k, (v, low, high) in scores.items())
    return Card(
        expects="Movies of maximum projections of nuclei, bright on dark, of embryos of "
        "*C. elegans* from two cells to about 350. Each frame is reduced to about 184 pixels along "
        "its longer side and levelled.\n\nErrors of frames, learnt on validation movies: "
        f"{output.steady:g} of what a frame says it may err by is kept through a movie, "
        f"{output.drift:g} changes with the stage, {output.scatter:g} is of single frames. "
        f"Evidence counts {output.trust:g} of what these allow, so that 90 % intervals hold the "
        "truth. A movie whose best fit is below "
        f"{output.least_fit:g} is unlike the training data.",
        step=f"{recipe.fit.batch} frames",
        saw=f"{description.training.n_images} frames, those of {n_validation} validation movies "
        "with them",
        held_out=f"Means over {n_test} movies that neither training nor calibration has seen, "
        "with 95 % bootstrap intervals over movies; frames with 4 to 350 cells. The growth of the "
        f"embryo itself was left out.\n\n{table}"
        if scores
        else "",
        limits="Test movies that are rendered share their renderer with training. Mutants, other "
        "species, other markers, and embryos whose tempo changes on the way are not among them.",
    )


_WORDS = {
    "coverage": "totals inside their 90 % interval",
    "relative_error": "median relative error of the total",
    "error": "mean absolute error of the total, cells",
    "error_AB": "mean absolute error of AB, as a share of its cells",
    "error_others": "mean absolute error of the worst other founder, cells",
    "counted": "frames counted",
    "neighbour_found": "of the movies with part of another embryo, those that it is said of",
    "neighbour_absent": "of the movies without one, those that it is not said of",
}
