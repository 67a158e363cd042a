"""Fit and score the certainty of links: python -m benchmarks.link_certainty --data DATA [--write]

Links of tracked EPIC tables are hidden and found again (as in `benchmarks.linking`): every frame
or each third, all nuclei or 98 or 90 % of them. Every tenth table is set aside for the score.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
from benchmarks.linking import thinned

from fatescope.acquire.lineages import read_lineage
from fatescope.base.types import FloatArray
from fatescope.lineage.link import comparable_positions, link_detections
from fatescope.track import ObjectLinkSettings
from fatescope.track.certainty import division_traits, link_traits

WEIGHTS = Path(__file__).resolve().parents[1] / "src/fatescope/track/shipped/link-certainty-1.toml"
CONDITIONS = ((1, 1.0), (1, 0.98), (1, 0.9), (3, 1.0), (3, 0.95))


def cases(table: Path) -> dict[str, list[tuple[FloatArray, FloatArray]]]:
    """Return traits of found links and divisions, and whether each is right, by condition."""
    found: dict[str, list[tuple[FloatArray, FloatArray]]] = {"link": [], "division": []}
    whole = read_lineage(table)
    for step, share in CONDITIONS:
        truth = thinned(whole, step=step, share=share)
        linked = link_detections(truth, ObjectLinkSettings())
        place = comparable_positions(linked)
        rows, values = link_traits(place, linked.frame, linked.parent)
        found["link"].append((values, truth.parent[rows] == linked.parent[rows]))
        rows, values = division_traits(place, linked.frame, linked.parent)
        right = [
            set(np.flatnonzero(linked.parent == r)) == set(np.flatnonzero(truth.parent == r))
            for r in rows
        ]
        found["division"].append((values, np.array(right, dtype=bool)))
    return found


def pooled(tables: list[Path]) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return all cases of some tables."""
    each = [cases(t) for t in tables]
    return {
        kind: (
            np.concatenate([v for one in each for v, _ in one[kind]]),
            np.concatenate([r for one in each for _, r in one[kind]]),
        )
        for kind in ("link", "division")
    }


def calibration_error(chance: FloatArray, right: FloatArray) -> float:
    """Return the mean distance of chance and share over ten bins of equal numbers."""
    order = np.argsort(chance)
    bins = np.array_split(order, 10)
    return float(np.mean([abs(chance[b].mean() - right[b].mean()) for b in bins]))


def write(weights: dict[str, list[float]], tables: list[str]) -> None:
    """Write the weights, the tables that they come from, and the hash of the file."""
    recipe = "python -m benchmarks.link_certainty --data DATA --write, on " + ", ".join(tables)
    lines = ["# What tells right links from wrong ones; read by `fatescope.storage.read_fitted`."]
    for kind, (constant, *values) in weights.items():
        lines += ["", f"[{kind}]", f'recipe = "{recipe}"', f"constant = {constant}"]
        lines += [f"weights = {values}"]
    content = ("\n".join(lines) + "\n").encode()
    WEIGHTS.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    WEIGHTS.with_name("SHA256SUMS").write_text(f"{digest}  {WEIGHTS.name}\n", encoding="utf-8")


def main() -> None:
    """Fit, print scores on the tables set aside, and write the weights if asked."""
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    tables = sorted((asked.data / "epic_tables").glob("CD*.csv.gz"))
    fitted, aside = pooled(tables[5::10]), pooled(tables[::10])
    weights = {}
    for kind, (values, right) in fitted.items():
        model = LogisticRegression(C=1.0, max_iter=2000).fit(values, right)
        weights[kind] = [float(f"{w:.4g}") for w in (*model.intercept_, *model.coef_[0])]
        values, right = aside[kind]
        chance = expit(weights[kind][0] + values @ np.array(weights[kind][1:]))
        low = chance <= np.quantile(chance, 0.1)
        caught = (~right[low]).sum() / (~right).sum()
        print(
            f"{kind}: {len(right)} cases aside, {right.mean():.4f} right, area "
            f"{roc_auc_score(right, chance):.3f}, calibration error "
            f"{calibration_error(chance, right):.4f}, {caught:.0%} of what is wrong is among the "
            "least sure tenth",
            flush=True,
        )
    if asked.write:
        write(weights, [t.name for t in tables[5::10]])


if __name__ == "__main__":
    main()
