"""Audits the bound of a query by an unknown key, as `audit` does of one with declared cells.

Neighbouring inputs may differ in at most g keys, in each by one person; and a person's own keys may
show with probability delta at most, which draws of many people who are alone with theirs put to the
test.
"""

from collections.abc import Iterable, Iterator, Mapping

import duckdb
import numpy as np
from scipy.stats import beta

from minimisation.statistics import audit, unknown_keys
from minimisation.statistics.audit import Excess, Invented, Row
from minimisation.statistics.lower_bound import lower_bound
from minimisation.statistics.thresholds import UnknownKeys
from minimisation.statistics.unknown_keys import KeysPlan

CONFIDENCE = 0.9999
"""Probability with which the share of people who show is above its lower bound."""


def excesses(plan: KeysPlan, trials: int, seed: int = 0) -> Iterator[Excess]:
    """What one person changed over what they may, in L1 and squared L2, per trial."""
    with duckdb.connect(config={"threads": 1}) as connection:
        for trial in range(trials):
            rng = np.random.default_rng([seed, trial])
            invented = audit.invent(plan.rows, rng, int(rng.integers(2, 8)))
            one = max(invented.people, key=lambda each: len(invented.people[each]))
            invented.store(connection, plan.rows.source)
            whole = unknown_keys.exact_persons(plan, connection)
            invented.without(one).store(connection, plan.rows.source)
            rest = unknown_keys.exact_persons(plan, connection)
            change = [abs(whole.get(key, 0) - rest.get(key, 0)) for key in whole.keys() | rest]
            yield Excess(
                l1=sum(change) / plan.groups,
                l2_squared=sum(each**2 for each in change) / plan.groups,
            )


def worst(plan: KeysPlan, trials: int, seed: int = 0) -> Excess:
    """The largest excess of several trials, each norm for itself."""
    found = list(excesses(plan, trials, seed))
    return Excess(
        l1=max(each.l1 for each in found), l2_squared=max(each.l2_squared for each in found)
    )


def shown_epsilon(plan: KeysPlan, mechanism: UnknownKeys, draws: int, people: int = 500) -> float:
    """Lower bound on the epsilon that a query loses on one person among many of the same keys.

    Args:
        plan: the query, without conditions.
        mechanism: noise and threshold.
        draws: releases that are drawn of each input.
        people: how many have the keys; enough for them to be shown.

    Returns:
        See `lower_bound`; the figure of a draw is its log-likelihood ratio under the claimed noise.
    """
    own = _people(plan, {person: range(plan.groups) for person in range(1, people + 1)})
    figures = []
    exact = []
    with duckdb.connect(config={"threads": 1}) as connection:
        for input_of in (own, own.without(1)):
            input_of.store(connection, "")
            exact.append(unknown_keys.exact_persons(plan, connection))
    labels = sorted(exact[0])
    one, other = (np.array([each[label] for label in labels], np.float64) for each in exact)
    for each in exact:
        many = {f"{draw}/{label}": each[label] for draw in range(draws) for label in labels}
        shown = mechanism.release(many)
        # a key that is not shown tells that its figure is below the threshold
        figure = [shown.get(label, mechanism.threshold - 1) for label in many]
        drawn = np.array(figure, np.float64).reshape(draws, len(labels))
        figures.append((np.abs(drawn - other) - np.abs(drawn - one)).sum(axis=1))
    return lower_bound(figures[0], figures[1], mechanism.delta)


def shown_delta(
    plan: KeysPlan, mechanism: UnknownKeys, *, people: int, keys: int, rows: int = 1
) -> float:
    """Lower bound on the probability that a person's own keys show that the person is there.

    Args:
        plan: the query, without conditions.
        mechanism: noise and threshold.
        people: how many are drawn; each is alone with their keys.
        keys: keys of each of them.
        rows: rows of a person in each key.

    Returns:
        The one-sided bound of Clopper and Pearson on the share of people of whom a key was shown.
    """
    own = {person: [f"{person}/{key}" for key in range(keys)] for person in range(1, people + 1)}
    with duckdb.connect(config={"threads": 1}) as connection:
        _people(plan, own, rows).store(connection, "")
        exact = unknown_keys.exact_persons(plan, connection)
    shown = {label.partition("/")[0] for label in mechanism.release(exact)}
    hits = len(shown)
    return float(beta.ppf(1 - CONFIDENCE, hits, people - hits + 1)) if hits else 0.0


def _people(plan: KeysPlan, keys: Mapping[int, Iterable[object]], rows: int = 1) -> Invented:
    """People with these keys, so many rows in each, who are the same in everything else."""
    same = audit.invent(plan.rows, np.random.default_rng(0), 1).people.values()
    row: Row = next(iter(same))[0]
    people = {
        person: [row | {plan.column.name: str(key)} for key in own] * rows
        for person, own in keys.items()
    }
    return Invented(table=plan.rows.table, people=people, referred={})
