"""Execute the notebooks and write the pages that show them.

``python -m benchmarks.notebooks`` writes ``docs/notebooks/NAME.md`` from what the notebooks hold;
``--run [NAME ...]`` executes them first. A drawing is kept as SVG, so that outputs stay small; a
notebook that runs shows the same block with its mouse and keys.
"""

from __future__ import annotations

import argparse
import base64
import json
import tempfile
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BOOKS = ROOT / "notebooks"
PAGES = ROOT / "docs" / "notebooks"
_PATIENCE_S = 600
"""Until a kernel that says nothing is taken for dead: a slow cell, on a machine that is shared."""
_KEPT = ("text/plain", "image/svg+xml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", nargs="*", metavar="NAME", help="execute these first; none: all")
    asked = parser.parse_args().run
    paths = sorted(BOOKS.glob("*.ipynb"))
    for path in paths:
        if asked is not None and (not asked or path.stem in asked):
            save(execute(path), path)
            print("executed", path.stem)
    PAGES.mkdir(exist_ok=True)
    for path in paths:
        (PAGES / f"{path.stem}.md").write_text(page(path), encoding="utf-8")


def execute(path: Path, *, folder: Path | None = None) -> dict:
    """Return the notebook with fresh outputs; an error in a cell is raised.

    The kernel is reached by files of its own folder, not by ports, which another program may take
    between the choice and the binding; start, cells and their last words get the same patience.
    """
    import nbclient
    import nbformat
    from traitlets.config import Config

    book = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as sockets:
        kernel = {"transport": "ipc", "connection_file": str(Path(sockets) / "kernel.json")}
        nbclient.NotebookClient(
            book,
            timeout=_PATIENCE_S,
            startup_timeout=_PATIENCE_S,
            iopub_timeout=_PATIENCE_S,
            raise_on_iopub_timeout=True,
            resources={"metadata": {"path": str(folder or BOOKS)}},
            config=Config(KernelManager=kernel),
        ).execute()
    return json.loads(nbformat.writes(book))


def save(book: dict, path: Path) -> None:
    """Write a notebook without what changes from run to run, or is large."""
    book["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in book["cells"]:
        cell["metadata"] = {}
        if cell["cell_type"] == "code":
            kept = [_slim(o) for o in cell["outputs"] if not _passes(o)]
            cell["outputs"] = _joined(kept)
    path.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def page(path: Path) -> str:
    """Return a notebook as a page of the documentation."""
    book = json.loads(path.read_text(encoding="utf-8"))
    parts = []
    for number, cell in enumerate(book["cells"]):
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(text)
        else:
            parts.append(f"```python\n{text}\n```")
            parts += [_output(o) for o in cell["outputs"]]
        if number == 0:
            parts.append(
                f"*A notebook: `notebooks/{path.name}`. Run it for charts that zoom; shown here "
                "is what it gave.*"
            )
    return "\n\n".join(p for p in parts if p) + "\n"


def _passes(output: dict) -> bool:
    """Tell what is seen only while a cell runs: warnings, and a bar of progress (if it is slow)."""
    bar = output["output_type"] == "display_data" and "image/svg+xml" not in output["data"]
    return bar or output.get("name") == "stderr"


def _joined(outputs: list[dict]) -> list[dict]:
    """Return outputs with neighbouring prints as one: a slow machine gives them in pieces."""
    whole: list[dict] = []
    for output in outputs:
        if whole and output["output_type"] == whole[-1]["output_type"] == "stream":
            text = "".join(whole[-1]["text"]) + "".join(output["text"])
            whole[-1] = {**whole[-1], "text": text.splitlines(keepends=True)}
        else:
            whole.append(output)
    return whole


def _slim(output: dict) -> dict:
    if "data" not in output:
        return output
    data = {kind: output["data"][kind] for kind in _KEPT if kind in output["data"]}
    if "image/svg+xml" in data:
        data["text/plain"] = ["a drawing"]
    return {**output, "data": data, "metadata": {}}


def _output(output: dict) -> str:
    data = output.get("data", {})
    if "image/svg+xml" in data:
        svg = "".join(data["image/svg+xml"])
        code = base64.b64encode(svg.encode()).decode()
        words = svg.partition('aria-label="')[2].partition('"')[0] or "drawing"
        return f'<p><img alt="{words}" src="data:image/svg+xml;base64,{code}"></p>'
    text = "".join(data.get("text/plain", output.get("text", "")))
    return f"<pre>{_plain(text)}</pre>" if text.strip() else ""


def _plain(text: str) -> str:
    """Return text that Markdown and the page leave as it is, blank lines too."""
    lines = escape(text.rstrip("\n")).replace("[", "&#91;").replace("`", "&#96;").split("\n")
    return "\n".join(line or "&#8203;" for line in lines)


if __name__ == "__main__":
    main()
