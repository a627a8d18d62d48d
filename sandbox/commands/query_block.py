"""Several texts to `sandbox query`: one block, declared before the first draw and charged once."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from minimisation.statistics import quote as quotes
from minimisation.statistics.accounting import DELTA_UNITS, UNITS, Amount, block_spend
from sandbox import desks
from sandbox.commands.printed import print_rows, print_table, say_charges, tell
from sandbox.commands.query import finished

if TYPE_CHECKING:
    from minimisation.statistics.desk import Asking
    from minimisation.statistics.planner import QueryPlan
    from sandbox.study import Study


def quote_block(
    plans: Sequence["QueryPlan"], budget: tuple[float, float], forces: int, *, as_json: bool
) -> None:
    """Print a block's price beside the sum, and each query's expected intervals; spend nothing."""
    epsilon, delta = budget
    cost = block_spend([epsilon] * len(plans), delta).amount
    widths = [quotes.quote(plan, epsilon, 0.0, forces).widths for plan in plans]
    if as_json:
        price = {"epsilon": cost.basic, "sum": epsilon * len(plans), "delta": _delta(cost)}
        found = {
            "cost": price | {"forces": forces},
            "intervals": [[asdict(width) for width in each] for each in widths],
        }
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    rows = [
        {"query": place, "measure": width.measure, "rows_in_cell": width.rows, "half": width.half}
        for place, each in enumerate(widths, start=1)
        for width in each
    ]
    print_rows(rows, as_json=False)
    tell(f"would cost each force {_price(cost, epsilon, len(plans))}; nothing was spent")


def answer_block(  # noqa: PLR0913 - what a block consists of
    study: "Study",
    plans: Sequence["QueryPlan"],
    names: Sequence[str],
    budget: tuple[float, float],
    asking: "Asking",
    *,
    consistent: bool,
    as_json: bool,
) -> None:
    """Ask a block and print its tables, in the order in which they were declared."""
    answer = desks.ask_block(study, plans, names, budget, asking)
    tables = [
        finished(plan, table, consistent=consistent)
        for plan, table in zip(plans, answer.tables, strict=True)
    ]
    if as_json:
        sys.stdout.write(json.dumps([table.to_pylist() for table in tables], indent=2) + "\n")
    else:
        for table in tables:
            print_table(table, as_json=False)
    say_charges(answer.costs, lambda cost: _price(cost, budget[0], len(plans)))


def _price(cost: "Amount", epsilon: float, queries: int) -> str:
    return (
        f"epsilon {cost.basic:g} with delta {_delta(cost):g} for the block"
        f" (the sum of {queries} at {epsilon:g}: {queries * epsilon:g};"
        f" by zero-concentrated privacy rho {cost.rho / UNITS:.3g})"
    )


def _delta(cost: "Amount") -> float:
    return cost.delta / DELTA_UNITS
