"""Settings of the reproductions; light to import, because the command line shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fatescope.base.settings import Settings, setting
from fatescope.base.steps import StepsUm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.train import LibraryNetwork


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


class MembranesRecipe(Settings):
    """The membrane network of 2021; the defaults are the published ones."""

    epochs: int = setting(50, "epochs of the published network", ge=1, le=1000)
    batch: int = setting(26, "augmented images in a batch", ge=1)
    rate: float = setting(0.001, "learning rate of Adam at the start", gt=0)
    size_px: int = setting(
        256, "side of the square for all images", unit="px", ge=32, multiple_of=32
    )
    decay: float = setting(0.7, "factor on the learning rate", gt=0, lt=1)
    decay_epochs: int = setting(8, "epochs between two falls of the learning rate", ge=1)
    arm_steps: int = setting(
        150, "steps of every arm of the ablation: alike for all", unit="steps", ge=1
    )
    trials: int = setting(100, "trials of the tuning", ge=1)
    share: float = setting(0.1, "share of the rows that a trial sees", gt=0, le=1)
    corrected_steps: int = setting(5000, "steps of the corrected network", ge=1)
    weights: str = setting(
        "random",
        "weights of the published network's ResNet18: random, or a .safetensors or .pth file",
    )
    sha256: str = setting("", "checksum of that file; needed where weights is a file")
    images: str = setting("raw/membt{frame}.mat", "volumes below the folder, by frame")
    labels: str = setting("labels/T{frame}_membSeg.mat", "label volumes below the folder")
    spacing_um: StepsUm = setting("0.43,0.18,0.18", "voxel of the volumes, Z,Y,X", unit="µm")
    guard_frames: int = setting(3, "frames left out between time blocks", unit="frames", ge=0)
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto",
        "numbers inside convolutions while training; auto: bfloat16 where hardware multiplies it",
    )
    seed: int = setting(2021, "the same seed gives the same networks", ge=0)


class MoviesRecipe(Settings):
    """The counting network of 2020; published values where a processor allows."""

    epochs: int = setting(8, "epochs before the frames with the highest loss are dropped", ge=1)
    more_epochs: int = setting(3, "epochs after it, as reported", ge=1)
    later_epochs: int = setting(10, "epochs after it in the later run", ge=1)
    drop: float = setting(0.10, "share of the training frames that is dropped", gt=0, lt=0.9)
    later_drop: float = setting(0.01, "the same in the later run", gt=0, lt=0.9)
    batches: int = setting(30, "batches in an epoch; published: all of 17,712 frames", ge=1)
    batch: int = setting(12, "frames in a batch; published: 64 and 16, later 63 and 18", ge=1)
    every: int = setting(3, "one frame in so many is taken from each movie", ge=1)
    side_px: int = setting(256, "side of a frame, as published", unit="px", ge=32, le=1024)
    movies: int = setting(12, "rendered movies, a third of them only for testing", ge=3)
    length: int = setting(120, "frames of a rendered movie", ge=20)
    weights: str = setting(
        "random",
        "weights of ResNet18: random, or a .safetensors or .pth file (published: ImageNet)",
    )
    sha256: str = setting("", "checksum of that file; needed where weights is a file")
    seed: int = setting(2020, "the same seed gives the same networks", ge=0)


class LiveDeadRecipe(Settings):
    """The live/dead experiments of 2024; published values where a processor allows."""

    epochs: int = setting(
        20, "epochs of a training; published: 100, and schedules shrink alike", ge=1, le=1000
    )
    batch: int = setting(20, "tiles in a batch; published: 100", ge=1)
    tiles: int = setting(
        2000, "most tiles to learn from and to choose by; published: 291,000", ge=8
    )
    network: Literal["small", "mobilenet-v2"] = setting(
        "small",
        "small: a U-Net for processors; mobilenet-v2: the published encoder, 30 times slower",
    )
    channels: int = setting(
        16, "channels of the first level of the small U-Net; 2, 3 and 4 times as many below", ge=4
    )
    balance: float = setting(
        0.5,
        "weights of classes: their rarity to this power; the published ones are not known",
        ge=0,
    )
    larger_balance: float = setting(1.0, "the same in the run with larger weights", ge=0)
    trainings: Literal["all", "weights"] = setting(
        "all", "all, or those on weights of ImageNet alone (the transfer-learning table)"
    )
    weights_tiles: int = setting(
        200, "tiles of the trainings on weights of ImageNet; 0: leave these out", ge=0
    )
    weights_epochs: int = setting(4, "their epochs", ge=1, le=1000)
    dead_at_start: float = setting(
        0.03, "share of rendered cells that are dead in the first frame", ge=0, le=1
    )
    plates: int = setting(2, "rendered plates, as many as the published experiments", ge=1, le=20)
    frames: int = setting(4, "frames of a well; published: 70", ge=1, le=1000)
    height: int = setting(600, "rows of the image of a well; published: 2700", unit="px", ge=176)
    width: int = setting(800, "columns of the image; published: 3600", unit="px", ge=176)
    size_px: int = setting(160, "side of a tile, as published", unit="px", ge=32, multiple_of=16)
    stride_px: int = setting(80, "from one tile to the next, as published", unit="px", ge=8)
    seed: int = setting(2024, "the same seed gives the same plates and networks", ge=0)


def resnet18(
    recipe: NucleiRecipe | MembranesRecipe | MoviesRecipe, kind: Literal["unet", "fpn"] = "unet"
) -> LibraryNetwork | None:
    """Return the file of weights that the user gave for ResNet18, if any."""
    from fatescope.train import LibraryNetwork

    if recipe.weights == "random":
        return None
    return LibraryNetwork(
        kind=kind, encoder="resnet18", weights=recipe.weights, sha256=recipe.sha256
    )


def changes(recipe: Settings, words: Mapping[str, str]) -> list[str]:
    """Return what differs from the published training; ``{}`` is the value, then the published."""
    published = type(recipe)()
    values = {name: (getattr(recipe, name), getattr(published, name)) for name in words}
    return [
        words[name].format(ours, theirs)
        for name, (ours, theirs) in values.items()
        if ours != theirs
    ]
