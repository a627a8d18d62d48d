"""`sandbox query PLAN "persons by unknown(street)"`: keys that enough persons share to be shown."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minimisation import UseCaseError
from minimisation.statistics import unknown_keys
from sandbox import desks
from sandbox.commands.printed import print_rows, print_table, say_charges, tell

if TYPE_CHECKING:
    from minimisation.statistics.desk import Asking
    from minimisation.statistics.unknown_keys import KeysPlan, KeysQuote
    from sandbox.study import Study


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Whom a query is put to, at what price, and who puts it."""

    names: Sequence[str]
    """The forces."""
    budget: tuple[float, float]
    """Epsilon and delta at each force."""
    asking: "Asking"
    """Who asks, and for what."""


def refuse_beside(flags: Mapping[str, object]) -> None:
    """Refuse what only tables of declared cells can be asked with.

    Raises:
        UseCaseError: naming the flag.
    """
    for flag, given in flags.items():
        if given:
            raise UseCaseError(f"unknown(…) must be asked without {flag}: its cells are not public")


def answer_keys(
    study: "Study", plan: "KeysPlan", asked: Asked, *, quote: bool, as_json: bool
) -> None:
    """Print the price, or ask and print the keys that are shown, in order of their text."""
    offer = unknown_keys.quote(plan, *asked.budget, len(asked.names))
    _say(offer, study.plan.use_case.unit)
    if quote:
        _print_quote(offer, as_json=as_json)
        return
    answer = desks.ask_keys(study, plan, asked.names, asked.budget, asked.asking)
    if not answer.table.num_rows:
        tell("no key is shown")
    print_table(answer.table, as_json=as_json)
    say_charges(answer.costs)


def _say(offer: "KeysQuote", unit: str) -> None:
    """What the figures mean, beside the data."""
    mechanism, forces = offer.mechanism, offer.forces
    tell("read from each store, coded for this query")
    bound = "once" if offer.plan.groups == 1 else f"in at most {offer.plan.groups} keys"
    tell(f"one {unit} counts {bound}; a hash of {unit} and key decides which")
    tell(
        f"a key is shown where its {unit}s with noise reach {mechanism.threshold}; keys of one"
        f" {unit} alone show with probability {mechanism.delta:g} at most, at each force"
    )
    tell(f"each force adds {mechanism.noise}; intervals are 95 % of it, before keys are")
    tell("picked: of those that just reach the threshold more are too high than too low")
    if forces > 1:
        tell(
            f"persons are those of the forces in shown_by alone; the interval is of all {forces},"
            " and allows for what the others hold back"
        )


def _print_quote(offer: "KeysQuote", *, as_json: bool) -> None:
    """The price, the threshold and how far intervals would reach; nothing is spent."""
    spend, rows = offer.spend, offer.widths()
    if as_json:
        price = {
            "epsilon": spend.epsilon,
            "rho": spend.rho,
            "delta": spend.delta,
            "forces": offer.forces,
        }
        found = {"cost": price, "threshold": offer.mechanism.threshold, "intervals": rows}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    print_rows(rows, as_json=False)
    cost = f"epsilon {spend.epsilon:g} with delta {spend.delta:g}"
    tell(f"would cost each force {cost}; nothing was spent")
