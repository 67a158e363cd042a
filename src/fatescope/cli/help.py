"""What ``--help`` looks like: plain names of arguments, summaries that are not cut off."""

from __future__ import annotations

from typing import Any

from typer import BadParameter
from typer.core import TyperCommand, TyperGroup

_LONG = 200
ORDER = (
    *("predict", "measure", "evaluate", "lineage"),
    *("prepare", "train", "compare", "models", "reproduce", "simulate", "pairs"),
)
"""The commands in the order of their use; others follow."""
_WORDS = {
    **{"<int>": "N", "<int range>": "N", "<float>": "X", "<float range>": "X"},
    **{"<str>": "TEXT", "<path>": "PATH", "<list[str]>": "TEXT", "<list[path]>": "PATH"},
}
"""What stands for the value of an option, by the type that the parser writes."""
_AGAIN = "may be given more than once"


class CommandHelp(TyperCommand):
    """A command whose arguments stand in its help by their names, without a type."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what follows the name of the command on the usage line."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        return ["[OPTIONS]", *(_usage(p) for p in arguments)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an option that is given twice, of which the first value would be forgotten."""
        *_, order = self.make_parser(ctx).parse_args(args=list(args))
        options: list[Any] = [p for p in order if p.param_type_name == "option"]
        options = [p for p in options if not p.is_flag]
        for option in options:
            if not option.multiple and options.count(option) > 1:
                raise BadParameter(
                    f"it is given {options.count(option)} times, and only one would be used. Where "
                    "it takes several values, divide them by commas.",
                    param_hint=f"'{option.opts[0]}'",
                )
        return list(super().parse_args(ctx, args))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then options."""
        records = [(p, p.get_help_record(ctx)) for p in self.get_params(ctx)]
        rows: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
        for parameter, record in records:
            if record is not None:
                kind = parameter.param_type_name
                name = _name(parameter) if kind == "argument" else _option(record[0])
                again = f"; {_AGAIN}" if kind == "option" and parameter.multiple else ""
                rows[kind].append((name, record[1] + again))
        for kind, found in rows.items():
            if found:
                with formatter.section(f"{kind.capitalize()}s"):
                    formatter.write_dl(found)


class GroupHelp(TyperGroup):
    """A group that lists its commands in the order of their use, their summaries in full."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return sorted(self.commands, key=lambda n: ORDER.index(n) if n in ORDER else len(ORDER))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a row for each command."""
        rows = [(n, self.commands[n].get_short_help_str(_LONG)) for n in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def _name(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _option(name: str) -> str:
    flag, space, kind = name.partition(" <")
    return f"{flag} {_WORDS.get(space[1:] + kind, space[1:] + kind)}" if kind else name


def _usage(parameter: Any) -> str:
    name = _name(parameter) + ("..." if parameter.nargs != 1 else "")
    return name if parameter.required else f"[{name}]"
