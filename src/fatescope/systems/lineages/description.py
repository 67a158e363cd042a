"""Lineages: what the interfaces know of this system."""

from pathlib import Path
from typing import Literal

from fatescope.systems.description import (
    EXECUTION,
    INPUTS,
    OUT,
    QUICK,
    Argument,
    Command,
    Description,
    Example,
    Option,
)
from fatescope.systems.question import Question, Role

_READING = "fatescope.acquire.lineages.settings:LineageReading"
_TO = Option(
    "to",
    "format to write",
    type="fatescope.acquire.lineages.settings:LineageFormat",
    default="csv",
)

DESCRIPTION = Description(
    commands=(
        Command(
            name="lineage compare",
            help="""Compare named embryos with a reference, or with the atlas, cell by cell.

            Pace and lie of each embryo are taken out first; then births, lengths of life, places,
            division axes and sisters are compared, with 95 % intervals and control of false
            discoveries. Without --reference, embryos are held against the shipped atlas.
            """,
            example="fatescope lineage compare mutants/ --reference wildtype/ --out comparison",
            run="fatescope.systems.lineages.compare:compare_lineages",
            plan="fatescope.systems.lineages.compare:plan_comparison",
            settings={
                "settings": "fatescope.systems.lineages.settings:LineageCompareSettings",
                "reading": _READING,
                "execution": EXECUTION,
            },
            arguments=(INPUTS, OUT),
        ),
        Command(
            name="lineage draw",
            help="""
            Draw lineages: the tree, paths and space, populations, names, timing, territories.

            Every embryo gets a page with its figures (SVG) and two pages to work with: a tree to
            zoom and walk along, and the nuclei in space to turn and play. With --cells, the
            movement of these cells with the time at each point. A report shows where founders
            dwell in all embryos, as a number with an interval.
            """,
            example="fatescope lineage draw CD20080101_demo.csv --out figures",
            run="fatescope.systems.lineages.draw:draw_lineages",
            plan="fatescope.systems.lineages.reading:plan_lineages",
            settings={
                "settings": "fatescope.systems.lineages.settings:DrawSettings",
                "reading": _READING,
                "execution": EXECUTION,
            },
            arguments=(INPUTS, OUT),
        ),
        Command(
            name="lineage edit",
            help="""
            Edit a lineage by reversible actions, kept in a journal that says who, when and why.

            Edits: rename ABal@12- ABar, swap ABala ABalp, exchange ABala ABalp @40, relink ABar@12
            ABala@11, split ABala@40, join ABala@39 ABalx@40, move ABala@40 z=12 y=200 x=310, add
            ABala@41 z=12 y=201 x=310 from ABala@40, remove ABala@40-44. Frames count from 0.
            --fresh writes the folder again; the journal stays.
            """,
            example="fatescope lineage edit CD1.csv --out edited --do 'swap ABala ABalp' "
            "--why 'seen in Z'",
            run="fatescope.systems.lineages.edit:edit_lineage",
            settings={
                "edits": "fatescope.systems.lineages.settings:EditSettings",
                "reading": _READING,
            },
            arguments=(
                Argument("table", "a lineage; it is never changed", metavar="TABLE"),
                OUT,
                Option("script", "text file, one edit a line"),
                Option("journal", "the journal; default: OUT/journal.jsonl"),
            ),
        ),
        Command(
            name="lineage lint",
            help="""
            Find faults in lineages: format, structure, scope, names, geometry, timing, species.

            Writes report.html, findings.csv, ranked and with reasons, and lineages.csv, one row
            per input. With --decisions, tables without the accepted faults go into clean/, and
            what was taken out into exclusion.csv, which every lineage command obeys (--exclude);
            the originals stay as they are. Findings never change the exit code unless --fail-on
            asks for it: then it is 1, as for a table that could not be read; findings that you
            accepted or rejected do not count.
            """,
            example="fatescope lineage lint CD20080101.csv.gz --out checked",
            run="fatescope.systems.lineages.lint:lint_lineages",
            plan="fatescope.systems.lineages.reading:plan_lineages",
            settings={
                "settings": "fatescope.lineage.lint.settings:LintSettings",
                "reading": _READING,
                "execution": EXECUTION,
            },
            arguments=(
                INPUTS,
                OUT,
                Option("decisions", "findings.csv in which you set status to accepted or rejected"),
                Option(
                    "fail_on",
                    "for scripts: exit code 1 if an open finding is that severe or worse",
                    type=Literal["error", "warning"],
                ),
            ),
        ),
        Command(
            name="lineage convert",
            help="Write lineages in another format, and say what that format cannot hold.",
            example="fatescope lineage convert embryo.zip --to csv --out converted",
            run="fatescope.systems.lineages.convert:convert_lineages",
            plan="fatescope.systems.lineages.reading:plan_lineages",
            settings={"reading": _READING, "execution": EXECUTION},
            arguments=(
                INPUTS,
                OUT,
                _TO,
                Option(
                    "mirror",
                    "turn this axis about the middle of its range (see `mirrored`)",
                    type=Literal["x", "y", "z"],
                ),
                Option(
                    "images",
                    "with --to acetree: image of the first frame, which the XML beside the archive "
                    "names for AceTree",
                    type="pathlib:Path",
                ),
            ),
        ),
        Command(
            name="lineage link",
            help="""Link nuclei through time: which goes on, which divides, which is new.

            INPUT is what `predict nuclei` wrote (a folder, or its objects.csv), or a table with
            one row per nucleus and frame. Writes links/, spots.csv, and how many tracks begin or
            end inside.
            """,
            example="fatescope lineage link results/ --out linked",
            run="fatescope.systems.lineages.link:link_lineages",
            plan="fatescope.systems.lineages.reading:plan_lineages",
            settings={
                "settings": "fatescope.track.settings:ObjectLinkSettings",
                "reading": _READING,
                "execution": EXECUTION,
            },
            arguments=(INPUTS, OUT, _TO),
        ),
        Command(
            name="lineage match",
            help="""Find where a lineage table lies on its movie, and play the two together.

            Which frame is which time, whether x or y are mirrored or exchanged, size and place:
            found from the nuclei, with how sure it is; a table of another embryo gives "cannot
            tell". Writes match.csv, report.html (the movie with names and founder colours, the
            tree growing beside it), film/ (the same as MP4) and matched/, the table on the frames
            and pixels of the movie.
            """,
            example="fatescope lineage match embryo.mov CDembryo.csv --out matched",
            run="fatescope.systems.lineages.match:match_lineage",
            plan="fatescope.systems.lineages.match:plan_match",
            settings={
                "settings": "fatescope.systems.lineages.settings:MatchSettings",
                "reading": _READING,
            },
            arguments=(
                Argument("movie", "maximum projections of nuclei", metavar="MOVIE"),
                Argument("table", "the lineage of its embryo", metavar="TABLE"),
                OUT,
            ),
        ),
        Command(
            name="lineage measure",
            help="""
            Measure the brightness of every nucleus of a lineage in every channel of its movie.

            In the nucleus and in a shell around it; the background is that of the ring around each
            nucleus without its neighbours. Writes expression.csv, cells.csv, curves.csv (time from
            birth, division or the clock), measured/ (the table with its brightness) and a report.
            """,
            example="fatescope lineage measure embryo.tif results/spots.csv --out measured",
            run="fatescope.systems.lineages.measure:measure_lineages",
            plan="fatescope.systems.lineages.measure:plan_measure",
            settings={
                "settings": "fatescope.systems.lineages.settings:ExpressionSettings",
                "reading": _READING,
                "execution": EXECUTION,
            },
            arguments=(
                Argument("movie", "volumes over time, any channels", metavar="MOVIE"),
                Argument("table", "the lineage found in that movie", metavar="TABLE"),
                OUT,
            ),
        ),
        Command(
            name="lineage name",
            help="""
            Name every nucleus of an embryo: a tracked tree, a movie without links, or one frame.

            Scale, interval, pose and stage may be unknown. Writes named/<table>.csv, the input
            rows with name, confidence and second choice, and embryos.csv, which says which embryos
            do not fit.
            """,
            example="fatescope lineage name embryo.csv --out named",
            run="fatescope.systems.lineages.name:name_lineages",
            plan="fatescope.systems.lineages.reading:plan_lineages",
            settings={
                "settings": "fatescope.lineage.naming.settings:NameSettings",
                "reading": _READING,
                "execution": EXECUTION,
            },
            arguments=(INPUTS, OUT),
        ),
        Command(
            name="lineage atlas",
            help="""
            Average named embryos into an atlas: positions, births, lives, divisions, neighbours.

            Writes atlas.npz for --atlas, and the same to read: cells.csv and neighbours.csv.
            Without INPUT, these are of the atlas that ships with fatescope.
            """,
            example="fatescope lineage atlas epic_tables --out atlas",
            run="fatescope.systems.lineages.atlas:make_atlas",
            settings={
                "settings": "fatescope.lineage.naming.settings:AtlasSettings",
                "reading": _READING,
            },
            arguments=(
                OUT,
                Argument(
                    "inputs",
                    "files or folders; none: the shipped atlas",
                    type=list[Path],
                    metavar="INPUT",
                    default=None,
                ),
                Option("leave_out", "table to leave out", type=list[str], metavar="TABLE"),
            ),
        ),
        Command(
            name="reproduce lineage-names-2020",
            help="""
            Name nuclei by a network on 32 compact names: as published in 2020, then corrected.

            One page shows the published figure, the same procedure run again, its worth on embryos
            that it has not seen, and the corrected network with its interval. The extra `train` is
            needed.
            """,
            example="fatescope reproduce lineage-names-2020 --out names --quick",
            run="fatescope.systems.lineages.reproduce.run:LINEAGE_NAMES_2020.run",
            plan="fatescope.systems.lineages.reproduce.run:LINEAGE_NAMES_2020.plan",
            settings={"recipe": "fatescope.systems.reproduction.settings:NamesRecipe"},
            arguments=(OUT, Option("data", "folder of EPIC tables"), QUICK),
        ),
    ),
    questions=(
        Question(
            name="name",
            title="Name cells",
            text="A name for every nucleus of an embryo, with its confidence, from positions "
            "alone.",
            takes=frozenset(("lineage",)),
            examples=("lineage",),
            unrendered={
                "compact-names": "It names cells by where they are and looks at no image.",
            },
            command="lineage name",
            first=("links", "abstain_below"),
            hidden=("atlas",),
            views=("tree", "report"),
        ),
        Question(
            name="lint",
            title="Check lineages",
            text="What cannot be true in lineage tables, ranked, each with a reason.",
            takes=frozenset(("lineage",)),
            examples=("lineage",),
            command="lineage lint",
            first=("format",),
            views=("tree", "findings", "report"),
        ),
        Question(
            name="draw",
            title="Draw lineages",
            text="The tree to walk along, nuclei in space and time, founders, timing.",
            takes=frozenset(("lineage",)),
            examples=("lineage",),
            command="lineage draw",
            hidden=("reference",),
            views=("tree", "report"),
        ),
        Question(
            name="compare-lineages",
            title="Compare embryos",
            text="Which cells of these embryos divide, lie or turn otherwise than in typical ones.",
            takes=frozenset(("lineage",)),
            command="lineage compare",
            first=("reference", "fdr"),
            hidden=("atlas",),
            files=("reference",),
        ),
        Question(
            name="convert",
            title="Convert lineages",
            text="The same lineages in the format of another program, and what it cannot hold.",
            takes=frozenset(("lineage",)),
            command="lineage convert",
            roles={"to": Role("Format to write")},
        ),
        Question(
            name="link",
            title="Link nuclei through time",
            text="From nuclei of each frame to tracks and divisions.",
            takes=frozenset(("lineage",)),
            command="lineage link",
            roles={"to": Role("Format to write")},
        ),
        Question(
            name="match",
            title="Lay a lineage on its movie",
            text="Which frame is which time, where its cells lie, and the two played together.",
            takes=frozenset(("movie",)),
            command="lineage match",
            roles={
                "movie": Role("Movie", frozenset(("movie",))),
                "table": Role("Lineage", frozenset(("lineage",))),
            },
            first=("film",),
            hidden=("channel",),
            parts=("pair", "pairs"),
        ),
        Question(
            name="measure-lineage",
            title="Measure named cells",
            text="How bright every nucleus of a lineage is in its movie, without its neighbours.",
            takes=frozenset(("movie",)),
            command="lineage measure",
            roles={
                "movie": Role("Movie", frozenset(("movie",))),
                "table": Role("Lineage", frozenset(("lineage",))),
            },
            first=("background", "align", "cells"),
            parts=("volume", "volumes"),
        ),
    ),
    python={
        "name_lineages": "fatescope.systems.lineages.name:name_lineages",
        "name_lineage": "fatescope.systems.lineages.in_memory:name_lineage",
        "lint_lineages": "fatescope.systems.lineages.lint:lint_lineages",
        "lint_lineage": "fatescope.systems.lineages.in_memory:lint_lineage",
        "link_lineages": "fatescope.systems.lineages.link:link_lineages",
        "link_lineage": "fatescope.systems.lineages.in_memory:link_lineage",
        "draw_lineages": "fatescope.systems.lineages.draw:draw_lineages",
        "compare_lineages": "fatescope.systems.lineages.compare:compare_lineages",
        "measure_lineages": "fatescope.systems.lineages.measure:measure_lineages",
        "measure_lineage": "fatescope.systems.lineages.measure:measure_lineage",
        "match_lineage": "fatescope.systems.lineages.match:match_lineage",
        "match_table": "fatescope.systems.lineages.match:match_table",
    },
    examples=(
        Example(
            name="lineage",
            title="A lineage table",
            text="Every nucleus of an embryo, named and linked; its MS cells live too long.",
            write="fatescope.systems.simulation.examples:write_lineage_table",
        ),
    ),
    page="lineage-naming.md",
)
