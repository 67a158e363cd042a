"""The card of the corrected names network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.systems.lineages.reproduce.scores import CORRECTED, MAJORITY, REPORTED

if TYPE_CHECKING:
    from fatescope.systems.lineages.reproduce.outcome import NamesOutcome


def names_card(outcome: NamesOutcome, *, quick: bool) -> str:
    """Return the model card: what it does, how good it is on unseen embryos, what it cannot."""
    majority, published, corrected = (outcome.scores[m] for m in (MAJORITY, REPORTED, CORRECTED))
    warning = (
        "\n**Made by a quick run on rendered embryos: not for use on real ones.**\n"
        if quick
        else ""
    )
    return f"""# compact-names
{warning}
Names nuclei of *C. elegans* embryos by the first three letters of the Sulston name (32 classes),
from place in the body, developmental time and radius. The place is found without names.

| on {len(outcome.test)} unseen embryos | accuracy per row | 95 % interval over embryos |
|--|--|--|
| this network | {corrected.mean:.3f} | {corrected.span} |
| the published network, trained on one embryo | {published.mean:.3f} | {published.span} |
| always the most frequent name | {majority.mean:.3f} | {majority.span} |

- Data: {outcome.source}; {outcome.n_train} embryos for training, {outcome.n_validation} to watch
  it, {len(outcome.test)} for the numbers above. Embryos are split by a hash of their names.
- Made by `fatescope reproduce lineage-names-2020`, which prints these numbers again.
- Not covered: other species, mutants with changed fates, embryos that pass fewer than three of
  the stages from 8 to 300 nuclei, tables whose spacing is unknown. It never abstains: the
  lineage-wide methods of `fatescope lineage name` are better where tracks are there.
"""
