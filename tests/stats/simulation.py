"""Simulated comparisons: how often each test calls two systems different, with and without a planted difference.

A difference is planted half below and half above the level of the null, because the error of a rate or an area depends
on its level. `python -m tests.stats.simulation` prints the table of docs/statistics.md.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import ttest_rel

from fauxbench.harness.stats.auc import area_difference
from fauxbench.harness.stats.blocks import blocks
from fauxbench.harness.stats.compare import Difference, Replicated, difference
from fauxbench.harness.stats.paired import paired_difference

PEOPLE, EACH = 24, 6
ONE_AREA = 0.8

Draw = Callable[[np.random.Generator, float], Difference]


@dataclass(frozen=True)
class Case:
    name: str
    clustered: Draw
    plain: Draw | None = None
    about: str = ""


def _spread(generator: np.random.Generator, shape: tuple[int, ...], home: np.ndarray) -> np.ndarray:
    return generator.standard_normal((*shape, home.max() + 1))[..., home]


def around(effect: float) -> np.ndarray:
    return np.array([-effect / 2, effect / 2])


def two_detectors(generator: np.random.Generator, effect: float) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Two detectors, one test set: real and swapped clips of the same people, whom each detector finds odd or not."""
    home = np.tile(np.repeat(np.arange(PEOPLE), EACH), 2)
    truth = np.arange(len(home)) >= PEOPLE * EACH
    scores = 0.5 * generator.standard_normal(len(home)) + 0.6 * generator.standard_normal((2, len(home)))
    scores += 0.5 * _spread(generator, (), home) + 0.5 * _spread(generator, (2,), np.where(truth, home, home + PEOPLE))
    size = np.sqrt(2 * (0.25 + 0.36 + 0.25 + 0.25))
    apart = size * ndtri(ONE_AREA + around(effect))
    return scores + apart[:, None] * truth, truth, [f"p{p}" for p in home]


def detectors(generator: np.random.Generator, effect: float) -> Difference:
    scores, truth, labels = two_detectors(generator, effect)
    return area_difference(*scores, truth, labels)


def detectors_plain(generator: np.random.Generator, effect: float) -> Difference:
    scores, truth, labels = two_detectors(generator, effect)
    return area_difference(*scores, truth, [str(i) for i in range(len(labels))])


def generators(generator: np.random.Generator, effect: float, *, plain: bool = False) -> Difference:
    """One detector, two generators: the same real clips, each generator's own fakes of a person."""
    home = np.repeat(np.arange(PEOPLE), EACH)
    label = np.concatenate([home, home + PEOPLE, home + 2 * PEOPLE])
    scores = 0.8 * _spread(generator, (), label) + 0.6 * generator.standard_normal(len(label))
    system = np.repeat([0, 1, 2], len(home))
    apart = np.sqrt(2.0) * ndtri(np.array([0.5, *(ONE_AREA + around(effect))]))
    scores += apart[system]
    a, b = (np.where(system == other, np.nan, scores) for other in (2, 1))
    return area_difference(a, b, system > 0, [str(i) for i in (range(len(label)) if plain else label)])


def items_alone(generator: np.random.Generator, effect: float) -> Difference:
    """Every item a cluster of its own: the plain form is right here."""
    count = 100
    truth = np.arange(2 * count) >= count
    scores = 0.6 * generator.standard_normal(2 * count) + 0.8 * generator.standard_normal((2, 2 * count))
    scores += np.sqrt(2.0) * ndtri(ONE_AREA + around(effect))[:, None] * truth
    return area_difference(*scores, truth, [str(i) for i in range(2 * count)])


def answers(generator: np.random.Generator, effect: float, share: float = 0.6) -> tuple[np.ndarray, list[str]]:
    """Right and wrong answers of two systems about the same items; each finds other people hard."""
    home = np.repeat(np.arange(PEOPLE), EACH)
    odd = 0.5 * _spread(generator, (), home) + 0.6 * _spread(generator, (2,), home)
    latent = odd + np.sqrt(1 - 0.25 - 0.36) * generator.standard_normal((2, len(home)))
    limits = ndtri(share + around(effect))
    return (latent < limits[:, None]).astype(float), [f"p{p}" for p in home]


def rates(generator: np.random.Generator, effect: float) -> Difference:
    hits, labels = answers(generator, effect)
    return paired_difference(*hits, labels, generator, permutations=999)


@dataclass(frozen=True)
class Plain:
    """A test that forgets the clusters."""

    p: float


def rates_plain(generator: np.random.Generator, effect: float) -> Difference:
    hits, _ = answers(generator, effect)
    return Plain(float(ttest_rel(hits[1], hits[0]).pvalue))  # type: ignore[return-value]


def swaps(generator: np.random.Generator, effect: float) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Values of two systems on clips with the face of one person on the body of another."""
    people = 40
    pairs = np.array([generator.choice(people, 2, replace=False) for _ in range(240)])
    of_person = generator.standard_normal((2, people))
    values = of_person[:, pairs[:, 0]] + of_person[:, pairs[:, 1]] + 1.0 * generator.standard_normal((2, len(pairs)))
    return values + np.array([0.0, effect])[:, None], [(f"p{i}", f"p{j}") for i, j in pairs]


def two_identities(generator: np.random.Generator, effect: float) -> Difference:
    values, labels = swaps(generator, effect)
    return paired_difference(*values, labels, generator)


def two_identities_plain(generator: np.random.Generator, effect: float) -> Difference:
    values, labels = swaps(generator, effect)
    return paired_difference(*values, [first for first, _ in labels], generator, permutations=999)


def retrained(generator: np.random.Generator, effect: float, *, seeds: int = 4) -> Difference:
    """Two recipes, each trained `seeds` times, on one test set; retraining alone moves what a detector sees."""
    count, home = 60, np.array(blocks([str(i) for i in range(60)]))
    common = generator.standard_normal((2, count))
    sides = []
    for shift in around(effect):
        apart = np.sqrt(2.0) * ndtri(ONE_AREA + shift) + 0.25 * generator.standard_normal(seeds)
        real, fake = (0.8 * one + 0.6 * generator.standard_normal((seeds, count)) for one in common)
        wins = ((fake + apart[:, None])[:, :, None] > real[:, None, :]).astype(float)
        member = np.eye(home.max() + 1)[home]
        cells = np.einsum("ia,sij,jb->sab", member, wins, member, optimize=True)
        left = wins.sum((1, 2))[:, None] - cells.sum(2) - cells.sum(1) + np.diagonal(cells, axis1=1, axis2=2)
        kept = (count - member.sum(0)) ** 2
        sides.append(Replicated(wins.mean((1, 2)), left / kept))
    return difference(*sides)


def one_seed_each(generator: np.random.Generator, effect: float) -> Difference:
    return retrained(generator, effect, seeds=1)


CASES = (
    Case("AUC, two detectors, people in clusters", detectors, detectors_plain, "DeLong on items"),
    Case(
        "AUC, two generators, one real set",
        generators,
        lambda g, e: generators(g, e, plain=True),
        "DeLong on items",
    ),
    Case("AUC, one item in each cluster", items_alone),
    Case("rate, paired permutation", rates, rates_plain, "paired t test on items"),
    Case("mean, items with two identities", two_identities, two_identities_plain, "clusters of one identity"),
    Case("AUC, recipes of 4 seeds", retrained, one_seed_each, "one seed of each recipe"),
)


def draws_of(draw: Draw, count: int, seed: int, effect: float = 0.0) -> list[Difference]:
    return [draw(np.random.default_rng([seed, number]), effect) for number in range(count)]


def share_found(found: list[Difference], alpha: float = 0.05) -> float:
    return float(np.mean([one.p < alpha for one in found]))


def planted_effect(null: list[Difference]) -> float:
    """Return the minimum detectable effect as it is stated: the median over the draws."""
    return float(np.median([stated for one in null if (stated := one.detectable(0.05)) is not None]))


def check(case: Case, count: int, seed: int) -> tuple[float, float, float, float | None]:
    """Return the false findings, the effect planted, how often it is found, and the plain form's false findings."""
    null = draws_of(case.clustered, count, seed)
    effect = planted_effect(null)
    found = share_found(draws_of(case.clustered, count, seed + 1, effect))
    plain = share_found(draws_of(case.plain, count, seed)) if case.plain else None
    return share_found(null), effect, found, plain


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    sys.stdout.write("| comparison | false findings | planted | found | plain form | its false findings |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for case in CASES:
        null, effect, found, plain = check(case, count, 100)
        other = f"{case.about} | {plain:.1%}" if plain is not None else "the same |"
        sys.stdout.write(f"| {case.name} | {null:.1%} | {effect:.3f} | {found:.1%} | {other} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
