"""An option: one data-minimisation technique, applied to one use case."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from minimisation.contract.release import Release
from minimisation.contract.usecase import UseCase

if TYPE_CHECKING:
    from minimisation.forces.ask import Forces


class Option(Protocol):
    """A frozen keyword-only dataclass; its fields are the technique's parameters.

    It reaches data only through `forces.ask(step, …)` and puts together what the forces sent.
    """

    @property
    def name(self) -> str:
        """Kebab-case name, shown in plans and reports."""

    @property
    def summary(self) -> str:
        """One plain sentence: what leaves each force."""

    @property
    def keeps_direct_identifiers(self) -> bool:
        """Whether direct identifiers survive in its release; almost always False."""

    def apply(self, forces: "Forces", use_case: UseCase, rng: np.random.Generator) -> Release:
        """Make the release.

        Args:
            forces: the participating forces.
            use_case: the question and the public facts about its columns.
            rng: seeded generator for everything that is not privacy noise.

        Returns:
            One release.

        Raises:
            NotApplicableError: if it cannot answer this kind of question.
            PolicyError: if too few forces answered.
        """
