"""The private mechanism for a binary outcome: noisy counts of every feature's labels by outcome.

Each person is in one cell of each feature's margin, so adding or removing one changes the joint
vector by at most F in L1 and F in squared L2 norm, F being the number of features. A person with
several rows still counts once per margin: the cell of smallest number is taken.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from minimisation import groups, naive_bayes
from minimisation.contract.privacy import PrivacyLoss
from minimisation.contract.steps import Payload, PayloadKind, Premises
from minimisation.contract.usecase import UseCase
from minimisation.forces import sql
from minimisation.forces.mechanisms import private_mechanism
from minimisation.statistics import noise

FEATURE, LABEL = "feature", "label"
"""Columns of the payload beside the outcome and its noisy count."""


def noise_of(use_case: UseCase, epsilon: float, delta: float) -> noise.Noise:
    """The noise that one force adds to its margins."""
    features = len(use_case.binary.features)
    return noise.cheapest(features, features, epsilon, delta)


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class PrivateMargins:
    """Noisy counts per feature, label and outcome; empty cells are noised like any other."""

    epsilon: float
    """Privacy loss in each force."""
    delta: float = 0.0
    """Its failure probability; above 0 Gaussian noise is used where it is smaller."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the figure and the rule.
        """
        noise.check_budget(self.epsilon, self.delta)

    @property
    def name(self) -> str:
        """Name for a force's policy."""
        return "private-margins"

    def sends(self, use_case: UseCase) -> Payload:
        """Feature, label and outcome as text and a noisy int64 count, one row per cell."""
        fields = [(name, pa.string()) for name in (FEATURE, LABEL, naive_bayes.OUTCOME)]
        schema = pa.schema([*fields, (naive_bayes.ROWS, pa.int64())])
        cells = len(_cells(use_case))
        return Payload(kind=PayloadKind.STATISTICS, schema=schema, most_rows=cells)

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Loss of running it once."""
        features = len(use_case.binary.features)
        used = noise_of(use_case, self.epsilon, self.delta)
        return PrivacyLoss(
            epsilon=self.epsilon,
            delta=self.delta if isinstance(used, noise.DiscreteGaussian) else 0.0,
            unit=use_case.unit,
            bounds=(("margins", features), ("rows", 1)),
            forces=1,
            mechanism=f"{used} on {features} margins",
            rho=noise.concentrated(used, features),
        )

    def run(self, premises: Premises) -> pa.Table:
        """Exact margins, then noise in one draw, then the table."""
        use_case = premises.use_case
        noisy = noise.perturb(exact_vector(premises), noise_of(use_case, self.epsilon, self.delta))
        features, labels, outcomes = zip(*_cells(use_case), strict=True)
        return pa.table(
            [*(pa.array(each, pa.string()) for each in (features, labels, outcomes)), noisy],
            schema=self.sends(use_case).schema,
        )


def exact_vector(premises: Premises) -> noise.Integers:
    """Exact margins before noise, one entry per cell; never leaves the step."""
    use_case = premises.use_case
    parts = []
    for feature in use_case.binary.features:
        counted = premises.query(margin_sql(use_case, feature))
        exact = np.zeros(2 * len(groups.key_labels(use_case, feature)), dtype=np.int64)
        exact[counted.column("cell").to_numpy()] = counted.column("people").to_numpy()
        parts.append(exact)
    return np.concatenate(parts)


def margin_sql(use_case: UseCase, feature: str) -> str:
    """People per cell of one margin of the relation `people`; cell = 2 · label + outcome."""
    target = sql.name(use_case.binary.target)
    labels = groups.key_labels(use_case, feature)
    rows = ", ".join(f"({code}, {sql.text(label)})" for code, label in enumerate(labels))
    known = f"{target} is not null and unit is not null"
    label = f"{groups.key_sql(use_case, feature)} as label"
    outcome = f"case when {target} >= 0.5 then 1 else 0 end as outcome"
    cell = "min(2 * domain.code + outcome) as cell"
    joined = "labelled join domain on domain.label = labelled.label"
    steps = [
        f"domain(code, label) as (values {rows})",
        f"labelled as (select unit, {label}, {outcome} from people where {known})",
        f"bounded as (select unit, {cell} from {joined} group by unit)",
    ]
    return f"with {', '.join(steps)} select cell, count(*) as people from bounded group by cell"


def by_feature(use_case: UseCase, stacked: pa.Table) -> dict[str, pa.Table]:
    """Margins added up over forces, one table per feature as a scorecard reads them.

    Args:
        use_case: asks a binary outcome.
        stacked: payloads of all forces, one under the other.
    """
    summed = stacked.group_by([FEATURE, LABEL, naive_bayes.OUTCOME], use_threads=False).aggregate(
        [(naive_bayes.ROWS, "sum")]
    )
    tables = {}
    for feature in use_case.binary.features:
        own = summed.filter(pc.equal(summed.column(FEATURE), feature))
        tables[feature] = pa.table(
            {
                feature: own.column(LABEL),
                naive_bayes.OUTCOME: own.column(naive_bayes.OUTCOME),
                naive_bayes.ROWS: pc.cast(own.column(f"{naive_bayes.ROWS}_sum"), pa.float64()),
            }
        )
    return tables


def _cells(use_case: UseCase) -> list[tuple[str, str, str]]:
    return [
        (feature, label, outcome)
        for feature in use_case.binary.features
        for label in groups.key_labels(use_case, feature)
        for outcome in ("0", "1")
    ]
