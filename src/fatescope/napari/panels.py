"""The panels: one for each system, on the image of a layer, and one to keep what was corrected."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import Execution, FatescopeError, InputError
from fatescope.engine.predict import predict_images
from fatescope.napari.layers import OURS, open_review, result_layers
from fatescope.pages.result import ResultFolder
from fatescope.systems.place import resolved
from fatescope.systems.registry import predicting, system_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.base import SettingDescription

_NOT_HERE = ("labels", "precision", "exclude", "pattern", "sequence", "scene")
"""Settings of other ways to give and take files."""
_ANSWER_PX = 280, 64
"""Width and height of a sentence in a panel."""


def form_of(system: str) -> dict[str, Any]:
    """Return a field for each setting of a system, by name, as its settings describe it."""
    described = resolved(predicting()[system].settings).describe()
    return {d.name: _field(d) for d in described if d.name not in _NOT_HERE}


def _field(described: SettingDescription) -> Any:
    from magicgui.widgets import CheckBox, ComboBox, LineEdit

    unit = f" ({described.unit})" if described.unit else ""
    words = {
        "name": described.name,
        "label": described.name.replace("_", " ") + unit,
        "tooltip": " ".join(filter(None, (described.help, described.range))),
    }
    if described.kind == "switch":
        return CheckBox(value=bool(described.default), **words)
    if described.kind == "choice":
        choices = described.choices if described.default is not None else ("", *described.choices)
        return ComboBox(choices=choices, value=str(described.default or ""), **words)
    return LineEdit(value="" if described.default is None else _text(described.default), **words)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def settings_from(system: str, form: dict[str, Any]) -> Any:
    """Return the settings that a form holds; an empty field leaves the program to decide."""
    cls = resolved(predicting()[system].settings)
    given = {name: field.value for name, field in form.items() if field.value not in ("", None)}
    return cls.from_values(given)


def panel_names() -> dict[str, str]:
    """Return what the manifest calls the panel of each system: ``find_nuclei_em``."""
    return {f"find_{name.replace('-', '_')}": name for name in predicting()}


def __getattr__(name: str) -> Any:
    """Return the panel of a system by its name in the manifest."""
    if name not in (known := panel_names()):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def panel() -> Any:
        return predict_panel(known[name])

    return panel


def predict_panel(system: str) -> Any:
    """Return the panel that runs a system on the file of the chosen layer."""
    from magicgui.widgets import ComboBox, Container, FileEdit, PushButton
    from napari.qt.threading import thread_worker

    import napari

    viewer = napari.current_viewer()
    layer = ComboBox(name="layer", choices=lambda _: _images(viewer), label="in")
    out = FileEdit(name="out", mode="d", label="results in", value=Path("results").absolute())
    form = form_of(system)
    fields = Container(
        name="settings", widgets=list(form.values()), layout="vertical", scrollable=True
    )
    button, (answer, said) = PushButton(text="Run"), _answer()

    def run() -> None:
        try:
            path = _path_of(viewer.layers[layer.value])
            settings = settings_from(system, form)
        except (FatescopeError, KeyError) as error:
            said.value = str(error) or "choose an image."
            return
        button.enabled, said.value = False, f"{system} runs ..."
        worker = thread_worker(predict_images)(
            system_named(system),
            path,
            out=out.value,
            settings=settings,
            execution=Execution(workers=1),
        )
        worker.returned.connect(lambda _: show(Path(out.value)))
        worker.errored.connect(lambda error: tell(str(error)))
        worker.start()

    def show(folder: Path) -> None:
        for data, meta, kind in result_layers(folder, images=False):
            getattr(viewer, f"add_{kind}")(data, **meta)
        tell(ResultFolder(folder).answer)

    def tell(text: str) -> None:
        button.enabled, said.value = True, text

    button.changed.connect(run)
    panel = Container(widgets=[layer, out, fields, button, answer], labels=True)
    _follow_layers(viewer, layer)
    return panel


def correct_panel() -> Any:
    """Return the panel that keeps what was corrected in a layer of labels of a result."""
    from magicgui.widgets import ComboBox, Container, LineEdit, PushButton

    import napari

    viewer = napari.current_viewer()
    layer = ComboBox(name="layer", choices=lambda _: _results(viewer), label="labels")
    who = LineEdit(name="who", value=getpass.getuser(), label="by")
    button, (answer, said) = PushButton(text="Keep corrections"), _answer()

    def keep() -> None:
        try:
            n = keep_corrections(viewer.layers[layer.value], who=who.value)
        except (FatescopeError, KeyError) as error:
            said.value = str(error) or "choose labels of a result."
            return
        said.value = f"{n} frames were changed." if n != 1 else "1 frame was changed."

    button.changed.connect(keep)
    panel = Container(widgets=[layer, who, button, answer], labels=True)
    _follow_layers(viewer, layer)
    return panel


def _answer() -> tuple[Any, Any]:
    """Return a place for a sentence as wide as the panel, and what it is written into."""
    from magicgui.widgets import Container, Label

    said = Label(value="")
    said.native.setWordWrap(True)
    said.min_width, said.min_height = _ANSWER_PX
    return Container(widgets=[said], labels=False), said


def keep_corrections(layer: Any, *, who: str) -> int:
    """Write what differs from the labels of a result into their journal, an entry for each frame.

    Returns
    -------
    int
        How many frames differ.

    Raises
    ------
    InputError
        If the layer is none of a result, or has another shape.
    RunError
        If the app has the journal open, or the disk is full.
    """
    out, key = _result_of(layer)
    result = ResultFolder(out)
    pair = result.opened(result.inputs[key])
    if pair is None:
        raise InputError(f"{out}: the image {key} or its labels are gone.")
    image, labels = pair
    now = np.asarray(layer.data)
    if now.shape != labels.shape:
        raise InputError(f"{key}: the layer has shape {now.shape}, its labels {labels.shape}.")
    review = open_review(out, key, image, labels)
    try:
        frames = now if "T" in labels.axes else now[None]
        changed = [
            review.replace_frame(t, frame, who=who, text="correct in napari")
            for t, frame in enumerate(frames)
        ]
        if any(changed):
            review.write_labels()
            review.write_objects()
        return sum(changed)
    finally:
        review.close()


def _result_of(layer: Any) -> tuple[Path, str]:
    ours = layer.metadata.get(OURS) or {}
    if "out" not in ours:
        raise InputError(
            f"{layer.name}: is no layer of a result. Open the folder of the result, and correct "
            "its labels."
        )
    return Path(ours["out"]), str(ours["key"])


def _path_of(layer: Any) -> Path:
    """Return the file of an image, which a result names as its input."""
    ours = layer.metadata.get(OURS) or {}
    path = ours.get("path") or (None if OURS in layer.metadata else layer.source.path)
    if path is None:
        raise InputError(
            f"{layer.name}: has no file, and a result names the file that it is about. Save the "
            "layer, and open the file."
        )
    return Path(path)


def _images(viewer: Any) -> list[str]:
    return [one.name for one in viewer.layers if type(one).__name__ == "Image"]


def _results(viewer: Any) -> list[str]:
    return [
        one.name
        for one in viewer.layers
        if type(one).__name__ == "Labels" and "out" in (one.metadata.get(OURS) or {})
    ]


def _follow_layers(viewer: Any, layer: Any) -> None:
    """Offer the layers that are there, as they come and go; until the panel is closed."""

    def again(_: Any = None) -> None:
        layer.reset_choices()

    events: tuple[Callable[..., Any], ...] = (
        viewer.layers.events.inserted.connect,
        viewer.layers.events.removed.connect,
    )
    for connect in events:
        connect(again)
    again()
