"""A question: what a person asks of files, and one button of the app, declared in a few lines.

A question names a function, its settings classes and what can be shown of its results. Its form is
made from `Settings.describe`, its command line and Python from the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fatescope.base import Execution, Settings
from fatescope.systems.place import accepted, resolved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import Progress
    from fatescope.engine import Summary
    from fatescope.engine.plan import RunPlan

Kind = Literal[
    "image",
    "stack",
    "movie",
    "lineage",
    "populations",
    "plate",
    "map",
    "fates",
    "pairs",
    "labels",
    "result",
    "other",
]
"""What a file is taken for; a stack has planes (Z), a movie frames (T), a result label images."""
View = Literal["images", "labels", "objects", "counts", "tree", "wells", "findings", "report"]
"""What a result page shows: images alone, label images over their images, the table of objects,
counts over time linked with the frame, a lineage tree linked with its rows, the wells of a plate
linked with their images and curves, findings before the report, the report."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a command is given beside settings: a file, a model or a word, chosen from a list.

    Parameters
    ----------
    label : str
        Of the field.
    kinds : frozenset of str
        The file, or the folder of files, of such a kind that is given.
    choices : tuple of str
        What is offered where it is no file; empty where the command has a list of its own.
    words : mapping of str to str
        What a person reads instead of a choice.
    help, flag, default, required
        As the command has them; the registry fills them in. Without a flag, it stands on the
        command line before the inputs.
    """

    label: str
    kinds: frozenset[Kind] = frozenset()
    choices: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    help: str = ""
    flag: str = ""
    default: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Preset:
    """A plain choice that stands for several settings of the command.

    Parameters
    ----------
    label, help : str
        Of the field.
    choices : mapping of str to mapping
        What each choice sets, by the words that are shown; the first is what is usual.
    """

    label: str
    help: str
    choices: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What can be asked of files, and how it is answered.

    Parameters
    ----------
    name : str
        In addresses; short and stable.
    title : str
        On the button, as a biologist asks.
    text : str
        One sentence below it.
    takes : frozenset of str
        Kinds of files; the button is offered where one of them was read.
    command : str
        On the command line: ``"predict nuclei"``.
    run : str
        ``"module:function"`` of the workflow: ``run(inputs, out=..., <settings>=..., ...)``. Empty,
        it is that of the command.
    settings : mapping of str to str
        The workflow's argument and its class as ``"module:Class"``. Empty, they are those of the
        command, and so is the plan.
    plan : str
        ``"module:function"`` that estimates a run; empty where nothing lasts.
    arguments : mapping
        What else the workflow is to be given.
    first : tuple of str
        Settings that the form shows at once; the others wait behind *More settings*.
    hidden : tuple of str
        Settings that mean nothing in the app.
    choices : mapping of str to tuple of str
        What a setting of free text may be, where it would name a file of the machine otherwise.
    files : tuple of str
        Settings of text that name a file; those of the kind ``path`` do so without being listed.
    needs : tuple of str
        Settings without which nothing can be done.
    channels : tuple of str
        Settings that name a channel of the files.
    one_channel : str
        The one of them without which files of several channels cannot be read.
    views : tuple of str
    adapts : str
        Model that can be trained further on corrected labels of this question.
    words : tuple of str
        Of the command line, behind the command and before the inputs.
    one_input : bool
        The workflow takes one folder, and no list.
    inputs_flag : str
        Where inputs have a flag: ``"--data"``.
    flags : mapping of str to str
        Settings whose flag on the command line is not made from their name.
    says : str
        A file of one sentence that is the answer.
    reports : tuple of str
        Pages of the result, the first of them shown first.
    parts : tuple of str
        What is done one after the other, in singular and plural.
    roles : mapping of str to Role
        Arguments of the command that are chosen from lists. Where one of them is a file, there are
        no other inputs.
    presets : mapping of str to Preset
        Plain choices before the settings that they stand for; a setting that is given counts more.
    lasts : str
        How long it takes, where no plan says so while somebody waits.
    writes : bool
        Whether the command has an output folder; else what it prints is the answer.
    examples : tuple of str
        Rendered files to try it on, by the names that descriptions give them.
    unrendered : mapping of str to str
        Models of this question that show no rendered images, and why, in words.
    """

    name: str
    title: str
    text: str
    takes: frozenset[Kind]
    command: str
    run: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    plan: str | Callable[..., Any] = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    first: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    one_channel: str = ""
    views: tuple[View, ...] = ("report",)
    adapts: str = ""
    words: tuple[str, ...] = ()
    one_input: bool = False
    inputs_flag: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    reports: tuple[str, ...] = ("report.html",)
    parts: tuple[str, str] = ("file", "files")
    roles: Mapping[str, Role] = field(default_factory=dict)
    presets: Mapping[str, Preset] = field(default_factory=dict)
    lasts: str = ""
    writes: bool = True
    examples: tuple[str, ...] = ()
    unrendered: Mapping[str, str] = field(default_factory=dict)

    @property
    def names_its_files(self) -> bool:
        """Whether each file has a role, so that there are no inputs apart from these."""
        return any(role.kinds for role in self.roles.values())

    def chosen(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments that `roles` stand for, those that were chosen or have a default."""
        texts = {name: values.get(name, role.default) for name, role in self.roles.items()}
        return {n: Path(t) if self.roles[n].kinds else t for n, t in texts.items() if t}

    def classes(self) -> dict[str, type[Settings]]:
        """Return the settings class of each argument."""
        return {argument: resolved(name) for argument, name in self.settings.items()}

    def settings_from(self, values: Mapping[str, Any]) -> dict[str, Settings]:
        """Validate plain values by name, as the command line does with flags.

        Raises
        ------
        SettingsError
            One sentence that names the setting, its value and its range.
        """
        return {
            argument: cls.from_values({k: v for k, v in values.items() if k in cls.model_fields})
            for argument, cls in self.classes().items()
        }

    def answer(
        self,
        inputs: Sequence[Path],
        *,
        out: Path,
        values: Mapping[str, Any],
        progress: Progress | None = None,
    ) -> Summary:
        """Run the workflow on files; raises what it raises."""
        function = resolved(self.run)
        given = {
            **self.arguments,
            **self.chosen(values),
            **self.settings_from(values),
            "out": out,
            "execution": Execution(),
            "progress": progress,
        }
        first = [] if self.names_its_files else [inputs[0] if self.one_input else list(inputs)]
        summary: Summary = function(*first, **accepted(function, given))
        return summary

    def estimate(self, inputs: Sequence[Path], values: Mapping[str, Any]) -> RunPlan | None:
        """Say what `answer` would cost on this machine; ``None`` where nobody can say."""
        if not self.plan or self.lasts:
            return None
        function = resolved(self.plan)
        given = {
            **self.arguments,
            "command": self.command,
            **self.chosen(values),
            **self.settings_from(values),
            "inputs": list(inputs),
            "folder": inputs[0],
            "execution": Execution(),
        }
        plan: RunPlan = function(**accepted(function, given))
        return plan
