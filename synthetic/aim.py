"""AIM: differentially private synthesis that measures, again and again, what fits worst.

McKenna, Mullins, Sheldon and Miklau 2022, AIM: An Adaptive and Iterative Mechanism for
Differentially Private Synthetic Data (algorithm 2), with all pairs of columns as the workload.
The model that guides the choice is fitted inside the force, to figures that are already private.
"""

from dataclasses import dataclass, replace

import pyarrow as pa

from minimisation import Payload, Premises, PrivacyLoss, UseCase, private_mechanism
from minimisation.statistics.noise import rho_of
from synthetic import counting, measured, rows
from synthetic.aim_rounds import Account, Run
from synthetic.budget import check_gaussian, loss_of
from synthetic.modelled import Effort
from synthetic.private_rows import PrivateRows


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class MeasureAdaptively:
    """Noisy margins that AIM chose and measured inside the force."""

    epsilon: float
    """Privacy loss in each force."""
    delta: float
    """Its failure probability, above 0."""
    rounds: int
    """Rounds per column for which the noise is set at first."""
    steps: int
    """Steps of a fit inside the force."""
    megabytes: float
    """Largest model that may guide the choice."""
    seconds: float
    """After this long the next round is the last one."""
    name: str = "measure-adaptively"
    """Name by which a force approves it."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the figure and the rule.
        """
        check_gaussian(self.epsilon, self.delta)
        if self.rounds < 2:  # noqa: PLR2004 - one for the columns, one for a pair
            raise ValueError(f"rounds ({self.rounds}) must be at least 2 per column")

    def sends(self, use_case: UseCase) -> Payload:
        """Measured margins, each of which may have been measured in every round."""
        cells = rows.cells_of(use_case)
        largest = max(
            measured.size(cells, [clique])
            for clique in (*counting.singles(cells), *counting.pairs(cells))
        )
        most = measured.promise(largest * len(cells) * (self.rounds + 1))
        return replace(most, schema=most.schema.append(pa.field(rows.STOPPED, pa.bool_())))

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Loss of running it once."""
        what = "discrete Gaussian noise on margins, Gumbel noise on their adaptive choice"
        return loss_of(use_case, self.epsilon, self.delta, what)

    def run(self, premises: Premises) -> pa.Table:
        """Count once, then choose and measure.

        Raises:
            NotApplicableError: if there are too few or too many columns.
            MissingEngineError: if mbi is not installed at the force.
        """
        cells = rows.cells_of(premises.use_case)
        exact = counting.singles_and_pairs(premises, cells)
        most = counting.rows_per_unit(premises.use_case)
        rho = rho_of(self.epsilon, self.delta)
        play = Run(
            cells=cells,
            exact=exact,
            account=Account.open(rho, self.rounds * len(cells), most),
            steps=self.steps,
            megabytes=self.megabytes,
            seconds=self.seconds,
        )
        return rows.with_stopped(measured.to_table(play.play()), stopped=play.stopped)


@dataclass(frozen=True, kw_only=True)
class PrivateAdaptive(PrivateRows):
    """Synthetic rows from noisy margins that an adaptive mechanism (AIM) chose in each force."""

    rounds: int = 2
    """Rounds per column for which the noise is set at first. By rule, not by trial: one measures
    the column, and another gives it a part in two pairs. The paper's 16 starts with more noise and
    takes several times as long."""
    steps: int = 300
    """Steps of a fit inside the force; the last fit outside takes three times as many."""
    megabytes: float = 1.0
    """Largest model."""
    seconds: float = 120.0
    """Time for the rounds in each force, and for the fit outside; after it the next round takes
    all that is left of the budget, and the release names the force."""
    name: str = "private-adaptive"

    @property
    def summary(self) -> str:
        """What leaves each force."""
        return (
            "Noisy counts of single columns and of the pairs that fit worst, from which rows are "
            f"drawn (epsilon {self.epsilon:g})."
        )

    def step(self) -> MeasureAdaptively:
        """What every force is asked."""
        return MeasureAdaptively(
            epsilon=self.epsilon,
            delta=self.delta,
            rounds=self.rounds,
            steps=self.steps,
            megabytes=self.megabytes,
            seconds=self.seconds,
        )

    @property
    def effort(self) -> Effort:
        """The fit outside is the last one, and takes longer than those that guide the choice."""
        return Effort(steps=3 * self.steps, seconds=self.seconds)
