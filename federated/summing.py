"""How sums over each force's people are collected: masked, or as every force computed them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from federated.layout import SummedStep
from minimisation import UseCase

if TYPE_CHECKING:
    from federated.flower import Grid
    from federated.grid import Connect

EXACT_SUMS = "Sums over a force are exact: those of a small group can describe a person."
TOTALS_ONLY = "Only totals over all forces were seen, by a secure sum; they are exact, not noised."


@dataclass(frozen=True, kw_only=True)
class Summing:
    """Whether the server sees what single forces computed, or only totals over all of them."""

    secure: bool
    """Whether forces mask their sums."""
    most_people: int
    """Public bound on the people of one force; masked sums are encoded so that none can wrap."""

    @property
    def remark(self) -> str:
        """What a release says of it."""
        return TOTALS_ONLY if self.secure else EXACT_SUMS

    def grid(
        self, connect: "Connect", use_case: UseCase, roster: Sequence[str], step: SummedStep
    ) -> "Grid":
        """A grid on which every round asks for the sums of a step.

        Args:
            connect: reaches the forces.
            use_case: the use case.
            roster: names of the forces, in their order.
            step: what is summed.

        Raises:
            MissingEngineError: if Flower is not installed.
            PolicyError: if sums are masked and there are fewer than three forces.
        """
        from federated.secure_grid import secure_grid  # noqa: PLC0415 - loads Flower when used

        if self.secure:
            return secure_grid(connect, use_case, roster, step, self.most_people)
        return connect({"train": step})
