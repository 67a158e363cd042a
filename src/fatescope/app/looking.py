"""What was read: kind, size, channels and scale of each file, with where the scale came from."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.acquire import find_images, read_image, read_lineage_checked, read_table
from fatescope.acquire.label_looks import shows_labels
from fatescope.acquire.lineages import find_lineages
from fatescope.acquire.plates import PlateReading
from fatescope.acquire.populations import is_population_table
from fatescope.app.words import capital
from fatescope.base import FatescopeError, InputError, escape
from fatescope.prepare import read_samples
from fatescope.storage import list_files
from fatescope.systems.plates.show import show_plate

if TYPE_CHECKING:
    from fatescope.acquire import ImageFile
    from fatescope.base import Finding, Image, PlateLayout
    from fatescope.prepare.splits import Split
    from fatescope.systems.question import Kind, Question

_log = logging.getLogger(__name__)
_OPENED, _TABLES_READ, _LARGEST_TABLE = 40, 8, 50_000_000
"""Images and tables that are opened to say what they are, and the largest such table in bytes."""
_LISTED_BY_NAME, _NOTES = 20, 3
_WORDS: dict[Kind, str] = {
    "image": "image",
    "stack": "stack of planes",
    "movie": "movie",
    "lineage": "lineage table",
    "populations": "numbers of cells",
    "fates": "fates of cells",
    "plate": "plate",
    "map": "plate map",
    "pairs": "training pairs",
    "labels": "label image",
    "result": "result",
    "other": "other file",
}
_LARGEST_LABELS = 100_000_000
"""Pixels of a plane up to which somebody looks whether they are labels."""
_MANIFEST = "samples.csv"
_SIDES: dict[Split, str] = {
    "train": "to learn from",
    "validation": "to choose by",
    "test": "to test with",
    "unused": "between these",
}
_FATES = {"well", "first_frame", "last_frame"}
_SOURCES = {"file": "from the file", "user": "given by you"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One file, or the numbered files of one movie.

    ``spacing`` and ``interval`` say the scale in words with its source, ``steps`` and ``minutes``
    as it would be typed; ``notes`` are sentences on what of the file was not read as it is.
    """

    path: Path
    name: str
    kind: Kind
    size: str = ""
    channels: tuple[str, ...] = ()
    spacing: str = ""
    interval: str = ""
    steps: str = ""
    minutes: str = ""
    lacks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    is_labels: bool = False
    scene: str | None = None

    @property
    def word(self) -> str:
        """What a person calls it."""
        return _WORDS["labels" if self.is_labels else self.kind]

    def is_one_of(self, kinds: Set[Kind]) -> bool:
        """Say whether it could be read and is of such a kind; labels are no image here."""
        return not self.problem and ("labels" if self.is_labels else self.kind) in kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that a folder of files holds.

    Parameters
    ----------
    folder : Path
    seen : tuple of Seen
        The first files, opened.
    n_images : int
        How many images there are, opened or not.
    tables : tuple of Path
        What a setting that wants a table may name.
    plate : tuple of str
        What `fatescope plate show` says, where the files are a plate.
    by_channel : mapping of str to tuple of Path
        The files of a plate by their channel, well by well, where each file holds one of several.
    """

    folder: Path
    seen: tuple[Seen, ...]
    n_images: int
    tables: tuple[Path, ...]
    plate: tuple[str, ...] = ()
    by_channel: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    @property
    def kinds(self) -> set[Kind]:
        """All kinds among the files that could be read."""
        kinds = {s.kind for s in self.seen if not s.problem}
        return kinds | ({"labels"} if any(s.is_labels for s in self.seen) else set())

    def places(self, kinds: Set[Kind]) -> dict[str, Path]:
        """Return folders that hold files of such kinds alone, and the files, by their names."""
        fitting = [s.path for s in self.seen if s.is_one_of(kinds)]
        others = [s.path for s in self.seen if not s.is_one_of(kinds)]
        inside = {p for path in fitting for p in path.parents if self.folder in p.parents}
        folders = sorted(f for f in inside if not any(f in p.parents for p in others))
        return {p.relative_to(self.folder).as_posix() or ".": p for p in (*folders, *fitting)}

    def has_all(self, question: Question) -> bool:
        """Say whether there is a file for each role, and not one file for two."""
        wanted = [role.kinds for role in question.roles.values() if role.kinds]
        return all(len(self.places(kinds)) >= wanted.count(kinds) for kinds in wanted)

    def lacks(self, what: str) -> bool:
        """Say whether a file that could have ``"spacing"`` or ``"interval"`` does not say it."""
        return any(what in s.lacks for s in self.seen)

    @property
    def images_lack_spacing(self) -> bool:
        """Whether an image does not say how large its pixels are."""
        return any("spacing" in s.lacks for s in self.seen if s.kind in IMAGES)

    def channels(self, question: Question) -> tuple[str, ...]:
        """Return the channels that all images have, or the plate; none where they differ."""
        if self.divides(question):
            return tuple(self.by_channel)
        of_images = {s.channels for s in self._pictured(question)}
        (channels,) = of_images if len(of_images) == 1 else ((),)
        return channels if len(channels) > 1 else ()

    def has_one_channel(self, question: Question) -> bool:
        """Say whether each image was opened and has one channel, so that there is no choice."""
        images = self._pictured(question)
        return (
            not self.divides(question)
            and self.n_images <= _OPENED
            and all(len(s.channels) < 2 for s in images)
        )

    def divides(self, question: Question) -> bool:
        """Say whether the channel that a question wants is a choice of files."""
        of_images = question.channels == ("channel",) and "plate" not in question.takes
        return of_images and bool(self.by_channel)

    def given_to(
        self, question: Question, values: dict[str, Any]
    ) -> tuple[tuple[Path, ...], dict[str, Any]]:
        """Return the inputs of a question and its settings: a channel may be a choice of files."""
        if not self.divides(question):
            return self.inputs_for(question), values
        others = {name: value for name, value in values.items() if name != "channel"}
        return self.by_channel[values["channel"]], others

    def _pictured(self, question: Question) -> list[Seen]:
        kinds = ("plate",) if "plate" in question.takes else IMAGES
        return [s for s in self.seen if s.kind in kinds and not s.problem]

    @property
    def maps(self) -> tuple[str, ...]:
        """The plate maps, as `tables` names them."""
        maps = (s.path for s in self.seen if s.kind == "map")
        return tuple(p.relative_to(self.folder).as_posix() for p in maps)

    def read(self, what: str) -> str:
        """Return the ``"steps"`` or ``"minutes"`` that the files give, where they agree."""
        said = {str(getattr(s, what)) for s in self.seen if getattr(s, what)}
        return said.pop() if len(said) == 1 else ""

    def inputs_for(self, question: Question) -> tuple[Path, ...]:
        """Return what the question's command is given: files by name, or many as their folder.

        An image that cannot be opened is given, too: the command says why it failed.
        """
        if not question.takes & self.kinds:
            return ()
        if question.names_its_files:
            return (self.folder,)
        wanted = question.takes | (set(IMAGES) if question.takes & set(IMAGES) else set())
        fitting = [
            s.path
            for s in self.seen
            if s.kind in (wanted if s.problem else question.takes) or s.is_one_of(question.takes)
        ]
        if plates := [s.path for s in self.seen if s.kind == "plate" and "plate" in question.takes]:
            return (plates[0],)
        if self.n_images > _OPENED or len(fitting) > _LISTED_BY_NAME:
            return (self.folder,)
        return tuple(dict.fromkeys(fitting))

    def to_preview(self, question: Question) -> list[tuple[int, Seen]]:
        """Return the images that a form can show, with their numbers among what was seen."""
        takes = question.takes.intersection(IMAGES) if "labels" in question.views else ()
        return [(n, s) for n, s in enumerate(self.seen) if s.kind in takes and not s.problem]


IMAGES: tuple[Kind, ...] = ("image", "stack", "movie")


def look_at_data(folder: Path) -> Look:
    """Say what the files of a folder are; of thousands, the first are opened."""
    pairs = sorted(p.parent for p in list_files(folder) if p.name == _MANIFEST)
    if pairs:  # their images and tables belong to them
        return Look(
            folder=folder,
            seen=tuple(_see_pairs(p, folder) for p in pairs[:_OPENED]),
            n_images=0,
            tables=(),
        )
    images = _images(folder)
    plate, shown, by_channel = _plate(folder)
    opened = {p for file in images for p in file.paths}
    tables = [
        path
        for path in list_files(folder)
        if path not in opened and not any(parent in opened for parent in path.parents)
    ]
    seen = [] if plate is None else [plate]
    seen += [_see_image(file) for file in _some(images)]
    seen += list(_see_tables(folder, tables))
    return Look(
        folder=folder,
        seen=tuple(seen),
        n_images=len(images),
        tables=tuple(p for p in tables if p.suffix.lower() in (".csv", ".tsv", ".txt", ".parquet")),
        plate=shown,
        by_channel=by_channel,
    )


def _see_pairs(data: Path, folder: Path) -> Seen:
    name = _below(data, folder) if data != folder else data.name
    try:
        samples = read_samples(data, splits=tuple(_SIDES))
        inside = folder.resolve()
        if not all(p.resolve().is_relative_to(inside) for s in samples for p in s.paths):
            raise InputError("names images outside of these files. Drop them together.")
        splits = Counter(s.split for s in samples)
    except (FatescopeError, OSError) as error:
        return Seen(path=data, name=name, kind="other", problem=_problem(error, data))
    parts = [f"{splits[side]} {words}" for side, words in _SIDES.items() if splits[side]]
    return Seen(path=data, name=name, kind="pairs", size=", ".join(parts))


def _some(images: Sequence[ImageFile]) -> list[ImageFile]:
    """Return the images that are opened: of each folder as many, in the given order."""
    if len(images) <= _OPENED:
        return list(images)
    number: Counter[Path] = Counter()
    rank = {}
    for file in images:
        folder = file.paths[0].parent
        rank[file.key] = number[folder]
        number[folder] += 1
    chosen = {f.key for f in sorted(images, key=lambda f: rank[f.key])[:_OPENED]}
    return [f for f in images if f.key in chosen]


def _images(folder: Path) -> list[ImageFile]:
    try:
        return find_images([folder])
    except InputError:
        return []


def _plate(folder: Path) -> tuple[Seen | None, tuple[str, ...], dict[str, tuple[Path, ...]]]:
    """Return the plate that a folder is or holds, what ``plate show`` says of it, and its files."""
    inside = sorted(folder.iterdir())
    folders = [p for p in inside if p.is_dir()]
    for top in (folder, *folders) if len(folders) < len(inside) else (*folders, folder):
        try:
            said = show_plate(top, reading=PlateReading())
        except (FatescopeError, OSError, ValueError):
            continue
        layout = said.layout
        counts = {
            "well": len(layout.wells),
            "field": sum(len(fields) for fields in layout.images.values()),
            "frame": len(layout.frames),
        }
        size = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts.items())
        name = _below(top, folder) if top != folder else top.name
        seen = Seen(path=top, name=name, kind="plate", size=size, channels=layout.channels)
        first, *lines = said.as_lines()
        return seen, (first.replace(str(top), name, 1), *lines), _by_channel(layout)
    return None, (), {}


def _by_channel(layout: PlateLayout) -> dict[str, tuple[Path, ...]]:
    """Return the files of each channel, well by well; none where files hold several."""
    files = [f for fields in layout.images.values() for some in fields.values() for f in some]
    if len(layout.channels) < 2 or any(len(f.channels) != 1 for f in files):
        return {}
    return {c: tuple(f.path for f in files if f.channels == (c,)) for c in layout.channels}


def _see_image(file: ImageFile) -> Seen:
    path = file.paths[0]
    name = path.name if file.scene is None else f"{path.name} [{file.scene}]"
    try:
        image = read_image(file)
    except (FatescopeError, OSError) as error:
        return Seen(path=path, name=name, kind="image", problem=_problem(error, path))
    seen = describe_image(image, path=path, name=name)
    return replace(seen, is_labels=_is_labels(image), scene=file.scene)


def _is_labels(image: Image) -> bool:
    return image.size("Y") * image.size("X") <= _LARGEST_LABELS and shows_labels(image)


def describe_image(image: Image, *, path: Path, name: str) -> Seen:
    """Say in words what an image is."""
    kind: Kind = "movie" if image.size("T") > 1 else "stack" if image.size("Z") > 1 else "image"
    words = {"T": "frames", "Z": "planes", "C": "channels"}
    parts = [f"{image.size(a)} {w}" for a, w in words.items() if image.size(a) > 1]
    size = " × ".join([*parts, f"{image.size('X')} × {image.size('Y')} px"])
    spatial = "ZYX" if image.size("Z") > 1 else "YX"
    lacks = ["spacing"] if image.spacing.um(spatial) is None else []
    if image.size("T") > 1 and image.spacing.interval_min is None:
        lacks.append("interval")
    return Seen(
        path=path,
        name=name,
        kind=kind,
        size=f"{size}, {_bits(image)}",
        channels=image.channels
        or tuple(str(c) for c in range(image.size("C")) if "C" in image.axes),
        spacing=_spacing(image, spatial),
        interval=_interval(image),
        steps=_typed(image.spacing.um(spatial)),
        minutes=_typed((image.spacing.interval_min,)),
        lacks=tuple(lacks),
    )


def _typed(steps: Sequence[float | None] | None) -> str:
    """Return steps as a person types them; the pixel size once if pixels are square."""
    known = [s for s in steps or () if s is not None]
    if len(known) == 2 and known[0] == known[1]:
        known = known[:1]
    return ",".join(f"{s:.4g}" for s in known)


def _bits(image: Image) -> str:
    kind = image.dtype
    return f"{kind.itemsize * 8} bit" + (" float" if kind.kind == "f" else "")


def _spacing(image: Image, axes: str) -> str:
    steps = image.spacing.steps
    if not any(a in steps for a in axes):
        return "not known"
    planar = [steps[a] for a in "YX" if a in steps]
    text = " × ".join(f"{s.value:.4g}" for s in planar[:: -1 if len(planar) > 1 else 1])
    if len(planar) == 2 and planar[0].value == planar[1].value:
        text = f"{planar[0].value:.4g}"
    text = f"pixel {text} µm" if planar else ""
    if "Z" in axes:
        depth = f"{steps['Z'].value:.4g} µm" if "Z" in steps else "not known"
        text += f"{', ' if text else ''}between planes {depth}"
    source = next(iter(steps.values())).source
    return f"{text} ({_SOURCES.get(source, source)})"


def _interval(image: Image) -> str:
    step = image.spacing.steps.get("T")
    if step is not None:
        return f"{step.value:.4g} min ({_SOURCES.get(step.source, step.source)})"
    return "not known" if image.size("T") > 1 else ""


def _see_tables(folder: Path, tables: Sequence[Path]) -> Iterator[Seen]:
    try:
        lineages = {p for f in find_lineages([folder]) for p in (f.path,)}
    except (FatescopeError, OSError):
        lineages = set()
    groups = [p for p in lineages if p.is_dir()]
    left = [p for p in tables if not any(g in p.parents for g in groups)]
    for n, path in enumerate([*sorted(groups), *left]):
        if n >= _TABLES_READ or (path.is_file() and path.stat().st_size > _LARGEST_TABLE):
            kind: Kind = "lineage" if path in lineages else "other"
            yield Seen(path=path, name=_below(path, folder), kind=kind)
            continue
        yield _see_table(path, folder, is_lineage=path in lineages)


def _see_table(path: Path, folder: Path, *, is_lineage: bool) -> Seen:
    name = _below(path, folder)
    try:
        if is_population_table(path):
            return Seen(path=path, name=name, kind="populations")
        if path.suffix.lower() in (".csv", ".parquet") and (said := _columns(path, name)):
            return said
        if is_lineage:
            read = read_lineage_checked(path)
            lineage = read.lineage
            named = len({n for n in lineage.name.tolist() if n})
            frames = len(set(lineage.frame.tolist()))
            size = f"{len(lineage.frame):,} nuclei in {frames} frames, {named} names"
            return Seen(
                path=path,
                name=name,
                kind="lineage",
                size=f"{size} ({read.format})",
                spacing=_steps(lineage.spacing.um("YX")),
                interval=_minutes(lineage.spacing.interval_min),
                lacks=() if lineage.spacing.um("ZYX") else ("spacing",),
                notes=_notes(read.findings),
            )
    except (FatescopeError, OSError) as error:
        kind: Kind = "lineage" if is_lineage else "other"
        return Seen(path=path, name=name, kind=kind, problem=_problem(error, path))
    return Seen(path=path, name=name, kind="other", size="not an image or a table that is known")


def _notes(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return what the first findings of reading say, one for each rule."""
    first = {f.rule: f.reason for f in reversed(findings)}
    said = list(reversed(first.values()))[:_NOTES]
    more = len(findings) - len(said)
    return (*said, *([f"{more} more findings; a check lists them."] if more else ()))


def _columns(path: Path, name: str) -> Seen | None:
    """Recognise tables of plates by their columns."""
    table = read_table(path)
    columns = set(table.columns)
    if columns >= _FATES:
        size = f"{len(table):,} cells of {len(set(table['well'].tolist()))} wells"
        return Seen(path=path, name=name, kind="fates", size=size)
    if columns >= {"well", "treatment"}:
        return Seen(path=path, name=name, kind="map", size=f"{len(table)} wells")
    return None


def _steps(um: tuple[float, ...] | None) -> str:
    return "not known" if um is None else f"pixel {um[-1]:.4g} µm (from the file)"


def _minutes(interval: float | None) -> str:
    return "not known" if interval is None else f"{interval:.4g} min (from the file)"


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _problem(error: Exception, path: Path) -> str:
    """Return the sentence of an error without the path, which stands beside it."""
    text = " ".join(str(error).split())
    for shown in (escape(path), str(path)):
        text = text.removeprefix(f"{shown}: ").replace(shown, path.name)
    return capital(text)
