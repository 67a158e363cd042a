"""Lineages: what the interfaces know of this system."""

from fatescope.systems.description import Description
from fatescope.systems.question import Question

DESCRIPTION = Description(
    questions=(
        Question(
            name="name",
            title="Name cells",
            text="A name for every nucleus of an embryo, with its confidence, from positions "
            "alone.",
            takes=frozenset(("lineage",)),
            command="lineage name",
            run="fatescope.systems.lineages.name:name_lineages",
            plan="fatescope.systems.lineages.plan:plan_lineages",
            settings={
                "settings": "fatescope.lineage.naming.settings:NameSettings",
                "reading": "fatescope.acquire.lineages.settings:LineageReading",
            },
            first=("links", "abstain_below"),
            hidden=("atlas",),
            views=("tree", "report"),
        ),
        Question(
            name="lint",
            title="Check lineages",
            text="What cannot be true in lineage tables, ranked, each with a reason.",
            takes=frozenset(("lineage",)),
            command="lineage lint",
            run="fatescope.systems.lineages.lint:lint_lineages",
            plan="fatescope.systems.lineages.plan:plan_lineages",
            settings={
                "settings": "fatescope.lineage.lint.settings:LintSettings",
                "reading": "fatescope.acquire.lineages.settings:LineageReading",
            },
            first=("format",),
            views=("tree", "findings", "report"),
        ),
        Question(
            name="draw",
            title="Draw lineages",
            text="The tree to walk along, nuclei in space and time, founders, timing.",
            takes=frozenset(("lineage",)),
            command="lineage draw",
            run="fatescope.systems.lineages.draw:draw_lineages",
            plan="fatescope.systems.lineages.plan:plan_lineages",
            settings={
                "settings": "fatescope.systems.lineages.settings:DrawSettings",
                "reading": "fatescope.acquire.lineages.settings:LineageReading",
            },
            hidden=("reference",),
            views=("tree", "report"),
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
        "match_lineage": "fatescope.systems.lineages.match:match_lineage",
        "match_table": "fatescope.systems.lineages.match:match_table",
    },
    page="lineage-naming.md",
)
