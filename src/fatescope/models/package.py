"""Model packages on disk: written whole, read with every file checked.

A package is data. It is refused if it holds anything but the kinds of files listed here, if a
name could leave its folder, if it would inflate beyond bounds, or if a hash is wrong.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from fatescope.base.errors import FileFormatError, ModelError, RunError
from fatescope.models.description import ModelDescription, description_from_rdf
from fatescope.models.rdf import make_rdf
from fatescope.storage import HASH_FILE, Bounds, read_zip, write_beside, write_folder_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

REQUIRED = ("rdf.yaml", "model.onnx", "test_input.npy", "test_output.npy", "card.md")
SUFFIXES = (".yaml", ".onnx", ".safetensors", ".npy", ".md", ".png", ".csv", ".json", ".txt")
MAX_FILES = 64
MAX_BYTES = 256 * 2**20
MAX_RDF_BYTES = 2 * 2**20
"""Bounds for what strangers send; shipped packages have 8, 7.2 MB and 50 kB at most."""


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A checked package: its description, its files in memory, its content hash.

    The content hash is the sha256 over the lines ``sha256  name`` of all files, sorted by name.
    """

    description: ModelDescription
    files: Mapping[str, bytes]
    sha256: str
    source: Path

    @property
    def name(self) -> str:
        """The short name of the model."""
        return self.description.name

    def tensor(self, name: str) -> NDArray[np.float32]:
        """Read one of the package's arrays, for instance ``test_input.npy``."""
        import numpy as np

        try:
            array = np.load(io.BytesIO(self.files[name]), allow_pickle=False)
        except (KeyError, ValueError, EOFError, OSError) as error:
            raise ModelError(f"{self.source}: {name} is missing or no array: {error}.") from error
        return np.asarray(array, dtype=np.float32)


def write_package(
    folder: str | Path,
    *,
    description: ModelDescription,
    files: Mapping[str, bytes | Path],
    test_input: NDArray[np.float32],
    test_output: NDArray[np.float32],
    card: str,
) -> ModelPackage:
    """Write a package folder, whole or not at all, and read it back.

    Parameters
    ----------
    folder : path
        Must not exist, or be an empty folder.
    description : ModelDescription
    files : mapping of str to bytes or path
        At least ``model.onnx``; usually ``model_int8.onnx`` and ``weights.safetensors`` too.
    test_input : ndarray of float32
        A batch (B, C, *axes) of normalised images, or rows; stored in the network's layout.
    test_output : ndarray of float32
        What ``model.onnx`` makes of it.
    card : str
        The model card, Markdown.

    Raises
    ------
    ModelError
        If the folder is in use, or a file may not be in a package.
    """
    import numpy as np
    import yaml

    content = {
        name: data.read_bytes() if isinstance(data, Path) else bytes(data)
        for name, data in files.items()
    }
    if description.output.form == "maps":
        test_output = description.input.to_network(test_output)
    test_input = description.input.to_network(test_input)
    content["test_input.npy"] = npy_bytes(np.ascontiguousarray(test_input, dtype=np.float32))
    content["test_output.npy"] = npy_bytes(np.ascontiguousarray(test_output, dtype=np.float32))
    content["card.md"] = card.encode()
    _check_names([*content, "rdf.yaml"], where=str(folder))
    rdf = make_rdf(description, {name: _sha256(data) for name, data in content.items()})
    content["rdf.yaml"] = yaml.safe_dump(rdf, sort_keys=False, allow_unicode=True).encode()
    write_files(folder, content)
    return read_package(folder)


def write_files(folder: str | Path, content: Mapping[str, bytes]) -> None:
    """Write the files of a package and their hashes, whole or not at all.

    Raises
    ------
    ModelError
        If the folder is in use, or cannot be written.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ModelError(f"{target} exists and is not empty. Choose another folder.")
    whole = {**content, HASH_FILE: hash_lines(content).encode()}
    try:
        with write_folder_beside(target) as part:
            for name, data in whole.items():
                (part / name).write_bytes(data)
    except RunError as error:
        raise ModelError(f"{error} Choose another folder for the package.") from error


def zip_package(package: ModelPackage, path: str | Path) -> Path:
    """Write a package as one zip file, with the same bytes whenever it is written."""
    target = Path(path)
    content = {**package.files, HASH_FILE: hash_lines(package.files).encode()}
    with (
        write_beside(target) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in sorted(content):
            archive.writestr(zipfile.ZipInfo(name), content[name], zipfile.ZIP_DEFLATED)
    return target


def read_package(path: str | Path, *, sha256: str | None = None) -> ModelPackage:
    """Read and check a package folder or zip.

    Parameters
    ----------
    path : path
    sha256 : str, optional
        The content hash that the caller expects.

    Raises
    ------
    ModelError
        One sentence: what is wrong with the package, and what to do.
    """
    source = Path(path)
    if source.is_dir():
        content = dict(_folder_files(source))
    elif source.is_file():
        content = dict(_zip_files(source))
    else:
        raise ModelError(f"{source}: there is no model package. Give a folder or a zip file.")
    lines = content.pop(HASH_FILE, b"").decode("ascii", "replace")
    _check_names(list(content), where=str(source))
    _check_hashes(content, lines, where=str(source))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    if sha256 is not None and digest != sha256:
        raise ModelError(
            f"{source}: content hash {digest[:12]}, but {sha256[:12]} was expected. "
            "This is another model; get the right one."
        )
    return ModelPackage(_description(content, source), content, digest, source)


def hash_lines(content: Mapping[str, bytes]) -> str:
    """Return the text of ``SHA256SUMS``: one line for each file, sorted by name."""
    names = sorted(name for name in content if name != HASH_FILE)
    return "".join(f"{_sha256(content[name])}  {name}\n" for name in names)


def _description(content: Mapping[str, bytes], source: Path) -> ModelDescription:
    import yaml

    if len(content["rdf.yaml"]) > MAX_RDF_BYTES:
        raise ModelError(f"{source}: rdf.yaml is larger than 2 MB. Export the package again.")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        rdf = yaml.load(content["rdf.yaml"], Loader=loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{source}: rdf.yaml is no YAML: {error}.") from error
    try:
        return description_from_rdf(rdf)
    except ModelError as error:
        raise ModelError(f"{source}: {error}") from error


def _check_hashes(content: Mapping[str, bytes], lines: str, *, where: str) -> None:
    if not lines:
        raise ModelError(f"{where}: {HASH_FILE} is missing. Get the package again.")
    pairs = [line.split("  ", 1) for line in lines.splitlines() if "  " in line]
    said = {name: digest for digest, name in pairs}
    if hash_lines(content) == lines:
        return
    wrong = sorted(n for n in content if said.get(n) != _sha256(content[n]))
    gone = sorted(set(said) - set(content))
    what = ", ".join(wrong + gone) or HASH_FILE
    raise ModelError(f"{where}: wrong hash of {what}. The package is damaged; get it again.")


def _check_names(names: list[str], *, where: str) -> None:
    for name in names:
        if PurePosixPath(name).suffix not in SUFFIXES:
            raise ModelError(
                f"{where}: {name!r} may not be in a package, which holds only data "
                f"({', '.join(SUFFIXES)}). Remove it."
            )
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise ModelError(f"{where}: {', '.join(missing)} missing. Get the package again.")


def _folder_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    total = 0
    for count, entry in enumerate(sorted(folder.iterdir()), start=1):
        if entry.is_symlink() or not entry.is_file():
            raise ModelError(
                f"{folder}: {entry.name!r} is a link or a folder. A package is plain files."
            )
        total += entry.stat().st_size
        _check_bounds(count, total, where=str(folder))
        yield entry.name, entry.read_bytes()


def _zip_files(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        for name, parts in read_zip(path, _bounds()):
            yield name, b"".join(parts)
    except FileFormatError as error:
        raise ModelError(str(error)) from error


def _bounds() -> Bounds:
    return Bounds(files=MAX_FILES, bytes=MAX_BYTES, flat=True, what="a model package")


def _check_bounds(n_files: int, n_bytes: int, *, where: str) -> None:
    try:
        _bounds().check(n_files, n_bytes, where=where)
    except FileFormatError as error:
        raise ModelError(str(error)) from error


def npy_bytes(array: NDArray[np.float32]) -> bytes:
    """Return an array as the content of a ``.npy`` file."""
    import numpy as np

    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
