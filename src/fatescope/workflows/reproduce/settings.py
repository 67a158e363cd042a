"""Settings of the reproductions; light to import, because the command line shows them."""

from __future__ import annotations

from fatescope.base.settings import Settings, setting


class NamesRecipe(Settings):
    """The network on compact names of 2020; the defaults are the published ones."""

    epochs: int = setting(50, "epochs of the run that the post reports", ge=1, le=1000)
    later_epochs: int = setting(20, "epochs of the later run", ge=1, le=1000)
    crop_nuclei: int = setting(
        200, "rows of frames with more nuclei are left out of the later run", ge=4
    )
    corrected_epochs: int = setting(30, "epochs of the corrected network", ge=1, le=1000)
    rows_per_class: int = setting(
        2500, "rows of each name in the corrected training set, after over-sampling", ge=10
    )
    test_share: float = setting(0.25, "share of the embryos that is only for testing", gt=0, lt=1)
    seed: int = setting(2020, "the same seed gives the same networks", ge=0)


class NucleiRecipe(Settings):
    """The nucleus network of 2020; the defaults are the published ones."""

    epochs: int = setting(25, "epochs of the published network", ge=1, le=1000)
    batches: int = setting(36, "batches in an epoch", ge=1)
    batch: int = setting(5, "augmented images in a batch", ge=1)
    rate: float = setting(0.00015, "learning rate of Adam", gt=0)
    size_px: int = setting(
        256, "side of the square for all images", unit="px", ge=32, multiple_of=32
    )
    published_threshold: float = setting(0.1, "threshold of the published images", gt=0, lt=1)
    weights: str = setting(
        "random",
        "weights of the published network's ResNet18: random, or a .safetensors or .pth file",
    )
    sha256: str = setting("", "checksum of that file; needed where weights is a file")
    folds: int = setting(
        3, "parts of the images, each left out once; at most one for each image", ge=2, le=1000
    )
    steps: int = setting(1500, "steps of the corrected network", ge=1)
    seed: int = setting(2020, "the same seed gives the same networks", ge=0)
