"""An image with the outlines of what was found in it, ready to be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError
from fatescope.pages.images import display_limits, png_uri, to_grey
from fatescope.pages.page.images import Frame, ImageViewer, Pane, View, outlines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import LabelImage


def view_images(
    images: Sequence[NDArray[Any]],
    labels: Sequence[LabelImage] = (),
    *,
    title: str,
    titles: Sequence[str] = (),
    um: float | None = None,
    noun: str = "object",
) -> ImageViewer:
    """Return images side by side, with the outlines of labels over them.

    Parameters
    ----------
    images : sequence of ndarray, shape (Y, X) or (Y, X, 3)
        Grey values of any range, brightened for display; colours of 8 bits as they are.
    labels : sequence of ndarray of int, shape (Y, X)
        One for each image, or none.
    title : str
    titles : sequence of str
        One for each image, or none.
    um : float, optional
        Size of a pixel; unknown, the scale bar counts pixels.
    noun : str
        What an outline is, such as ``"nucleus"``.

    Raises
    ------
    InputError
        If there is no image, or labels or titles do not fit the images.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(12).reshape(3, 4)
    >>> viewer = view_images([image], [image > 5], title="Bright pixels")
    >>> len(viewer.views[0].frames[0].panes[0].outlines)
    1
    """
    for name, given in (("labels", labels), ("titles", titles)):
        if len(given) not in (0, len(images)):
            raise InputError(f"{name}: {len(given)} do not fit {len(images)} images.")
    if not images:
        raise InputError("images: there is none to show.")
    panes = [
        _pane(np.asarray(image), *(labels[i : i + 1]), title=titles[i] if titles else "")
        for i, image in enumerate(images)
    ]
    view = View(title=title, frames=[Frame(panes=panes)], um=um)
    return ImageViewer(title=title, views=[view], noun=noun)


def _pane(image: NDArray[Any], *labels: LabelImage, title: str) -> Pane:
    if any(np.shape(found) != image.shape[:2] for found in labels):
        raise InputError(f"labels of shape {np.shape(labels[0])} do not fit {image.shape[:2]}.")
    shown = image if image.ndim == 3 else to_grey(image, limits=display_limits(image))
    return Pane(
        image=png_uri(np.ascontiguousarray(shown)),
        width=image.shape[1],
        height=image.shape[0],
        outlines=[o for found in labels for o in outlines_of(np.asarray(found).astype(np.int64))],
        title=title,
    )
