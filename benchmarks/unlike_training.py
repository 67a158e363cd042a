"""How often `unlike-training` is right: on a model's own kind of image, and on other kinds.

python -m benchmarks.unlike_training MODEL --data DIR --cache DIR [--into PACKAGE]

MODEL is viability, phase-cells, live-dead, nuclei, nuclei-em, membrane or populations. DIR holds
the data sets that `docs/decisions/0350` names, and for movies `devolearn_samples`, `epic_tables`,
`movie_breast2d` and `movie_simplus`; rendered images are kept in the cache. With --into, the
weights are fitted into the folder of a package: its description, its card and its hashes.

Own images are divided by unit (a well, a field, a group): three tenths are held out and only
scored. Of the rest the ranges and the limit together flag 1 %, by scores from five folds; a trait
that lies outside of all of them by three quarters of their range is flagged, too. Where these use
up the 1 %, the limit is half a unit above the highest score, which the next image would pass too
easily. Each other kind is scored by weights that were fitted without it, and with the penalty that
is best for the others. Images that get no objects are fitted to where they can be measured, and
not counted.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from benchmarks import unlike_images, unlike_movies
from scipy.optimize import minimize

from fatescope.models import (
    Likeness,
    Share,
    Trait,
    find_package,
    read_package,
    write_package,
)
from fatescope.train.card import OTHER_KINDS

QUANTILE, FOLDS, FARTHEST, LEAST_SPREAD = 0.99, 5, 6.0, 0.05
MARGIN, SPARE = 0.75, 0.5
PENALTIES = (0.01, 0.03, 0.1, 0.3)


class Weights:
    """A logistic fit on the distance of each trait from its centre, and on its square."""

    def __init__(self, values, own, kinds, penalty):
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
            slope = np.append(terms.T @ off + penalty * b[:n], off.sum())
            return total + penalty * np.square(b[:n]).sum() / 2, slope

        start = np.zeros(n + 1)
        fit = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 400})
        self.weights, self.offset = fit.x[:n], float(fit.x[n])

    def terms(self, values):
        away = np.clip((values - self.centre) / self.spread, -FARTHEST, FARTHEST)
        return np.hstack([away, np.square(away) / 3])

    def score(self, values):
        return self.terms(values) @ self.weights + self.offset


def margins(values):
    """Return how low and how high each trait may be: so far beyond these images."""
    low, high = values.min(axis=0), values.max(axis=0)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


def outside(values, among):
    low, high = margins(among)
    return ((values < low) | (values > high)).any(axis=1)


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
    rows = [s for s in seen if s["traits"]]
    names = list(rows[0]["traits"])
    values = np.array([[s["traits"][n] for n in names] for s in rows])
    kinds, units, today = (np.array([s[k] for s in rows]) for k in ("kind", "unit", "today"))
    there = np.array([s.get("objects", True) for s in rows])  # others are fitted to, not counted
    own = kinds == "own"
    held_out = own & np.array([tenth(u) >= 7 for u in units])
    mine = own & ~held_out
    counted = ~own & there
    others = sorted(set(kinds[counted]))
    folds = np.array([tenth(f"f{u}", FOLDS) for u in units])
    ranged = today | outside(values, values[mine])
    for i in range(FOLDS):
        if (rest := mine & (folds == i)).any():
            ranged[rest] = today[rest] | outside(values[rest], values[mine & (folds != i)])
    tried = [scored(values, kinds, mine, ranged, folds, p) for p in PENALTIES]
    caught = np.array(
        [[(f | ranged)[counted & (kinds == k)].mean() for k in others] for _, _, f in tried]
    )
    flagged = tried[best := int(caught.mean(axis=1).argmax())][2] | ranged
    for i, kind in enumerate(others):  # its own score has no say in how it is scored
        here = kinds == kind
        chosen = np.delete(caught, i, axis=1).mean(axis=1).argmax()
        flagged[here] = (tried[chosen][2] | ranged)[here]
    whole, limit, _ = tried[best]
    linear, square = np.split(whole.weights, 2)
    low, high = margins(values[mine])
    numbers = zip(names, whole.centre, whole.spread, linear, square / 3, low, high, strict=True)
    likeness = Likeness(
        traits={
            n: Trait(
                centre=round(c, 5),
                spread=round(s, 5),
                linear=round(a, 5),
                square=round(b, 5),
                low=round(least, 5),
                high=round(most, 5),
            )
            for n, c, s, a, b, least, most in numbers
        },
        offset=round(whole.offset, 5),
        limit=round(limit, 4),
        own=share_of(flagged[held_out & there], units[held_out & there]),
        foreign=share_of(flagged[counted], kinds[counted]),
        kinds=len(others),
        empty=sum(s["kind"] != "own" for s in seen) - int(counted.sum()),
    )
    groups = {"own, held out": held_out & there} | {k: counted & (kinds == k) for k in others}
    table = [(k, int(g.sum()), today[g].mean(), flagged[g].mean()) for k, g in groups.items()]
    return likeness, table


def scored(values, kinds, mine, ranged, folds, penalty):
    """Return weights, limit, and what is above it: other kinds by weights without their own."""
    foreign = kinds != "own"
    scores = np.full(len(values), np.nan)
    for i in range(FOLDS):
        use, rest = mine & (folds != i) | foreign, mine & (folds == i)
        if rest.any():
            fold = Weights(values[use], mine[use], kinds[use], penalty)
            scores[rest] = fold.score(values[rest])
    spent = float(ranged[mine].mean())  # of the false alarms that are allowed
    left = max(0.0, 1 - QUANTILE - spent)
    limit = float(np.quantile(scores[mine & ~ranged], 1 - left / (1 - spent)))
    limit += SPARE if not left else 0.0
    use = mine | foreign
    whole = Weights(values[use], mine[use], kinds[use], penalty)
    unlike = whole.score(values) > limit
    for kind in set(kinds[foreign]):
        use, here = mine | (foreign & (kinds != kind)), kinds == kind
        without = Weights(values[use], mine[use], kinds[use], penalty)
        unlike[here] = without.score(values[here]) > limit
    return whole, limit, unlike


def put_into(folder, likeness):
    """Write the likeness into the description and the card of a package."""
    package = read_package(folder)
    taken = package.description.image.replace(likeness=likeness)
    card = package.files["card.md"].decode().partition(f"\n## {OTHER_KINDS}\n")[0].rstrip()
    made = {"rdf.yaml", "card.md", "test_input.npy", "test_output.npy"}
    new = folder.with_name(f"{folder.name}.new")
    write_package(
        new,
        description=package.description.replace(input=taken),
        files={name: data for name, data in package.files.items() if name not in made},
        test_input=package.tensor("test_input.npy"),
        test_output=package.tensor("test_output.npy"),
        card=f"{card}\n\n## {OTHER_KINDS}\n\n{likeness.record}\n",
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
    seen = unlike_movies if package.name == "populations" else unlike_images
    likeness, table = fit(seen.collect(package, given.data, given.cache))
    print("| kind | n | ranges alone | with likeness |\n|--|--|--|--|")
    for kind, n, today, flagged in table:
        print(f"| {kind} | {n} | {today:.2f} | {flagged:.2f} |")
    print(likeness.record)
    if given.into is not None:
        put_into(given.into, likeness)


if __name__ == "__main__":
    main()
