"""`sandbox query`: a private question to forces, its price first, and what it cost them."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from minimisation import UseCaseError
from sandbox.commands.printed import print_rows, print_table, say_charges, tell

if TYPE_CHECKING:
    import pyarrow as pa

    from minimisation.statistics.desk import Asking
    from minimisation.statistics.disclosure.controlled import Method
    from minimisation.statistics.planner import QueryPlan
    from minimisation.statistics.quote import Quote, Width
    from sandbox.study import Study

QUANTUM = 0.25
"""Seconds to whose multiple an answer is held back, so that its time tells nothing of the data."""

PlanPath = Annotated[Path, typer.Argument(help="Study plan, a TOML file.", show_default=False)]
Workspace = Annotated[Path, typer.Option(help="Folder for stores, feeds and results.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def query_command(  # noqa: PLR0913, PLR0917 - one parameter per flag
    plan: PlanPath,
    text: Annotated[
        list[str],
        typer.Argument(
            help="Such as: rows, mean(age) by sex where age >= 18; or persons by unknown(street)."
            " Several: one block."
        ),
    ],
    force: Annotated[
        list[str] | None, typer.Option(help="Force to ask; several are added up. All if none.")
    ] = None,
    epsilon: Annotated[float, typer.Option(help="Privacy loss of a query at each force.")] = 0.5,
    delta: Annotated[
        float,
        typer.Option(help="Its failure probability, for Gaussian noise, a block or unknown keys."),
    ] = 0.0,
    in_all: Annotated[int, typer.Option(min=1, help="Most rows of a person, unfiltered.")] = 10,
    groups: Annotated[int, typer.Option(min=1, help="Most groups of a person.")] = 10,
    rows: Annotated[int, typer.Option(min=1, help="Most rows of a person in a group.")] = 3,
    analyst: Annotated[str, typer.Option(help="Whose account is charged.")] = "analyst",
    quote: Annotated[bool, typer.Option("--quote", help="Print the price; spend nothing.")] = False,  # noqa: FBT002 - a flag
    within: Annotated[
        str, typer.Option(help="Interval wanted, such as rows=20 or mean_age=1.5@1000 rows.")
    ] = "",
    disclosure_control: Annotated[
        str,
        typer.Option(help="Counts without epsilon instead: rounding, suppression or cell-keys."),
    ] = "",
    consistent: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--consistent", help="No count below 0; add margins that are sums.")
    ] = False,
    workspace: Workspace = Path("workspace"),
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Ask forces a private question: person-level bounds, noise, and a charge to their budgets."""
    from minimisation.statistics import planner  # noqa: PLC0415 - engines load when needed
    from minimisation.statistics.desk import Asking  # noqa: PLC0415 - as above
    from minimisation.statistics.quote import epsilon_for  # noqa: PLC0415 - as above
    from minimisation.statistics.quote import quote as quoted  # noqa: PLC0415 - as above
    from minimisation.statistics.text_form import parse  # noqa: PLC0415 - as above
    from sandbox import desks  # noqa: PLC0415 - as above

    started = time.monotonic()
    study = _study(plan, workspace)
    case = study.plan.use_case
    asking = Asking(purpose=case.name, analyst=analyst, what="; ".join(text))
    if len(text) > 1 and (within or disclosure_control):
        raise UseCaseError("text must be one query with --within or --disclosure-control")
    if disclosure_control:
        _control(study, force or list(study.stores), disclosure_control, asking, as_json=as_json)
        return
    single = case.unit == "record"  # every record is a unit of its own
    allowance = planner.Allowance(
        in_all=1 if single else in_all, groups=1 if single else groups, rows=1 if single else rows
    )
    names = force or list(study.stores)
    table, stored = desks.table_of(study, names)
    queries = [parse(each, table.name) for each in text]
    if len(queries) == 1 and queries[0].unknown:
        from minimisation.statistics import unknown_keys  # noqa: PLC0415 - as above
        from sandbox.commands import query_keys  # noqa: PLC0415 - as above

        query_keys.refuse_beside({"--within": within, "--consistent": consistent})
        keys = unknown_keys.choose(queries[0], table, allowance)
        asked = query_keys.Asked(names=names, budget=(epsilon, delta), asking=asking)
        with held_back(started):
            query_keys.answer_keys(study, keys, asked, quote=quote, as_json=as_json)
        return
    plans = [planner.choose(each, table, allowance) for each in queries]
    if consistent:
        _refuse_unfit(plans)
    if len(plans) > 1:
        from sandbox.commands import query_block  # noqa: PLC0415 - as above

        budget = (epsilon, delta)
        for each in plans:
            _say(quoted(each, epsilon, 0.0, len(names)), case.unit, stored=stored)
        if quote:
            query_block.quote_block(plans, budget, len(names), as_json=as_json)
            return
        with held_back(started):
            query_block.answer_block(
                study, plans, names, budget, asking, consistent=consistent, as_json=as_json
            )
        return
    (chosen,) = plans
    if within:
        epsilon = epsilon_for(chosen, _wanted(within), delta=delta, forces=len(names))
    offer = quoted(chosen, epsilon, delta, len(names))
    _say(offer, case.unit, stored=stored)
    if quote:
        _print_quote(offer, as_json=as_json)
        return
    with held_back(started):
        answer = desks.ask(study, chosen, names, (epsilon, delta), asking)
    print_table(finished(chosen, answer.table, consistent=consistent), as_json=as_json)
    say_charges(answer.costs)


@contextmanager
def held_back(started: float) -> Iterator[None]:
    """Hold an answer or a failure back to a whole quantum of time since a command started."""
    try:
        yield
    finally:
        time.sleep(-(time.monotonic() - started) % QUANTUM)


def _refuse_unfit(plans: Sequence["QueryPlan"]) -> None:
    from minimisation.statistics.consistency import refuse_unfit  # noqa: PLC0415 - as above

    for each in plans:
        refuse_unfit(each)


def _control(
    study: "Study", names: Sequence[str], method: str, asking: "Asking", *, as_json: bool
) -> None:
    """Counts under disclosure control; as no epsilon goes with them, the label does."""
    from minimisation.statistics.disclosure.controlled import (  # noqa: PLC0415 - as above
        IN_WORDS,
        Control,
    )
    from sandbox import controlled_tables  # noqa: PLC0415 - as above

    control = Control(method=cast("Method", method))
    table = controlled_tables.ask(study, names, control, asking)
    tell(f"no epsilon: {IN_WORDS[control.method]}")
    tell("checked against every such table released before; it bounds nothing else")
    print_table(table, as_json=as_json)


def _study(plan: Path, workspace: Path) -> "Study":
    from sandbox.study import Study  # noqa: PLC0415 - as above

    return Study(plan_path=plan, workspace=workspace)


def _wanted(text: str) -> "Width":
    from minimisation.statistics.quote import Width  # noqa: PLC0415 - as above

    measure, _, rest = text.partition("=")
    half, _, rows = rest.partition("@")
    try:
        count = int(rows.removesuffix("rows")) if rows else None
        return Width(measure=measure.strip(), half=float(half), rows=count)
    except ValueError:
        msg = f"within ({text}) must be like rows=20, or mean_age=1.5@1000 for cells of 1000 rows"
        raise UseCaseError(msg) from None


def _say(offer: "Quote", unit: str, *, stored: bool) -> None:
    """What the figures mean, beside the data."""
    source = "the prepared form of each store" if stored else "each store, coded for this query"
    tell(f"read from {source}")
    plan = offer.plan
    groups, rows = plan.vector.groups, plan.vector.rows
    bound = f"with at most {rows} rows in all"
    if plan.form != "prefix":
        bound = f"in at most {groups} groups, with at most {rows} rows in each"
    if (groups, rows) == (1, 1):
        bound = "once"
    tell(f"form: {plan.form} ({plan.because})")
    tell(f"one {unit} counts {bound}; what is beyond that is left out")
    tell(f"each force adds {offer.added}; intervals are 95 % of it")


def _print_quote(offer: "Quote", *, as_json: bool) -> None:
    epsilon, rho = offer.spend.epsilon, offer.spend.rho
    price = {"epsilon": epsilon, "rho": rho, "delta": offer.spend.delta, "forces": offer.forces}
    rows = [
        {"measure": width.measure, "rows_in_cell": width.rows, "half_width": width.half}
        for width in offer.widths
    ]
    if as_json:
        sys.stdout.write(json.dumps({"cost": price, "intervals": rows}, indent=2) + "\n")
        return
    print_rows(rows, as_json=False)
    cost = f"epsilon {epsilon:g}" if epsilon is not None else f"rho {rho:g}"
    tell(f"would cost each force {cost}; nothing was spent")


def finished(plan: "QueryPlan", table: "pa.Table", *, consistent: bool) -> "pa.Table":
    """A released table as it is, or made consistent."""
    if not consistent:
        return table
    from minimisation.statistics.consistency import with_margins  # noqa: PLC0415 - as above

    tell("no count is below 0; small ones moved upwards, intervals no longer hold exactly")
    return with_margins(plan, table)
