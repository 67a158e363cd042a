"""Models as they come: our packages, those of others in bioimage.io form, ONNX with a sidecar.

All become a `ModelPackage` in memory, so whatever takes a model takes each of them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from fatescope.base.errors import FileFormatError, ModelError, SettingsError
from fatescope.models.bioimageio import foreign_values
from fatescope.models.description import ModelDescription, unfold
from fatescope.models.find import find_package
from fatescope.models.package import MAX_RDF_BYTES, ModelPackage, read_package
from fatescope.models.quiet import import_openvino
from fatescope.models.sidecar import find_sidecar, read_sidecar
from fatescope.storage import HASH_FILE, Bounds, read_zip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DESCRIPTIONS = ("rdf.yaml", "bioimageio.yaml", "model.yaml")
"""Names that the tools of bioimage.io give to a description."""

_MOST_FILES, _MOST_BYTES = 1000, 2**33
"""Packages from elsewhere hold the same weights for several programs, and sample images."""


def open_package(name_or_path: str | Path, *, sha256: str | None = None) -> ModelPackage:
    """Read a model by its name or path, whoever made it.

    Parameters
    ----------
    name_or_path : str or path
        A shipped name, a package (folder or zip), or an ONNX file with its sidecar.
    sha256 : str, optional
        The content hash that the caller expects.

    Returns
    -------
    ModelPackage
        Of a model from elsewhere only the network is held, and its hash is that of the network
        and of what is known about it.

    Raises
    ------
    ModelError
        One sentence: what is wrong or not known, and what to do.
    """
    path = find_package(name_or_path)
    if path.is_file() and path.suffix.lower() == ".onnx":
        return _checked(_of_network(path), sha256)
    rdf = _foreign_rdf(path)
    if rdf is None:
        return read_package(path, sha256=sha256)
    return _checked(_of_bioimageio(path, rdf), sha256)


def _checked(package: ModelPackage, sha256: str | None) -> ModelPackage:
    if sha256 is not None and package.sha256 != sha256:
        raise ModelError(
            f"{package.source}: content hash {package.sha256[:12]}, but {sha256[:12]} was "
            "expected. This is another model; get the right one."
        )
    return package


def _held(description: ModelDescription, network: bytes, source: Path) -> ModelPackage:
    known = description.model_dump_json().encode()
    digest = hashlib.sha256(network + known).hexdigest()
    return ModelPackage(description, {"model.onnx": network}, digest, source)


def _of_network(path: Path) -> ModelPackage:
    """Return the package around an ONNX file and its sidecar."""
    sidecar = find_sidecar(path)
    if sidecar is None:
        raise ModelError(
            f"{path}: the sidecar of {path.name} is missing. Write {path.stem}.toml beside it with "
            "name, summary and diameter_px, and what else is not the default (docs/models.md)."
        )
    values = read_sidecar(sidecar)
    try:
        network = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: the network cannot be read ({error.strerror}).") from error
    return _held(_described({}, values, sidecar), network, path)


def _described(
    known: Mapping[str, Any], values: Mapping[str, Any], sidecar: Path | None
) -> ModelDescription:
    """Return the description of values that are known, and of those of the sidecar above them."""
    given = unfold(dict(values)) if values else {}
    image = given.get("input")
    drawn = given.get("output", {"kind": "instance-maps"})
    if isinstance(image, dict) and isinstance(drawn, dict) and drawn.get("kind") == "instance-maps":
        given = {**given, "input": {"sized": "diameter_px" in image, **image}}
    try:
        return ModelDescription.from_values(_merged(known, given))
    except SettingsError as error:
        raise ModelError(
            f"{sidecar}: the sidecar cannot be used: {error} It holds name, summary and "
            "diameter_px, and what else is not the default (docs/models.md)."
            if sidecar
            else str(error)
        ) from error


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, values of ``above`` winning, tables within tables too."""
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        out[key] = _merged(old, value) if both and old is not None else value
    return out


def _of_bioimageio(path: Path, rdf: Mapping[str, Any]) -> ModelPackage:
    """Return the package around the network of a bioimage.io package from elsewhere."""
    try:
        network = _network(path, rdf)
        sidecar = find_sidecar(path)
        values = {} if sidecar is None else read_sidecar(sidecar)
        known = foreign_values(rdf, output_shapes(network))
        if "output" not in known and not values:
            stem = path.name if path.is_dir() else path.stem
            raise ModelError(
                "its description does not say what its maps are. Write it into "
                f"{stem}.toml beside it, as for an ONNX file (docs/models.md)."
            )
        return _held(_described(known, values, sidecar), network, path)
    except ModelError as error:
        text = str(error)
        raise ModelError(
            text if text.startswith(str(path.parent)) else f"{path}: {text}"
        ) from error


def _network(path: Path, rdf: Mapping[str, Any]) -> bytes:
    """Return the ONNX of a package, with its hash compared."""
    weights = rdf.get("weights")
    entry = weights.get("onnx") if isinstance(weights, dict) else None
    if not isinstance(entry, dict):
        kinds = ", ".join(map(str, weights)) if isinstance(weights, dict) else "none"
        raise ModelError(
            f"it has no ONNX weights, which are what runs here ({kinds} given). Get or export the "
            "model as ONNX."
        )
    name = str(entry.get("source", ""))
    found = next((b"".join(p) for n, p in _files(path) if n == PurePosixPath(name).name), None)
    if found is None:
        raise ModelError(f"{name!r} is not in the package. Download the package whole.")
    told = entry.get("sha256")
    if told and hashlib.sha256(found).hexdigest() != str(told).lower():
        raise ModelError(f"wrong hash of {name}. The package is damaged; get it again.")
    return found


def _foreign_rdf(path: Path) -> dict[str, Any] | None:
    """Return the description of a package from elsewhere; ``None`` of ours and of anything else."""
    import yaml

    names = []
    text: bytes | None = None
    try:
        for name, parts in _files(path):
            names.append(name)
            if name in _DESCRIPTIONS or name.endswith((".rdf.yaml", ".bioimageio.yaml")):
                text = b"".join(parts)
    except (ModelError, FileFormatError):
        return None  # `read_package` says what is wrong
    if text is None or HASH_FILE in names or len(text) > MAX_RDF_BYTES:
        return None
    try:
        rdf = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(rdf, dict) or rdf.get("type", "model") != "model" or "inputs" not in rdf:
        return None
    config = rdf.get("config")
    return None if isinstance(config, dict) and "fatescope" in config else rdf


def _files(path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the plain name of each file of a package, and its content, which may be left."""
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            if entry.is_file() and not entry.is_symlink():
                yield entry.name, _content(entry)
        return
    bounds = Bounds(files=_MOST_FILES, bytes=_MOST_BYTES, flat=False, what="a model package")
    try:
        for name, parts in read_zip(path, bounds):
            yield PurePosixPath(name).name, parts
    except FileFormatError as error:
        raise ModelError(str(error)) from error


def _content(path: Path) -> Iterator[bytes]:
    try:
        yield path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}).") from error


def output_shapes(network: bytes) -> list[list[int]]:
    """Return the shape of each output of an ONNX; 0 for a length that is left open."""
    try:
        outputs = import_openvino().Core().read_model(network).outputs
        shapes = [output.partial_shape for output in outputs]
        return [[d.get_length() if d.is_static else 0 for d in shape] for shape in shapes]
    except RuntimeError as error:
        last = str(error).strip().splitlines()[-1]
        raise ModelError(f"its ONNX is no readable network: {last}") from error
