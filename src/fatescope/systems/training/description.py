"""Models trained further: what the interfaces know of this system."""

from pathlib import Path

from fatescope.systems.description import OUT, Argument, Command, Description, Option
from fatescope.systems.question import Question, Role

_RECIPES = (
    *("nuclei", "nuclei-3d", "nuclei-em", "phase-cells"),
    *("membrane", "viability", "live-dead"),
)

DESCRIPTION = Description(
    commands=(
        Command(
            name="prepare pairs",
            help="Find images and labels, divide them by unit, refuse leaks, write samples.csv.",
            example="fatescope prepare pairs --images 'raw/*.tif' --labels 'truth/*.tif' "
            "--unit '{unit}_t{frame}' --out pairs",
            run="fatescope.systems.training.train:prepare_pairs",
            settings={"settings": "fatescope.prepare.pairs:PairSettings"},
            arguments=(
                OUT,
                Argument(
                    "inputs",
                    "folders with index.csv, images/ and labels/",
                    type=list[Path],
                    metavar="FOLDER",
                    default=None,
                ),
            ),
        ),
        Command(
            name="train",
            help="Train a network on labelled images and write a model package with its card.",
            example="fatescope train nuclei --data pairs --out my-nuclei",
            run="fatescope.systems.training.variants:train_recipe",
            plan="fatescope.systems.training.variants:plan_recipe",
            settings={"leave_out": "fatescope.train.leave_out_settings:LeaveOut"},
            arguments=(
                Argument("recipe", "a shipped name, or a TOML file", type=str, metavar="RECIPE"),
                Option("data", "folder with samples.csv", default=...),
                OUT,
                Option(
                    "start",
                    "package whose weights are trained further",
                    type=str,
                    flags=("--from",),
                ),
                Option(
                    "exclude",
                    "exclusion.csv, as clean --apply writes it: these samples are left out of "
                    "training",
                ),
                Option(
                    "variants", "train these variants of the recipe, for instance a,b", type=str
                ),
            ),
        ),
        Command(
            name="tune",
            help="""
            Search the settings of a recipe by short trainings, scored on validation units.

            What a flag does not say, the table [tune] of the recipe says.
            """,
            example="fatescope tune tune_100x1x10 --data pairs --out tuned",
            run="fatescope.systems.training.tune:tune_recipe",
            plan="fatescope.systems.training.tune:plan_tuning",
            settings={
                "settings": "fatescope.train.tune_settings:TuneSettings",
                "execution": "fatescope.train.tune_settings:StudyExecution",
            },
            arguments=(
                Argument("recipe", "a shipped name, or a TOML file", type=str, metavar="RECIPE"),
                Option("data", "folder with samples.csv", default=...),
                OUT,
            ),
        ),
    ),
    questions=(
        Question(
            name="adapt",
            title="Adapt a model",
            text="A model trained further on corrected images, scored before and after. The better "
            "one is kept.",
            takes=frozenset(("pairs",)),
            command="train",
            words=("adapt",),
            inputs_flag="--data",
            flags={"start": "--from"},
            run="fatescope.systems.training.adapt:adapt_model",
            plan="fatescope.systems.training.adapt:plan_adapting",
            settings={"settings": "fatescope.systems.training.adapt:AdaptSettings"},
            first=("start",),
            choices={"start": ("nuclei", "nuclei-em")},
            views=("report",),
            says="kept.txt",
            reports=("compared/report.html", "report.html"),
            parts=("training", "trainings"),
        ),
        Question(
            name="train",
            title="Train a model",
            text="A network trained on your pairs from the beginning, with a card that says how "
            "well it does on images that it never saw.",
            takes=frozenset(("pairs",)),
            command="train",
            roles={
                "recipe": Role("Recipe", choices=_RECIPES),
                "data": Role("Pairs", frozenset(("pairs",))),
                "start": Role("Begin with the model", choices=("nuclei", "nuclei-em")),
            },
            hidden=("leave_out", "scored_by"),
            parts=("training", "trainings"),
            lasts="A training lasts from half an hour to a day on a processor. It can be stopped "
            "and continued.",
        ),
    ),
    python={
        "prepare_pairs": "fatescope.systems.training.train:prepare_pairs",
        "train_model": "fatescope.systems.training.train:train_model",
    },
    page="training.md",
)
