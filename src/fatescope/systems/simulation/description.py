"""Images rendered with exact truth: what the interfaces know of this system."""

from fatescope.systems.description import EXECUTION, OUT, SEED, Command, Description, Option

_TABLE = Option(
    "table", "lineage table to render; drawn from the atlas if not given", metavar="FILE"
)

DESCRIPTION = Description(
    commands=(
        Command(
            name="simulate nuclei",
            help="Render a fluorescence time-lapse of dividing nuclei, with true labels "
            "and lineage.",
            example="fatescope simulate nuclei --out demo --seed 1",
            run="fatescope.systems.simulation.nuclei:write_nuclei_movie",
            plan="fatescope.systems.simulation.nuclei:plan_simulation",
            settings={"settings": "fatescope.simulate.settings:NucleiMovieSettings"},
            arguments=(OUT, SEED),
        ),
        Command(
            name="simulate fields",
            help="Render still images of nuclei, each with a look of its own, with true labels.",
            example="fatescope simulate fields --out demo --count 6 --seed 1",
            run="fatescope.systems.simulation.nuclei:write_fields",
            plan="fatescope.systems.simulation.nuclei:plan_simulation",
            settings={"settings": "fatescope.simulate.settings:FieldSettings"},
            arguments=(OUT, SEED),
        ),
        Command(
            name="simulate sections",
            help="Render sections of embryos as an electron microscope shows them, with "
            "true labels.",
            example="fatescope simulate sections --out demo --count 6 --seed 1",
            run="fatescope.systems.simulation.nuclei:write_sections",
            plan="fatescope.systems.simulation.nuclei:plan_simulation",
            settings={"settings": "fatescope.simulate.settings:SectionSettings"},
            arguments=(OUT, SEED),
        ),
        Command(
            name="simulate crowds",
            help="Render stacks of crowded nuclei, each with a look of its own, with true labels.",
            example="fatescope simulate crowds --out demo --count 2 --seed 1",
            run="fatescope.systems.simulation.nuclei:write_crowds",
            plan="fatescope.systems.simulation.nuclei:plan_crowds",
            settings={"settings": "fatescope.simulate.settings:CrowdSettings"},
            arguments=(OUT, SEED),
        ),
        Command(
            name="simulate embryo",
            help="Render volumes of embryos, nuclei and membranes, with true cells, names "
            "and lineage.",
            example="fatescope simulate embryo --out demo --cells 28,100 --seed 1",
            run="fatescope.systems.simulation.embryo:write_embryo_volumes",
            plan="fatescope.systems.simulation.embryo:plan_embryo_volumes",
            settings={
                "settings": "fatescope.simulate.embryo.settings:VolumeSettings",
                "lineage": "fatescope.simulate.embryo.settings:LineageSettings",
                "execution": EXECUTION,
            },
            arguments=(OUT, _TABLE, SEED),
        ),
        Command(
            name="simulate movie",
            help="Render movies of embryos as recordings are published, with tables, "
            "counts and lineage.",
            example="fatescope simulate movie --out demo --frames 120 --seed 1",
            run="fatescope.systems.simulation.movies:write_embryo_movies",
            plan="fatescope.systems.simulation.movies:plan_embryo_movies",
            settings={
                "settings": "fatescope.simulate.embryo.settings:MovieSettings",
                "lineage": "fatescope.simulate.embryo.settings:LineageSettings",
                "execution": EXECUTION,
            },
            arguments=(OUT, _TABLE, SEED),
        ),
        Command(
            name="simulate plate",
            help="Render plates of living and dying cells, with true cells, fates and treatments.",
            example="fatescope simulate plate --out demo --scale 0.001 --seed 1",
            run="fatescope.systems.simulation.plates:simulate_plate",
            plan="fatescope.systems.simulation.plates:plan_simulated_plate",
            settings={
                "settings": "fatescope.simulate.plate.settings:PlateSettings",
                "execution": EXECUTION,
            },
            arguments=(OUT, SEED),
        ),
    ),
)
