from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from fatescope.base import InputError, Settings, setting
from fatescope.cli.command import add_command, explain, shortened
from fatescope.systems.description import INPUTS, OUT, Command, Option


class Look(Settings):
    """Settings for these tests."""

    level: float = setting(0.5, "how bright", unit="px", gt=0)
    mode: Literal["fast", "exact"] = setting("exact", "which way")
    spacing_um: tuple[float, ...] | None = setting(None, "step", unit="µm")
    ranges: tuple[str, ...] = setting(("a=1:2", "b=3:4"), "what is searched")
    edges_um: tuple[float, ...] = setting((1.0, 0.5), "edges", unit="µm")


@dataclass
class Answer:
    said: dict[str, Any]
    exit_code: int = 0
    errors: tuple[str, ...] = ()

    def as_json(self):
        return self.said

    def as_lines(self):
        return [f"{k} is {v}" for k, v in self.said.items()]


@pytest.fixture
def run():
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    def look(inputs, *, out, settings, times=1):
        if settings.level == 13:
            raise InputError("a.tif: 13 is unlucky. Take 12.")
        if settings.level == 99:
            raise KeyError("lost")
        return Answer({"level": settings.level, "mode": settings.mode, "n": len(inputs) * times})

    def plan(command, *, inputs):
        return Answer({"command": command, "n": len(inputs)})

    told = Command(
        name="look",
        help="Look at images.",
        example="fatescope look a.tif --out b",
        run=look,
        plan=plan,
        settings={"settings": Look},
        arguments=(INPUTS, OUT, Option("times", "how often", type=int, least=1)),
        fresh=False,
    )
    add_command(app, "look", told)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_a_field_becomes_a_flag_with_unit_range_and_default(run):
    text = run("--help").stdout
    assert "how bright (px, above 0, default 0.5)" in " ".join(text.split())
    assert "<fast|exact>" in text
    assert "fatescope look a.tif --out b" in text


def test_help_names_arguments_and_values_without_types(run):
    text = run("--help").stdout
    assert "look [OPTIONS] INPUT..." in text
    assert "  INPUT  files or folders  [required]\n" in text
    assert "  -o, --out DIR " in text
    assert "  --level X " in text
    assert "<str>" not in text
    assert "<path>" not in text
    assert "list[" not in text


def test_an_option_that_repeats_says_so_and_a_default_stands_as_it_is_typed(run):
    text = " ".join(run("--help").stdout.split())
    assert (
        "--ranges TEXT what is searched (default a=1:2 and b=3:4); may be given more than once"
        in text
    )
    assert "--edges-um TEXT edges (µm, default 1.0,0.5) --times" in text


def test_json_is_one_document_and_nothing_else(run):
    done = run("a.tif", "b.tif", "--out", "o", "--json", "--level", "2")
    assert json.loads(done.stdout) == {"level": 2.0, "mode": "exact", "n": 2}
    assert run("a.tif", "--out", "o", "--quiet").stdout == ""


def test_what_is_no_setting_goes_to_the_function_and_the_plan_takes_what_it_has(run):
    done = run("a.tif", "--out", "o", "--times", "3", "--json")
    assert json.loads(done.stdout)["n"] == 3
    assert run("a.tif", "--out", "o", "--times", "0").exit_code == 2
    planned = run("a.tif", "b.tif", "--out", "o", "--plan", "--json")
    assert json.loads(planned.stdout) == {"command": "look", "n": 2}


def test_a_flag_wins_over_the_file(run, tmp_path):
    toml = tmp_path / "s.toml"
    toml.write_text('level = 3\nmode = "fast"\n')
    done = run("a.tif", "--out", "o", "--settings", str(toml), "--level", "4", "--json")
    assert json.loads(done.stdout) == {"level": 4.0, "mode": "fast", "n": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [("leevel = 3", "leevel is not a setting"), ("level = ", "cannot be read")],
)
def test_a_wrong_settings_file_is_one_sentence(run, tmp_path, text, message):
    toml = tmp_path / "s.toml"
    toml.write_text(text)
    done = run("a.tif", "--out", "o", "--settings", str(toml))
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("level", "code", "message"),
    [("13", 2, "error: a.tif: 13 is unlucky. Take 12."), ("99", 70, "bug"), ("-1", 2, "greater")],
)
def test_an_error_is_one_line_and_a_code(run, level, code, message):
    done = run("a.tif", "--out", "o", "--level", level)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_many_units_that_failed_are_a_few_lines():
    same = [f"{i}.tif: it ends too early. Copy it again." for i in range(50)]
    assert shortened(same) == ["0.tif, 1.tif, 2.tif and 47 more: it ends too early. Copy it again."]
    assert shortened(["a.tif: torn.", "b.tif: empty."]) == ["a.tif: torn.", "b.tif: empty."]
    different = [f"{i}.tif: it ends at byte {i}." for i in range(50)]
    assert len(shortened(different)) == 9
    assert shortened(different)[-1].startswith("42 more reasons")


def test_debug_shows_the_traceback(run):
    assert "Traceback" in run("a.tif", "--out", "o", "--level", "99", "--debug").stderr


def test_interruption_and_a_full_disk_have_their_sentences():
    assert explain(KeyboardInterrupt())[1] == 130
    wrapped = SystemError("returned a result with an exception set")  # by compiled code
    assert explain(wrapped)[1] == 70
    wrapped.__cause__ = KeyboardInterrupt()
    assert explain(wrapped)[1] == 130
    sentence, code = explain(OSError(28, "No space left on device", "out/x.tif"))
    assert sentence.startswith("error: out/x.tif: no space left on device.")
    assert code == 2


def test_every_command_says_what_it_does_with_an_example():
    from typer.main import get_command

    from fatescope.cli.main import load_commands

    def walk(command, words):
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                yield from walk(inner, (*words, name))
        else:
            yield words, command

    commands = dict(walk(get_command(load_commands()), ("fatescope",)))
    assert ("fatescope", "predict", "nuclei") in commands
    for words, found in commands.items():
        assert "Example:" in found.help, words
        assert " ".join(words) in found.help, words


def fatescope(*words, **environment):
    import os
    import subprocess
    import sys

    code = "import sys; sys.argv[0] = 'fatescope'; from fatescope.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", **environment},
        check=False,
    )


@pytest.mark.parametrize("words", [(), ("predict",), ("predict", "nuclei"), ("measure",)])
def test_h_is_help_at_every_level(words):
    short, long = fatescope(*words, "-h"), fatescope(*words, "--help")
    assert (short.returncode, short.stdout) == (0, long.stdout)
    assert "-h, --help" in short.stdout
    assert "..." not in short.stdout.partition("Commands:")[2]


def test_o_is_out(run):
    assert run("a.tif", "-o", "o", "--json").exit_code == 0


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("fatescope pr", ["predict", "prepare"]),
        ("fatescope predict nu", ["nuclei", "nuclei-em"]),
        ("fatescope predict nuclei --diam", ["--diameter-px", "--diameter-um"]),
        ("fatescope predict nuclei --device c", ["cpu", "cuda"]),
    ],
)
def test_a_shell_completes_commands_flags_and_choices(typed, completed):
    shell = {
        "_FATESCOPE_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    assert fatescope(**shell).stdout.split() == completed


def test_a_mistyped_command_gets_a_suggestion():
    said = fatescope("pred").stderr
    assert said == (
        "error: No such command 'pred'. Did you mean 'predict'? See the same command with --help.\n"
    )


def test_the_list_of_commands_says_what_their_help_says():
    from typer.main import get_command

    from fatescope.cli.main import load_commands

    def summaries(commands):
        return {name: c.get_short_help_str(200) for name, c in commands.items()}

    listed = summaries(get_command(load_commands("")).commands)
    assert listed == summaries(get_command(load_commands()).commands)
    assert listed["measure"].startswith("Measure the objects of label images: place, size")


def test_the_flags_of_a_command_are_what_its_settings_describe():
    from typer.main import get_command

    from fatescope.cli.main import load_commands
    from fatescope.systems.nuclei.settings import NucleiSettings

    command = get_command(load_commands(None)).commands["predict"].commands["nuclei"]
    flags = {flag: option for option in command.params for flag in option.opts}
    for described in NucleiSettings.describe():
        option = flags[described.flag]
        assert described.help in option.help
        assert described.unit in option.help
        if described.limits:
            assert described.range in option.help


@pytest.mark.parametrize(("twice", "named"), [("--out", "--out"), ("-o", "--out")])
def test_an_option_given_twice_is_refused(twice, named, tmp_path):
    words = ["predict", "nuclei", "a.tif", "--out", str(tmp_path / "a"), twice, str(tmp_path / "b")]
    done = subprocess.run(
        [sys.executable, "-m", "fatescope", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert named in done.stderr
    assert "it is given 2 times, and only one would be used" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
