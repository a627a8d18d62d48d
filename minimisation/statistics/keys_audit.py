"""Audits the bound of a query by an unknown key, as `audit` does of one with declared cells.

Neighbouring inputs may differ in at most g keys, in each by one person; and a person's own keys may
show with probability delta at most, which draws of many people who are alone with theirs put to the
test.
"""

from collections.abc import Iterator

import duckdb
import numpy as np
from scipy.stats import beta

from minimisation.statistics import audit, unknown_keys
from minimisation.statistics.audit import Excess, Invented, Row
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
    rng = np.random.default_rng(0)
    row = next(iter(audit.invent(plan.rows, rng, 1).people.values()))[0]
    own: dict[int, list[Row]] = {
        person: [row | {plan.column.name: f"{person}/{key}"} for key in range(keys)] * rows
        for person in rng.choice(10**9, people, replace=False).tolist()
    }
    with duckdb.connect(config={"threads": 1}) as connection:
        Invented(table=plan.rows.table, people=own, referred={}).store(connection, "")
        exact = unknown_keys.exact_persons(plan, connection)
    shown = {label.partition("/")[0] for label in mechanism.release(exact)}
    hits = len(shown)
    return float(beta.ppf(1 - CONFIDENCE, hits, people - hits + 1)) if hits else 0.0
