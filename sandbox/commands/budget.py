"""`sandbox budget`: what each force's private releases have cost, by every rule of composition."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from minimisation import MissingEngineError
from sandbox.commands.printed import print_rows, stdout
from sandbox.commands.query import AsJson, PlanPath, Workspace

if TYPE_CHECKING:
    from minimisation.forces.policy import Budget
    from minimisation.statistics.accounting import Account, Amount
    from minimisation.statistics.ledger import Ledger
    from sandbox.study import Study

budget_app = typer.Typer(
    help="Privacy budgets of a plan's forces.", no_args_is_help=True, rich_markup_mode=None
)


@budget_app.command("show")
def budget_show(
    plan: PlanPath,
    workspace: Workspace = Path("workspace"),
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Show what each force's releases have cost in epsilon, in this period and this year.

    A budget covers what stays within it by the sum or by zero-concentrated privacy (zCDP). Block is
    what the same releases would cost had they been fixed before the first draw. Runs are repeats
    and attacks, which stay in controlled access and cost no budget.
    """
    study = _study(plan, workspace)
    purpose, rows = study.plan.use_case.name, []
    for name, home in study.stores.items():
        ledger, policy = study.ledger(home), study.policy(home)
        rows.append({"force": name, "of": "this use case"} | _row(ledger, policy.budget, purpose))
        rows[-1]["assessments_in_year"] = ledger.assessed(purpose)
        if policy.cap is not None:
            rows.append({"force": name, "of": "all use cases"} | _row(ledger, policy.cap, None))
            rows[-1]["assessments_in_year"] = None
    print_rows(rows if as_json else [_in_words(row) for row in rows], as_json=as_json)


@budget_app.command("verify")
def budget_verify(plan: PlanPath, workspace: Workspace = Path("workspace")) -> None:
    """Check every entry of each force's privacy ledger against its chain."""
    study = _study(plan, workspace)
    for name, home in study.stores.items():
        entries = study.ledger(home).verify()
        stdout.print(f"{name}: {entries} entries as they were written", highlight=False)


def _study(plan: Path, workspace: Path) -> "Study":
    from sandbox.study import Study  # noqa: PLC0415 - engines load when needed

    return Study(plan_path=plan, workspace=workspace)


def _row(ledger: "Ledger", budget: "Budget", purpose: str | None) -> dict[str, object]:
    """Spend against one budget; of all purposes where none is named."""
    from minimisation.statistics.accounting import Account  # noqa: PLC0415 - as above

    row: dict[str, object] = {"period": budget.period, "epsilon_budget": budget.epsilon}
    if budget.epsilon == 0:
        empty = ("epsilon_sum", "epsilon_zcdp", "epsilon_block", "delta", "epsilon_in_year")
        return row | dict.fromkeys(empty)
    account = Account.of(budget)
    spent = ledger.spent(budget.period, purpose=purpose)
    year = ledger.spent("year", purpose=purpose)
    return row | {
        "epsilon_sum": _finite(spent.basic),
        "epsilon_zcdp": _finite(account.zcdp(spent)),
        "epsilon_block": _declared(ledger.charged(budget.period, purpose=purpose), account),
        "delta": account.guarantee(spent)[1],
        "epsilon_in_year": _finite(account.guarantee(year)[0]),
    }


def _in_words(row: dict[str, object]) -> dict[str, object]:
    """A row for readers: short headings, four figures."""

    def figure(name: str) -> str:
        value = row[name]
        return "–" if value is None else f"{value:.4g}"

    return {
        "force": row["force"],
        "of": "all" if row["assessments_in_year"] is None else "this",
        "budget": f"{figure('epsilon_budget')}/{row['period']}",
        "sum": figure("epsilon_sum"),
        "zCDP": figure("epsilon_zcdp"),
        "block": figure("epsilon_block"),
        "delta": figure("delta"),
        "year": figure("epsilon_in_year"),
        "runs": row["assessments_in_year"],
    }


def _declared(losses: "list[Amount]", account: "Account") -> float | None:
    """Epsilon of the same losses as one declared block, at the account's own delta."""
    from minimisation.statistics.accounting import block_cost  # noqa: PLC0415 - as above

    pure = [loss.basic for loss in losses]
    if len(pure) < 2 or account.delta == 0 or not all(map(math.isfinite, pure)):  # noqa: PLR2004 - one is no block
        return None
    if any(loss.delta or loss.basic_delta for loss in losses):
        return None
    try:
        return block_cost(pure, account.delta / 2).epsilon
    except MissingEngineError:
        return None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
