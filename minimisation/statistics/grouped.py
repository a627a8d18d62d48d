"""The private mechanism for grouped statistics: noisy integer sums on the whole declared grid."""

import hashlib
import hmac
import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import groups
from minimisation.contract.errors import UseCaseError
from minimisation.contract.privacy import PrivacyLoss
from minimisation.contract.steps import Payload, PayloadKind, Premises
from minimisation.contract.usecase import UseCase
from minimisation.forces.mechanisms import private_mechanism
from minimisation.statistics import noise
from minimisation.statistics.bounding import CELL_BITS, vector_sql
from minimisation.statistics.parts import Plan, plan


def grid_shape(use_case: UseCase) -> tuple[int, ...]:
    """Number of declared labels per key other than the force."""
    question = use_case.grouped
    shape = tuple(len(groups.key_labels(use_case, key)) for key in question.by if key != "force")
    if math.prod(shape) >= 2**CELL_BITS:
        raise UseCaseError(f"by ({', '.join(question.by)}) must declare fewer than 2^31 cells")
    return shape


def plan_of(use_case: UseCase) -> Plan:
    """Parts and contribution bounds of the use case's grouped question."""
    return plan(use_case, use_case.grouped, math.prod(grid_shape(use_case)))


def noise_of(use_case: UseCase, epsilon: float, delta: float) -> noise.Noise:
    """The noise that one force adds to its vector."""
    chosen = plan_of(use_case)
    return noise.cheapest(chosen.l1, chosen.l2_squared, epsilon, delta)


def grid_of(use_case: UseCase) -> pa.Table:
    """Every cell of one force, in declared order; a table without columns if force is the key."""
    keys = plan_of(use_case).keys
    return groups.grid(use_case, keys) if keys else pa.table({})


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class PrivateSums:
    """Noisy weighted integer sums per cell; cells without rows are noised like any other."""

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
        return "private-sums"

    def sends(self, use_case: UseCase) -> Payload:
        """Keys as text and one int64 per part, one row per declared cell."""
        chosen = plan_of(use_case)
        fields = [(key, pa.string()) for key in chosen.keys]
        fields += [(part.name, pa.int64()) for part in chosen.parts]
        cells = math.prod(grid_shape(use_case))
        return Payload(kind=PayloadKind.STATISTICS, schema=pa.schema(fields), most_rows=cells)

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Loss of running it once, from the joint sensitivity of the vector."""
        chosen = plan_of(use_case)
        used = noise_of(use_case, self.epsilon, self.delta)
        return PrivacyLoss(
            epsilon=self.epsilon,
            delta=self.delta if isinstance(used, noise.DiscreteGaussian) else 0.0,
            unit=use_case.unit,
            bounds=(("groups", chosen.groups), ("rows", chosen.rows)),
            forces=1,
            mechanism=f"{used} on a vector of L1 sensitivity {chosen.l1}",
            rho=noise.concentrated(used, chosen.l2_squared),
        )

    def run(self, premises: Premises) -> pa.Table:
        """Exact bounded sums, then noise in one draw, then the table."""
        use_case = premises.use_case
        exact = exact_vector(premises)
        noisy = noise.perturb(exact.ravel(), noise_of(use_case, self.epsilon, self.delta))
        parts = plan_of(use_case).parts
        table = grid_of(use_case)
        for part, values in zip(parts, noisy.reshape(exact.shape), strict=True):
            column = pa.array(values, pa.int64())
            table = (
                table.append_column(part.name, column)
                if table.num_columns
                else pa.table({part.name: column})
            )
        return table


def exact_vector(premises: Premises) -> noise.Integers:
    """Exact bounded sums before noise, shape (parts, cells); never leaves the step."""
    use_case = premises.use_case
    chosen = plan_of(use_case)
    label = f"private-statistics|{use_case.name}".encode()
    key = hmac.new(premises.secret, label, hashlib.sha256).hexdigest()
    sums = premises.query(vector_sql(use_case, chosen, key))
    vector = np.zeros((len(chosen.parts), math.prod(grid_shape(use_case))), dtype=np.int64)
    cells = sums.column("cell").to_numpy()
    for place, part in enumerate(chosen.parts):
        vector[place, cells] = sums.column(part.name).to_numpy()
    return vector
