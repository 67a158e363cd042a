"""The laws of the house that a machine can hold, each with its reason.

Layers, from top to bottom: a folder imports only folders on lower layers, never a neighbour. What
can be understood without its neighbours can be changed without them.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

from tests.offenders import for_each

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "fatescope"
MODULES = sorted(SOURCE.rglob("*.py"))
FOLDERS = sorted(p.parent for p in SOURCE.glob("*/__init__.py"))

LAYERS = (
    {"cli"},
    {"app", "napari", "devolearn"},
    {"systems"},
    {"pages"},
    {"engine"},
    {"train"},
    {"predict", "prepare"},
    {"lineage", "plate", "clean", "measurement", "evaluate", "simulate", "models", "review"},
    {"acquire", "track"},
    {"storage", "numeric"},
    {"base"},
)
HEAVY = {"numpy", "scipy", "skimage", "pandas", "torch", "openvino", "duckdb", "tifffile", "zarr"}
LEARNING = {"torch", "torchvision", "albumentations", "timm", "nncf"}
MAY_OPEN_FILES = {"storage", "acquire", "engine", "pages", "models", "prepare", "train"}


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def folder_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).parts
    return parts[0] if len(parts) > 1 else ""


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {f"{node.module}.{a.name}" for a in node.names}
    return found


def id_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def of_training(path: Path) -> bool:
    parts = path.relative_to(SOURCE).parts
    return parts[0] == "train" or (parts[0] == "systems" and "training" in parts[2:-1])


def test_a_folder_imports_only_lower_layers():
    wrong = []
    for path in MODULES:
        if not (folder := folder_of(path)):
            continue
        layer = next((i for i, folders in enumerate(LAYERS) if folder in folders), None)
        assert layer is not None, f"{folder} is not a folder of DESIGN section 2"
        allowed = {folder}.union(*LAYERS[layer + 1 :])
        for name in imports_of(path):
            parts = name.split(".")
            ours = parts[0] == "fatescope" and len(parts) > 1 and not parts[1].startswith("_")
            if ours and parts[1] not in allowed:
                wrong.append(f"{id_of(path)} imports {name}, which is not below it")
    assert wrong == []


def test_torch_lives_in_train_and_in_the_training_of_systems():
    wrong = [
        f"{id_of(path)}: {name}"
        for path in MODULES
        for name in imports_of(path)
        if name.split(".")[0] in LEARNING and not of_training(path)
    ]
    assert wrong == []


def test_only_systems_name_three_systems_or_more():
    """A new system is one folder and one line: nobody else keeps a list of them."""
    folders = {p.parent.name for p in SOURCE.glob("systems/*/description.py")}
    assert len(folders) > 10
    wrong = {}
    for path in (p for p in MODULES if folder_of(p) != "systems"):
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"fatescope\.systems\.(\w+)", text)) & folders
        if len(named) >= 3:
            wrong[id_of(path)] = sorted(named)
    assert wrong == {}


def test_nothing_is_pickled():
    for path in MODULES:
        named = {n.split(".")[0] for n in imports_of(path)} & {"pickle", "joblib", "dill"}
        assert not named, f"{id_of(path)} imports {named}"
        assert "allow_pickle=True" not in path.read_text(encoding="utf-8"), id_of(path)


def may_open_files(path: Path) -> bool:
    """Return whether a file is at an edge; of a system its page and its training are."""
    if folder_of(path) in MAY_OPEN_FILES or id_of(path) in ("cli/command.py", "base/extras.py"):
        return True
    inside = path.relative_to(SOURCE).parts[2:]
    return folder_of(path) == "systems" and (
        path.stem.endswith("page") or bool({"training", "page", "drawings"} & set(inside[:-1]))
    )


def test_files_are_opened_only_at_the_edges():
    opening = {"open", "read_text", "write_text", "read_bytes", "write_bytes", "memmap"}
    wrong = []
    for path in (p for p in MODULES if not may_open_files(p)):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                of_run = isinstance(node.func, ast.Attribute) and name == "open"
                if name in opening and not of_run:
                    wrong.append(f"{id_of(path)}, line {node.lineno} opens a file ({name})")
    assert wrong == []


@for_each(FOLDERS, named=lambda p: p.name)
def test_every_public_name_is_documented_and_typed(folder):
    stub = folder / "__init__.pyi"
    if not stub.exists():
        assert folder.name in {"cli", "systems"}, f"{folder.name} states no public names"
        return
    module = importlib.import_module(f"fatescope.{folder.name}")
    assert module.__all__
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.ismodule(value) or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        assert inspect.getdoc(value), f"{folder.name}.{name} has no docstring"
        if inspect.isfunction(value):
            bare = [
                p.name
                for p in inspect.signature(value).parameters.values()
                if p.annotation is inspect.Parameter.empty
            ]
            assert not bare, f"{folder.name}.{name} leaves {bare} without a type"


def test_no_two_files_import_each_other():
    """Types included: two files that need each other are one idea, or lack a third file."""
    name = {
        ".".join(("fatescope", *p.relative_to(SOURCE).with_suffix("").parts)): p for p in MODULES
    }
    needs = {}
    for module, path in name.items():
        found = imports_of(path)
        found |= {one.rpartition(".")[0] for one in found}
        needs[module] = found & set(name)
    pairs = [(a, b) for a in name for b in needs[a] if a < b and a in needs[b]]
    assert pairs == []


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nsys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {m.split(".")[0] for m in done.stderr.split()}


def test_importing_fatescope_loads_no_array_library():
    assert not modules_after("import fatescope") & (HEAVY | LEARNING)


def test_help_loads_no_array_library():
    code = (
        "sys.argv = ['fatescope', '--help']\n"
        "from fatescope.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert not modules_after(code) & (HEAVY | LEARNING)


def test_public_names_resolve_on_first_use():
    import fatescope

    assert fatescope.Image.__name__ == "Image"
    assert "__version__" in fatescope.__all__


def test_the_linter_knows_the_same_layers():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    folders = [{r.strip(" ()") for r in layer.split("|")} for layer in layers]
    assert folders == [set(layer) for layer in LAYERS]


def test_property_tests_know_neither_a_clock_nor_chance():
    """A busy machine must not fail them, and all machines must try the same examples."""
    from hypothesis import settings

    assert settings().deadline is None
    assert settings().derandomize
    own = [p.name for p in (ROOT / "tests").rglob("*.py") if "deadline=" in p.read_text()]
    assert sorted(own) == ["conftest.py", Path(__file__).name]


def definitions() -> dict[str, list[str]]:
    """Return the files that define each public function and class of a module."""
    found: dict[str, list[str]] = {}
    for path in MODULES:
        for node in parsed(path).body:
            kinds = (ast.FunctionDef, ast.ClassDef)
            if isinstance(node, kinds) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(id_of(path))
    return found


def test_a_public_name_means_one_thing():
    """A name fewer each time one is mended: lower the number, and never raise it."""
    twice = [f"{name}: {', '.join(files)}" for name, files in definitions().items() if files[1:]]
    assert len(twice) <= 2, "\n".join(sorted(twice))


def test_no_function_takes_ten_arguments():
    """Settings travel as one object; a command has its own words, and they are declared."""
    wrong = []
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef):
                given = node.args
                n = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
                if n >= 10:
                    wrong.append(f"{id_of(path)} {node.name} takes {n}")
    assert wrong == []


def test_errors_of_any_kind_are_caught_at_few_edges_for_a_reason():
    """A library without a base class of errors, a unit of many: `explained`, `tried`, no others.

    Where all errors are caught and none is raised again, the line says why.
    """
    wrong, n = [], 0
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            names = {
                n.id
                for n in ast.walk(node.type or ast.Name("Exception"))
                if isinstance(n, ast.Name)
            }
            if not names & {"Exception", "BaseException"}:
                continue
            n += 1
            raises = any(isinstance(n, ast.Raise) for n in ast.walk(node))
            if not raises and "#" not in lines[node.lineno - 1]:
                wrong.append(f"{id_of(path)}:{node.lineno}")
    assert wrong == []
    assert n <= 7


def is_number(node: ast.AST | None) -> bool:
    """Return whether an expression is of numbers alone: 0.5, -1, 2**20, (0.8, 1.2)."""
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if isinstance(node, ast.Tuple):
        return bool(node.elts) and all(map(is_number, node.elts))
    if isinstance(node, ast.BinOp):
        return is_number(node.left) and is_number(node.right)
    return isinstance(node, ast.UnaryOp) and is_number(node.operand)


def bare_numbers(path: Path) -> list[str]:
    """Return constants of a module without a comment, or a string under their block of lines."""
    lines, assigned = path.read_text(encoding="utf-8").splitlines(), (ast.Assign, ast.AnnAssign)
    found: list[str] = []
    block: list[str] = []
    for node, after in pairwise([*parsed(path).body, ast.Pass()]):
        if not isinstance(node, assigned):
            continue
        own = "".join(lines[node.lineno - 1 : node.end_lineno])
        if is_number(node.value) and "#" not in own and not lines[node.lineno - 2].startswith("#"):
            block.append(f"{id_of(path)}:{node.lineno} {own}")
        if isinstance(after, assigned) and after.lineno == node.end_lineno + 1:
            continue
        said = after.value if isinstance(after, ast.Expr) else None
        if not (isinstance(said, ast.Constant) and isinstance(said.value, str)):
            found += block
        block = []
    return found


def test_every_number_says_what_it_is():
    """And where it is from: a record, a paper, a format, arithmetic; or that nothing measured it.

    A comment at the end of its line or above it, or one string under a block of lines.
    """
    assert [number for path in MODULES for number in bare_numbers(path)] == []
