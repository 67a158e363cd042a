"""How often `unlike-training` is right: on a model's own kind of image, and on other kinds.

python -m benchmarks.unlike_training MODEL --data DIR --cache DIR [--into PACKAGE]

MODEL is viability, phase-cells, live-dead or nuclei. DIR holds the data sets that
`docs/decisions/0350` names; rendered images are kept in the cache. With --into, the weights are
fitted into the folder of a package: its description, its card and its hashes.

Own images are divided by unit (a well, a field, a group): three tenths are held out and only
scored. Of the rest, the limit is the 98.5th percentile of scores from five folds. Each other kind
is scored by weights that were fitted without it.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from benchmarks.unlike_images import collect
from scipy.optimize import minimize

from fatescope.models import (
    Likeness,
    Share,
    Trait,
    find_package,
    measure_traits,
    read_package,
    write_package,
)

QUANTILE, FOLDS, PENALTY, FARTHEST, LEAST_SPREAD = 0.985, 5, 0.03, 6.0, 0.05
HEADING = "## Images of other kinds"


class Weights:
    """A logistic fit on the distance of each trait from its centre, and on its square."""

    def __init__(self, values, own, kinds):
        mine = values[own]
        self.centre = np.median(mine, axis=0)
        self.spread = mine.std(axis=0) + LEAST_SPREAD
        weight = np.where(own, 1 / own.sum(), 0.0)
        others = set(kinds) - {"own"}
        for kind in others:
            here = kinds == kind
            weight[here] = 1 / len(others) / here.sum()
        terms, n = self.terms(values), 2 * values.shape[1]

        def loss(b):
            z = terms @ b[:n] + b[n]
            off = (1 / (1 + np.exp(-z)) - ~own) * weight
            total = (np.logaddexp(0, np.where(own, z, -z)) * weight).sum()
            slope = np.append(terms.T @ off + PENALTY * b[:n], off.sum())
            return total + PENALTY * np.square(b[:n]).sum() / 2, slope

        start = np.zeros(n + 1)
        fit = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 400})
        self.weights, self.offset = fit.x[:n], float(fit.x[n])

    def terms(self, values):
        away = np.clip((values - self.centre) / self.spread, -FARTHEST, FARTHEST)
        return np.hstack([away, np.square(away) / 3])

    def score(self, values):
        return self.terms(values) @ self.weights + self.offset


def tenth(name, n=10):
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % n


def interval(share, n):
    """Return the share with Wilson's 95 % interval over ``n`` independent units or kinds."""
    z2 = 1.96**2
    middle = (share + z2 / 2 / n) / (1 + z2 / n)
    half = 1.96 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / 4 / n**2)
    return max(0.0, middle - half), min(1.0, middle + half)


def share_of(flagged, groups):
    share = float(np.mean(flagged))
    low, high = interval(share, len(set(groups)))
    return Share(n=len(flagged), share=round(share, 4), low=round(low, 4), high=round(high, 4))


def fit(seen):
    """Return the likeness and, by kind, the shares flagged today and with it."""
    rows = [(s, t) for s in seen if s["tile"] is not None and (t := traits_of(s["tile"]))]
    names = list(rows[0][1])
    values = np.array([[t[n] for n in names] for _, t in rows])
    kinds, units = (np.array([s[k] for s, _ in rows]) for k in ("kind", "unit"))
    today = np.array([s["today"] for s, _ in rows])
    own = kinds == "own"
    held_out = own & np.array([tenth(u) >= 7 for u in units])
    mine = own & ~held_out
    folds = np.array([tenth(f"f{u}", FOLDS) for u in units])
    scores = np.full(len(rows), np.nan)
    for i in range(FOLDS):
        use, rest = mine & (folds != i) | ~own, mine & (folds == i)
        if rest.any():
            scores[rest] = Weights(values[use], mine[use], kinds[use]).score(values[rest])
    limit = float(np.quantile(scores[mine], QUANTILE))
    use = mine | ~own
    whole = Weights(values[use], mine[use], kinds[use])
    unlike = whole.score(values) > limit
    for kind in set(kinds) - {"own"}:
        use, here = mine | (~own & (kinds != kind)), kinds == kind
        unlike[here] = Weights(values[use], mine[use], kinds[use]).score(values[here]) > limit
    flagged = unlike | today
    linear, square = np.split(whole.weights, 2)
    numbers = zip(names, whole.centre, whole.spread, linear, square / 3, strict=True)
    likeness = Likeness(
        traits={
            n: Trait(centre=round(c, 5), spread=round(s, 5), linear=round(a, 5), square=round(b, 5))
            for n, c, s, a, b in numbers
        },
        offset=round(whole.offset, 5),
        limit=round(limit, 4),
        own=share_of(flagged[held_out], units[held_out]),
        foreign=share_of(flagged[~own], kinds[~own]),
        kinds=len(set(kinds) - {"own"}),
    )
    groups = {"own, held out": held_out} | {k: kinds == k for k in sorted(set(kinds[~own]))}
    table = [(k, int(g.sum()), today[g].mean(), flagged[g].mean()) for k, g in groups.items()]
    return likeness, table


def traits_of(tile):
    return measure_traits(np.asarray(tile, np.float32))


def put_into(folder, likeness):
    """Write the likeness into the description and the card of a package."""
    package = read_package(folder)
    taken = package.description.image.replace(likeness=likeness)
    card = package.files["card.md"].decode().partition(f"\n{HEADING}\n")[0].rstrip()
    made = {"rdf.yaml", "card.md", "test_input.npy", "test_output.npy"}
    new = folder.with_name(f"{folder.name}.new")
    write_package(
        new,
        description=package.description.replace(input=taken),
        files={name: data for name, data in package.files.items() if name not in made},
        test_input=package.tensor("test_input.npy"),
        test_output=package.tensor("test_output.npy"),
        card=f"{card}\n\n{HEADING}\n\n{likeness.record}\n",
    )
    for path in new.iterdir():
        path.replace(folder / path.name)
    new.rmdir()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--into", type=Path)
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    package = read_package(find_package(given.model))
    likeness, table = fit(collect(package, given.data, given.cache))
    print("| kind | n | ranges alone | with likeness |\n|--|--|--|--|")
    for kind, n, today, flagged in table:
        print(f"| {kind} | {n} | {today:.2f} | {flagged:.2f} |")
    print(likeness.record)
    if given.into is not None:
        put_into(given.into, likeness)


if __name__ == "__main__":
    main()
