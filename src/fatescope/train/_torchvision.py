"""Make ``import torchvision`` work beside the CPU build of torch.

The package index holds only the CUDA build of torchvision. Beside a CPU torch its compiled
operators cannot be loaded, and its import fails. Segmentation needs none of them, so two of them
are declared (never run) and the import succeeds.
"""

from __future__ import annotations

import functools
import sys
from typing import Any, Literal


@functools.cache
def _declare_operators() -> Any:
    """Declare the operators once; the returned library must stay alive."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def ensure_torchvision() -> Literal["native", "declared", "absent"]:
    """Import torchvision, and say how: as installed, with declared operators, or not at all."""
    try:
        import torchvision
    except ModuleNotFoundError:
        return "absent"
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    else:
        return "native" if torchvision.__name__ else "absent"
    for module in [m for m in sys.modules if m.split(".")[0] == "torchvision"]:
        del sys.modules[module]
    _declare_operators()
    import torchvision

    return "declared"
