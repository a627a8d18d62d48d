"""Non-personal data: what tables that are published anyway can tell, with no row of anyone.

Figures are rounded to base 5 and suppressed under 10, a threshold common for official tables
(Griffiths et al., Handbook on Statistical Disclosure Control for Outputs, 2019). The least
detailed model that fits them fills in the rest.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation import groups, naive_bayes
from minimisation.contract.errors import NotApplicableError
from minimisation.contract.questions import BinaryOutcome
from minimisation.contract.release import Release
from minimisation.contract.steps import Payload, PayloadKind, Premises
from minimisation.contract.usecase import UseCase
from minimisation.forces.ask import Forces
from minimisation.options import margins


@dataclass(frozen=True, kw_only=True)
class SendPublishedTable:
    """Sends one of the tables that the force publishes anyway."""

    name: ClassVar[str] = "send-published-table"
    keys: tuple[str, ...]
    """Keys of the table; a binary outcome is always crossed with them."""
    base: int
    """Every figure is rounded to a multiple of this."""
    fewest: int
    """Every figure below this is given as 0."""

    def sends(self, use_case: UseCase) -> Payload:
        """Rounded figures for every combination of the keys."""
        if not isinstance(use_case.question, BinaryOutcome):
            return margins.promise(use_case, use_case.question, self.keys)
        own = margins.own_keys(self.keys)
        return Payload(
            kind=PayloadKind.STATISTICS,
            schema=naive_bayes.margin_schema(own),
            most_rows=naive_bayes.margin_cells(use_case, own).num_rows,
        )

    def run(self, premises: Premises) -> pa.Table:
        """Count, round, suppress."""
        question = premises.use_case.question
        if isinstance(question, BinaryOutcome):
            table = self._outcomes(premises)
        else:
            table = margins.own_sums(premises, question, self.keys)
        return rounded(table, self.base, self.fewest)

    def _outcomes(self, premises: Premises) -> pa.Table:
        use_case, own = premises.use_case, margins.own_keys(self.keys)
        found = premises.query(naive_bayes.margin_sql(use_case, own))
        cells = naive_bayes.margin_cells(use_case, own)
        return groups.on_grid(found, cells, [naive_bayes.ROWS]).cast(self.sends(use_case).schema)


@dataclass(frozen=True, kw_only=True)
class NonPersonal:
    """An answer from published aggregates alone."""

    name: ClassVar[str] = "non-personal"
    summary: ClassVar[str] = (
        "Only tables that are published anyway leave, rounded and with small figures suppressed."
    )
    keeps_direct_identifiers: ClassVar[bool] = False
    base: int = 5
    """Rounding base of the published tables."""
    fewest: int = 10
    """Smallest figure that is published."""

    def __post_init__(self) -> None:
        """Refuse an impossible rounding.

        Raises:
            ValueError: naming the rule.
        """
        if self.base < 1:
            raise ValueError(f"base ({self.base}) must be at least 1")
        if self.fewest < 0:
            raise ValueError(f"fewest ({self.fewest}) must be at least 0")

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Collect the published tables and fit the least detailed model; `rng` is not needed.

        Raises:
            NotApplicableError: if no published table bears on the question.
            PolicyError: if a force refused or failed.
        """
        del rng
        question = use_case.question
        wanted = question.features if isinstance(question, BinaryOutcome) else question.by
        useful = [keys for keys in use_case.published if set(keys) & set(wanted)]
        if not useful:
            raise NotApplicableError("the use case names no published table that bears on it")
        tables = {
            keys: forces.ask(
                SendPublishedTable(keys=keys, base=self.base, fewest=self.fewest)
            ).stacked()
            for keys in useful
        }
        rule = f"Figures are rounded to base {self.base}; figures under {self.fewest} are read as 0"
        if isinstance(question, BinaryOutcome):
            model = naive_bayes.scorecard(use_case, _one_way(question, tables))
            return Release(artefact=model, remarks=(f"{rule}. Features count independently.",))
        answer = margins.estimate(use_case, question, forces.names, tables)
        return Release(
            artefact=answer,
            remarks=(f"{rule}. Cells are estimated from margins, as if keys were independent.",),
        )


def rounded(table: pa.Table, base: int, fewest: int) -> pa.Table:
    """The table with every figure rounded to `base`, and to 0 where its size is under `fewest`."""
    for place, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            value = np.asarray(table.column(place), dtype=float)
            kept = np.where(np.abs(value) < fewest, 0.0, np.round(value / base) * base)
            table = table.set_column(place, field, pa.array(kept))
    return table


def _one_way(question: BinaryOutcome, tables: margins.Margins) -> dict[str, pa.Table]:
    """Per feature the least detailed table that has it: that one lost least to suppression."""
    chosen = {}
    for feature in question.features:
        holding = [keys for keys in tables if feature in keys]
        if holding:
            chosen[feature] = tables[min(holding, key=len)]
    return chosen
