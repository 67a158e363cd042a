"""As a script: what a user of napari does, in a real window; prints what came of it as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np


def waited(ready, seconds=240):
    """Let the window work until something is so."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while not ready():
        QApplication.processEvents()
        time.sleep(0.02)
        assert time.monotonic() < end, "nothing came"


def titles():
    """Say under which title the manifest offers each system."""
    import yaml

    import fatescope.napari

    path = Path(fatescope.napari.__file__).with_name("napari.yaml")
    offered = yaml.safe_load(path.read_text("utf-8"))["contributions"]["widgets"]
    return [w["display_name"] for w in offered if ".find_" in w["command"]]


def registered():
    """Make the plugin known where this copy is not installed."""
    import npe2

    import fatescope.napari

    manager = npe2.PluginManager.instance()
    if "fatescope" not in manager:
        path = Path(fatescope.napari.__file__).with_name("napari.yaml")
        manager.register(npe2.PluginManifest.from_file(path))


def main(image: str, out: str, shot: str, large: str) -> dict:
    import napari
    from fatescope.napari.panels import form_of
    from fatescope.systems.registry import predicting

    registered()
    said: dict = {}
    viewer = napari.Viewer(show=True)
    viewer.open(image, plugin="fatescope")
    (layer,) = viewer.layers
    said["image"] = [list(layer.data.shape), layer.scale.tolist(), list(layer.axis_labels)]
    said["forms"] = {name: len(form_of(name)) for name in predicting()}
    for title in titles():
        dock, _ = viewer.window.add_plugin_dock_widget("fatescope", title)
        viewer.window.remove_dock_widget(dock)
    _, panel = viewer.window.add_plugin_dock_widget("fatescope", "Outline nuclei")
    panel["layer"].value = layer.name
    panel["out"].value = Path(out)
    panel["settings"]["min_area_um2"].value = "3"
    panel[3].native.click()
    waited(
        lambda: "Labels" in {type(x).__name__ for x in viewer.layers} or "." in panel[4][0].value
    )
    waited(lambda: panel[3].enabled)
    said["answer"] = panel[4][0].value
    labels = viewer.layers[-1]
    said["found"] = [int(labels.data.max()), labels.name]
    before = np.array(labels.data)
    gone = int(labels.data[1].ravel()[np.flatnonzero(labels.data[1])[0]])
    viewer.dims.set_point(0, 1)
    where = np.argwhere(before[1] == gone)[0]
    labels.fill((1, *map(int, where)), 0)
    labels.selected_label, labels.brush_size = int(before.max()) + 1, 12
    labels.paint((1, 30, 40), labels.selected_label)
    after = np.array(labels.data)
    said["corrected"] = int((before != after).sum())
    _, keep = viewer.window.add_plugin_dock_widget("fatescope", "Keep corrections")
    keep["layer"].value = labels.name
    keep["who"].value = "ada"
    keep[2].native.click()
    said["kept"] = keep[3][0].value
    keep[2].native.click()
    said["kept again"] = keep[3][0].value
    viewer.window.resize(1280, 860)
    waited(lambda: True)
    viewer.screenshot(shot, canvas_only=False, flash=False)
    viewer.close()
    viewer = napari.Viewer(show=True)
    viewer.open(out, plugin="fatescope")
    again = next(x for x in viewer.layers if type(x).__name__ == "Labels")
    said["reopened"] = bool(np.array_equal(again.data, after))
    saved = str(Path(out).with_name("saved.tif"))
    again.save(saved, plugin="fatescope")
    said["saved"] = saved
    viewer.layers.clear()
    viewer.open(large, plugin="fatescope")
    (wide,) = viewer.layers
    viewer.reset_view()
    waited(lambda: wide.data_level > 0)
    said["large"] = [wide.multiscale, [list(level.shape) for level in wide.data]]
    viewer.layers.clear()
    viewer.open_sample("fatescope", "nuclei")
    said["sample"] = [x.name for x in viewer.layers][-2:]
    viewer.close()
    return said


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
